#include "saddlesweep/run.h"

#include <string.h>
#include <xxhash.h>

static uint64_t bits(double value)
{
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

/* Settings that came later take part, as pairs of a tag and a value, only where they are not the
 * default: runs without them keep their identities. */
enum { WORDS = 17, MOST_LATER = 8 };
enum { TAG_TRUTH_MATRIX = 1, TAG_TRAIN_ROW_NORM, TAG_ALGORITHM, TAG_STAGE };

static size_t append(uint64_t *words, size_t count, uint64_t tag, uint64_t value)
{
    words[count] = tag;
    words[count + 1] = value;
    return count + 2;
}

static uint64_t stage_hash(const ss_norm_stage *stage)
{
    const uint64_t words[] = {(uint64_t)stage->discriminator, (uint64_t)stage->iterations,
                              bits(stage->step_size), bits(stage->step_decay)};
    return XXH3_64bits(words, sizeof words);
}

/* Appends those of the run; returns the count of all words. */
static size_t append_later(const ss_run *run, uint64_t *words, size_t count)
{
    if (run->truth_matrix) {
        size_t bytes = (size_t)(run->d * run->k0) * sizeof *run->truth_matrix;
        count = append(words, count, TAG_TRUTH_MATRIX, XXH3_64bits(run->truth_matrix, bytes));
    }
    if (run->train_row_norm != SS_TRAIN_ROW_NORM_KNOWN) {
        count = append(words, count, TAG_TRAIN_ROW_NORM, (uint64_t)run->train_row_norm);
    }
    if (run->train_row_norm == SS_TRAIN_ROW_NORM_LEARNED) {
        count = append(words, count, TAG_STAGE, stage_hash(&run->stage));
    }
    if (run->algorithm != SS_ALGORITHM_SGDA) {
        count = append(words, count, TAG_ALGORITHM,
                       (uint64_t)run->algorithm << 32 | (uint64_t)run->discriminator);
    }
    return count;
}

uint64_t ss_run_identity(const ss_run *run)
{
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
    return XXH3_64bits(words, append_later(run, words, WORDS) * sizeof *words);
}
