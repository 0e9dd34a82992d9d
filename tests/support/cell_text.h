#ifndef TESTS_SUPPORT_CELL_TEXT_H
#define TESTS_SUPPORT_CELL_TEXT_H

#include "saddlesweep/run.h"

#include <inttypes.h>
#include <stdio.h>

/* A cell's parameters in words, e.g. "d=3 k=2 k0=2 n=500 m=500 tanh", into `buffer`. */
static inline const char *cell_text(const ss_run *run, char *buffer, size_t size)
{
    char activation[SS_ACTIVATION_TEXT_SIZE];
    snprintf(buffer, size,
             "d=%" PRId64 " k=%" PRId64 " k0=%" PRId64 " n=%" PRId64 " m=%" PRId64 " %s", run->d,
             run->k, run->k0, run->n, run->m, ss_activation_format(run->activation, activation));
    return buffer;
}

#endif
