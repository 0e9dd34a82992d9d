/* A minimal sweep file in three parts, and the reading of files without a mistake. */
#ifndef TESTS_SUPPORT_SWEEP_TEXT_H
#define TESTS_SUPPORT_SWEEP_TEXT_H

#include "check.h"

#include "saddlesweep/plan.h"
#include "saddlesweep/spec.h"

#define HEAD      "name: t\nroot_seed: 1\n"                                      /* lines 1, 2 */
#define GRID      "grid: {d: 3, k: 2, n: 10, m: n, activation: tanh, seed: 0}\n" /* line 3 */
#define TRAIN     "train: {iterations: 10, step: {size: 0.5}}\n"                 /* line 4 */
#define FILE_NAME "sweep.yaml"

static inline ss_spec *parse_with(const char *text, const char *const *overrides, size_t count)
{
    ss_spec *spec = NULL;
    ss_error error = ss_spec_parse(FILE_NAME, text, overrides, count, &spec);
    if (error != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    assert_non_null(spec);
    return spec;
}

static inline ss_spec *parse(const char *text)
{
    return parse_with(text, NULL, 0);
}

#endif
