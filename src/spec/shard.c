#include "saddlesweep/shard.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The number at *text, which is moved behind it; 0 if there is none. */
static int64_t read_number(const char **text)
{
    char *end = NULL;
    if (!isdigit((unsigned char)**text)) {
        return 0; /* strtoll would take spaces and signs */
    }
    errno = 0;
    long long number = strtoll(*text, &end, 10);
    *text = end;
    return errno == 0 ? number : 0;
}

ss_error ss_shard_parse(const char *text, ss_shard *shard)
{
    const char *at = text;
    ss_shard found = {.index = read_number(&at)};
    if (*at == '/') {
        at++;
        found.count = read_number(&at);
    }
    *shard = SS_SHARD_WHOLE;
    if (*at != '\0' || found.index < 1 || found.index > found.count) {
        return ss_fail(SS_ERR_USAGE,
                       "--shard: found \"%s\", expected I/N with 1 <= I <= N, e.g. 2/5", text);
    }
    *shard = found;
    return SS_OK;
}

const char *ss_shard_format(ss_shard shard, char buffer[SS_SHARD_TEXT_SIZE])
{
    snprintf(buffer, SS_SHARD_TEXT_SIZE, "%" PRId64 "/%" PRId64, shard.index, shard.count);
    return buffer;
}

bool ss_shard_same(ss_shard a, ss_shard b)
{
    return a.index == b.index && a.count == b.count;
}

int64_t ss_shard_holding(int64_t count, int64_t seeds, int64_t place, int64_t seed_index)
{
    if (count <= seeds) {
        return seed_index % count + 1;
    }
    int64_t sharers = (count - 1 - seed_index) / seeds + 1;
    int64_t turn = place % sharers;
    bool back = place / sharers % 2 == 1;
    return (back ? sharers - 1 - turn : turn) * seeds + seed_index + 1;
}
