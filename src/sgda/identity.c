#include "saddlesweep/run.h"

#include <string.h>
#include <xxhash.h>

static uint64_t bits(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

/* Settings that came later are words only where they are not the default, as pairs of a tag and a
 * value: the identities of all other runs are as old as the runs. */
enum { TAG_ALGORITHM = 3, MOST_LATER = 2 };

static size_t later_settings(const ss_run *run, uint64_t *words)
{
    size_t count = 0;
    if (run->algorithm != SS_ALGORITHM_SGDA) {
        words[count++] = TAG_ALGORITHM;
        words[count++] = (uint64_t)run->algorithm << 32 | (uint64_t)run->discriminator;
    }
    return count;
}

uint64_t ss_run_identity(const ss_run *run)
{
    enum { WORDS = 17 };
    /* The order is part of the file format: a change here is a new format_version. */
    uint64_t words[WORDS + MOST_LATER] = {
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
    size_t later = later_settings(run, words + WORDS);
    return XXH3_64bits(words, (WORDS + later) * sizeof words[0]);
}
