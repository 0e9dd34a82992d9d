/* A sweep of 12 cells with 4 seeds, and others that differ from it. */
#ifndef TESTS_SUPPORT_PLAN_TEXT_H
#define TESTS_SUPPORT_PLAN_TEXT_H

#include "sweep_text.h"

static const char plan_text[] = "name: t\n"
                                "root_seed: 1\n"
                                "grid:\n"
                                "  d: [3, 5, 7]\n"
                                "  k: 2\n"
                                "  n: [500, 1000]\n"
                                "  m: n\n"
                                "  activation: [tanh, leaky_relu(0.2)]\n"
                                "  seed: {count: 4}\n"
                                "train: {iterations: 100, step: {size: 0.5}}\n"
                                "record: {points: 10}\n";

static inline ss_spec *sweep_with(const char *const *overrides, size_t count)
{
    return parse_with(plan_text, overrides, count);
}

/* NULL: as it is. */
static inline ss_spec *sweep_with_one(const char *override)
{
    return sweep_with(&override, override ? 1 : 0);
}

#endif
