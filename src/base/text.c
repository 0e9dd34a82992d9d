#include "text.h"

#include "memory.h"
#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void ss_text_append(ss_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t needed = text->length + (size_t)length + 1;
    if (text->failed || ss_grow(&text->data, &text->capacity, needed, 1) != SS_OK) {
        text->failed = 1;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

const char *ss_text_line(const char **rest, int *length)
{
    const char *line = *rest;
    if (*line == '\0') {
        return NULL;
    }
    *length = (int)strcspn(line, "\n");
    *rest = line + *length + (line[*length] == '\n');
    return line;
}

ss_error ss_texts_add(ss_texts *list, const char *text)
{
    SS_TRY(ss_grow(&list->texts, &list->capacity, list->count + 1, sizeof *list->texts));
    list->texts[list->count++] = text;
    return SS_OK;
}

static ss_error read_stream(FILE *stream, const char *path, ss_text *text)
{
    for (;;) {
        if (ss_grow(&text->data, &text->capacity, text->length + 4096, 1) != SS_OK) {
            return SS_ERR_MEMORY;
        }
        size_t room = text->capacity - text->length - 1;
        size_t got = fread(text->data + text->length, 1, room, stream);
        text->length += got;
        text->data[text->length] = '\0';
        if (got < room) {
            break;
        }
    }
    if (ferror(stream)) {
        return ss_fail(SS_ERR_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (memchr(text->data, '\0', text->length)) {
        return ss_fail(SS_ERR_USAGE, "%s: holds a NUL byte; expected a text file", path);
    }
    return SS_OK;
}

ss_error ss_text_read_file(const char *path, ss_text *text)
{
    struct stat information;
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        return ss_fail(SS_ERR_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
    }
    ss_error error = SS_OK;
    if (fstat(fileno(stream), &information) == 0 && S_ISDIR(information.st_mode)) {
        error = ss_fail(SS_ERR_USAGE, "%s: is a folder; expected a text file", path);
    } else {
        error = read_stream(stream, path, text);
    }
    fclose(stream);
    return error;
}

enum { LONGEST_NAME = 63, SHORTEST_BEGINNING = 3 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance; both lengths at most LONGEST_NAME. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows = strlen(a);
    size_t columns = strlen(b);
    size_t cost[LONGEST_NAME + 1][LONGEST_NAME + 1];
    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = smaller(replace, 1 + smaller(cost[i - 1][j], cost[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = smaller(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[rows][columns];
}

const char *ss_text_nearest(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    size_t best = 1 + (length + 1) / 3;
    if (length > LONGEST_NAME) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, names[i]);
        if (length >= SHORTEST_BEGINNING && strncmp(word, names[i], length) == 0) {
            return names[i];
        }
        if (distance < best) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

const char *ss_text_listing(const char *const *texts, size_t count, const char *conjunction,
                            char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < count && length < size; i++) {
        bool last = i + 1 == count;
        const char *before = i == 0 ? "" : last ? " " : ", ";
        length +=
            (size_t)snprintf(buffer + length, size - length, "%s%s%s%s", before,
                             last && i > 0 ? conjunction : "", last && i > 0 ? " " : "", texts[i]);
    }
    return buffer;
}

static int is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xd800 && c < 0xe000);
}

void ss_text_fit(const char *text, char *field, size_t size)
{
    static const char ellipsis[] = "…";
    size_t length = 0;
    size_t cut = 0; /* where the ellipsis has room */
    memset(field, 0, size);
    while (*text) {
        uint32_t character = 0;
        int bytes = ss_utf8_decode(text, &character);
        int bad = bytes == 0 || is_control(character);
        size_t kept = bad ? 1 : (size_t)bytes;
        if (length + kept >= size) {
            memset(field + cut, 0, size - cut);
            memcpy(field + cut, ellipsis, sizeof ellipsis);
            return;
        }
        memcpy(field + length, bad ? "?" : text, kept);
        length += kept;
        cut = length + sizeof ellipsis <= size ? length : cut;
        text += bytes > 0 ? bytes : 1;
    }
}

const char *ss_text_number(double value, char buffer[SS_NUMBER_TEXT_SIZE])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buffer, SS_NUMBER_TEXT_SIZE, "%.*g", digits, value);
        double read = strtod(buffer, NULL);
        if (memcmp(&read, &value, sizeof read) == 0) {
            break;
        }
    }
    return buffer;
}

const char *ss_text_duration(double seconds, char *buffer, size_t size)
{
    if (seconds >= 100 * 3600.0) {
        snprintf(buffer, size, "%.3g days", seconds / 86400);
    } else if (seconds >= 3600) {
        snprintf(buffer, size, "%.1f h", seconds / 3600);
    } else if (seconds >= 60) {
        snprintf(buffer, size, "%.1f min", seconds / 60);
    } else if (seconds >= 1) {
        snprintf(buffer, size, "%.1f s", seconds);
    } else if (seconds >= 1e-3) {
        snprintf(buffer, size, "%.1f ms", seconds * 1e3);
    } else {
        snprintf(buffer, size, "%.1f us", seconds * 1e6);
    }
    return buffer;
}

const char *ss_text_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}
