/* What the tests share: cmocka, comparisons of doubles that tell what differs, and a small
 * generator of test inputs that owes nothing to the code under test. */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include "with_cmocka.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* |value - expected| ≤ tolerance; a NaN is near nothing. */
#define assert_near(value, expected, tolerance)                                                    \
    check_near(value, expected, tolerance, #value, __FILE__, __LINE__)

/* value ≤ bound; a NaN is below nothing. */
#define assert_at_most(value, bound) check_at_most(value, bound, #value, __FILE__, __LINE__)

/* The text holds the fragment. */
#define assert_contains(text, fragment) check_contains(text, fragment, __FILE__, __LINE__)

static inline void check_near(double value, double expected, double tolerance, const char *name,
                              const char *file, int line)
{
    if (!(fabs(value - expected) <= tolerance)) {
        print_error("%s = %.17g, expected %.17g within %g\n", name, value, expected, tolerance);
        _fail(file, line);
    }
}

static inline void check_at_most(double value, double bound, const char *name, const char *file,
                                 int line)
{
    if (!(value <= bound)) {
        print_error("%s = %.17g, expected at most %g\n", name, value, bound);
        _fail(file, line);
    }
}

static inline void check_contains(const char *text, const char *fragment, const char *file,
                                  int line)
{
    if (!strstr(text, fragment)) {
        print_error("expected \"%s\" in:\n%s\n", fragment, text);
        _fail(file, line);
    }
}

/* SplitMix64. */
static inline uint64_t check_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

/* Uniform in (-1, 1). */
static inline double check_uniform(uint64_t *state)
{
    return (double)(check_random(state) >> 11) * 0x1p-52 - 1;
}

/* ‖a - b‖₂ and ‖a‖₂ of `count` moderate values. */
static inline double check_distance(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sqrt(sum);
}

static inline double check_norm(const double *a, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += a[i] * a[i];
    }
    return sqrt(sum);
}

#endif
