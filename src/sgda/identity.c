#include "saddlesweep/run.h"

#include <string.h>
#include <xxhash.h>

static uint64_t bits(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

enum { FIRST_WORDS = 17, OPTIONS = 2 };

/* Settings that came later take part, as pairs of a tag and a value, only where they are not the
 * default: runs without them keep their identities. Returns the count of words. */
static size_t append_options(const ss_run *run, uint64_t *words, size_t count)
{
    if (run->truth_matrix) {
        words[count++] = 1;
        words[count++] =
            XXH3_64bits(run->truth_matrix, (size_t)(run->d * run->k0) * sizeof(double));
    }
    if (run->train_row_norm != SS_TRAIN_ROW_NORM_KNOWN) {
        words[count++] = 2;
        words[count++] = (uint64_t)run->train_row_norm;
    }
    return count;
}

uint64_t ss_run_identity(const ss_run *run)
{
    /* The order is part of the file format: a change here is a new format_version. */
    uint64_t words[FIRST_WORDS + 2 * OPTIONS] = {
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
    return XXH3_64bits(words, append_options(run, words, FIRST_WORDS) * sizeof *words);
}
