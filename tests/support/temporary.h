/* Names for files and folders of a test's own, in $TMPDIR or else in /tmp. */
#ifndef TESTS_SUPPORT_TEMPORARY_H
#define TESTS_SUPPORT_TEMPORARY_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMPORARY_SIZE = 512 }; /* of a name, its end included */

/* A pattern for mkdtemp() and mkstemp() into `pattern`; false if it would be too long. */
static inline bool temporary_pattern(const char *name, char pattern[TEMPORARY_SIZE])
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(pattern, TEMPORARY_SIZE, "%s/%s.XXXXXX",
                          parent && parent[0] ? parent : "/tmp", name);
    return length < TEMPORARY_SIZE;
}

/* A new folder, its name into `folder`; false if it cannot be made. */
static inline bool temporary_folder(const char *name, char folder[TEMPORARY_SIZE])
{
    return temporary_pattern(name, folder) && mkdtemp(folder);
}

#endif
