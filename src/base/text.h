/* Small text helpers: a growing string, a list, nearest names, quantities for people. */
#ifndef SADDLESWEEP_BASE_TEXT_H
#define SADDLESWEEP_BASE_TEXT_H

#include "saddlesweep/error.h"

#include <stddef.h>
#include <stdint.h>

/* A growing, NUL-terminated string. Start from {0}; release with free(text.data). After a failed
 * append (memory) `failed` is set and later appends do nothing: check once, at the end. */
typedef struct ss_text {
    char *data;
    size_t length;
    size_t capacity;
    int failed;
} ss_text;

void ss_text_append(ss_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next line of a text: where it begins, its length without the end of line into *length; *rest
 * is moved behind it. NULL after the last. */
const char *ss_text_line(const char **rest, int *length);

/* A growing list of texts that belong to others; release with free(list.texts). */
typedef struct ss_texts {
    const char **texts;
    size_t count;
    size_t capacity;
} ss_texts;

/* SS_ERR_MEMORY. */
ss_error ss_texts_add(ss_texts *list, const char *text);

/* Reads a whole file into *text (owned by the caller, even after an error). SS_ERR_USAGE with the
 * path and the system's reason when it cannot be read, or when it holds a NUL byte. */
ss_error ss_text_read_file(const char *path, ss_text *text);

/* The one of `count` names that is nearest to `word` by edit distance (insert, delete, replace,
 * swap of neighbours), or NULL when none is near enough to be a likely slip. */
const char *ss_text_nearest(const char *word, const char *const *names, size_t count);

/* "a, b and c" for the conjunction "and": written into `buffer` (cut off where it is full), which
 * is returned. */
const char *ss_text_listing(const char *const *texts, size_t count, const char *conjunction,
                            char *buffer, size_t size);

/* Copies a text into a field of `size` bytes (at least 4), filled up with NULs, of which there is
 * always one: a longer text ends in an ellipsis, between two characters; control characters and
 * what is no UTF-8 become '?'. */
void ss_text_fit(const char *text, char *field, size_t size);

/* The shortest decimal number that reads back as `value`, into `buffer`, which is returned. */
enum { SS_NUMBER_TEXT_SIZE = 27 };
const char *ss_text_number(double value, char buffer[SS_NUMBER_TEXT_SIZE]);

/* "1.5 h", "3.2 min", "12 s", "4.0 ms": written into `buffer`, which is returned. */
const char *ss_text_duration(double seconds, char *buffer, size_t size);

/* "1.5 GiB", "320 B": written into `buffer`, which is returned. */
const char *ss_text_bytes(double bytes, char *buffer, size_t size);

#endif
