/* How much a test tries: as much as the level of ./test.sh asks for (CONTRIBUTING.md). */
#ifndef TESTS_SUPPORT_EFFORT_H
#define TESTS_SUPPORT_EFFORT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Sanitizers look at memory, which numbers that are computed once more show nothing new about. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* Whether the full matrix is asked for. */
static inline bool tests_all(void)
{
    const char *level = getenv("SADDLESWEEP_TESTS");
    return level && strcmp(level, "all") == 0;
}

/* A count, size or stride: in `all`, usually, and usually under sanitizers, where `all` takes what
 * is usual elsewhere. */
static inline int tests_effort(int all, int usual, int sanitized)
{
    if (SANITIZED) {
        return tests_all() ? usual : sanitized;
    }
    return tests_all() ? all : usual;
}

#endif
