#include "saddlesweep/run.h"

#include <string.h>
#include <xxhash.h>

static uint64_t bits(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

uint64_t ss_run_identity(const ss_run *run)
{
    /* The order is part of the file format: a change here is a new format_version. */
    uint64_t words[] = {
        (uint64_t)run->d,
        (uint64_t)run->k,
        (uint64_t)run->k0,
        (uint64_t)run->n,
        (uint64_t)run->m,
        (uint64_t)run->activation.kind,
        bits(run->activation.alpha),
        run->root_seed,
        (uint64_t)run->seed,
        (uint64_t)run->row_norm,
        (uint64_t)run->iterations,
        bits(run->step_size),
        bits(run->step_decay),
        bits(run->ascent_step),
        bits(run->noise),
        (uint64_t)run->precision,
        XXH3_64bits(run->checkpoints, (size_t)run->checkpoint_count * sizeof *run->checkpoints),
    };
    return XXH3_64bits(words, sizeof words);
}
