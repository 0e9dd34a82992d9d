#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FIELDS = 3, LARGEST_FIELD = 1000000000 };

/* Numbers separated by ':', each of digits alone. How many; 0 if it is something else. */
static int read_fields(const char *text, int64_t fields[MOST_FIELDS])
{
    for (int count = 0; count < MOST_FIELDS; count++) {
        if (*text < '0' || *text > '9') {
            return 0;
        }
        for (fields[count] = 0; *text >= '0' && *text <= '9'; text++) {
            fields[count] = fields[count] * 10 + (*text - '0');
            if (fields[count] > LARGEST_FIELD) {
                return 0;
            }
        }
        if (*text == '\0') {
            return count + 1;
        }
        if (*text++ != ':') {
            return 0;
        }
    }
    return 0;
}

bool ss_slurm_seconds(const char *text, int64_t *seconds)
{
    int64_t days[MOST_FIELDS] = {0};
    int64_t rest[MOST_FIELDS] = {0};
    char before[16] = "0";
    const char *dash = strchr(text, '-');
    if (dash) {
        snprintf(before, sizeof before, "%.*s", (int)(dash - text), text);
    }
    int count = read_fields(dash ? dash + 1 : text, rest);
    if (count == 0 || read_fields(before, days) != 1) {
        return false;
    }
    /* The first field is hours after days, minutes where it is alone or with seconds. */
    bool hours_first = dash || count == 3;
    int64_t hours = hours_first ? rest[0] : 0;
    int64_t minutes = hours_first ? rest[1] : rest[0];
    *seconds = ((days[0] * 24 + hours) * 60 + minutes) * 60 + (hours_first ? rest[2] : rest[1]);
    return *seconds > 0;
}

const char *ss_slurm_time(int64_t seconds, char *buffer, size_t size)
{
    int64_t days = seconds / 86400;
    char before[24] = "";
    if (days > 0) {
        snprintf(before, sizeof before, "%" PRId64 "-", days);
    }
    snprintf(buffer, size, "%s%02d:%02d:%02d", before, (int)(seconds / 3600 % 24),
             (int)(seconds / 60 % 60), (int)(seconds % 60));
    return buffer;
}

bool ss_slurm_mebibytes(const char *text, double *mebibytes)
{
    static const char suffixes[] = "KMGT";
    static const double factors[] = {1.0 / 1024, 1, 1024, 1024.0 * 1024};
    char digits[16];
    size_t length = strspn(text, "0123456789");
    int64_t number[MOST_FIELDS];
    if (length == 0 || length >= sizeof digits) {
        return false;
    }
    snprintf(digits, sizeof digits, "%.*s", (int)length, text);
    text += length;
    const char *suffix = *text ? strchr(suffixes, *text & ~0x20) : NULL;
    if (read_fields(digits, number) != 1 || (*text && (!suffix || text[1] != '\0'))) {
        return false;
    }
    *mebibytes = (double)number[0] * (suffix ? factors[suffix - suffixes] : 1);
    return true;
}
