#include "saddlesweep/plan.h"

#include "../base/memory.h"
#include "saddlesweep/marginal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the state may live on the stack */
#include <xxhash.h>

static int64_t largest(const ss_spec *spec, ss_axis_id axis)
{
    return ss_values_largest(&spec->axes[spec->axes[axis].root].values);
}

ss_plan ss_plan_of(const ss_spec *spec)
{
    ss_plan plan = {
        .spec = spec,
        .cells = 1,
        .seeds = spec->seeds.count,
        .checkpoints = spec->checkpoint_count,
        .multipliers = spec->certificate ? largest(spec, SS_AXIS_D) : 0,
        .iterate_rows = spec->iterate ? largest(spec, SS_AXIS_D) : 0,
        .iterate_columns = spec->iterate ? largest(spec, SS_AXIS_K) : 0,
        .shard = SS_SHARD_WHOLE,
        .seed_step = 1,
    };
    for (int position = SS_AXES - 1; position >= 0; position--) {
        ss_axis_id id = spec->order[position];
        plan.stride[id] = plan.cells;
        if (!spec->axes[id].tied) {
            plan.cells *= spec->axes[id].values.count;
        }
    }
    return plan;
}

void ss_plan_release(ss_plan *plan)
{
    free(plan->numbers);
    plan->numbers = NULL;
}

/* Every count-th seed, all cells. */
static void take_seeds(ss_plan *plan, ss_shard shard)
{
    plan->shard = shard;
    plan->first_seed = shard.index - 1;
    plan->seed_step = shard.count;
    plan->seeds = (plan->seeds - 1 - plan->first_seed) / plan->seed_step + 1;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* One seed, and the cells that plan->numbers has. */
static void take_one_seed(ss_plan *plan, ss_shard shard, int64_t cells)
{
    plan->shard = shard;
    plan->first_seed = (shard.index - 1) % plan->seeds;
    plan->seeds = 1;
    plan->cells = cells;
}

/* Of the cells those that are dealt to this shard, in the order of the whole plan. */
static ss_error take_cells(ss_plan *plan, ss_shard shard)
{
    uint32_t *order = NULL;
    int64_t taken = 0;
    int64_t seed_index = (shard.index - 1) % plan->seeds;
    SS_TRY(ss_plan_longest_first(plan, &order));
    for (int64_t place = 0; place < plan->cells; place++) {
        if (ss_shard_holding(shard.count, plan->seeds, place, seed_index) == shard.index) {
            order[taken++] = order[place];
        }
    }
    ss_error error = ss_allocate((size_t)taken, sizeof *order, &plan->numbers);
    if (error == SS_OK) {
        memcpy(plan->numbers, order, (size_t)taken * sizeof *order);
        qsort(plan->numbers, (size_t)taken, sizeof *order, compare_numbers);
    }
    free(order);
    take_one_seed(plan, shard, taken);
    return error;
}

ss_error ss_plan_of_shard(const ss_spec *spec, ss_shard shard, ss_plan *plan)
{
    *plan = ss_plan_of(spec);
    if (shard.count > ss_plan_runs(plan)) {
        return ss_fail(SS_ERR_USAGE,
                       "--shard %" PRId64 "/%" PRId64 ": the sweep has %" PRId64
                       " runs, so there can be at most %" PRId64 " shards",
                       shard.index, shard.count, ss_plan_runs(plan), ss_plan_runs(plan));
    }
    if (shard.count > 1 && spec->until_se > 0) {
        return ss_fail(SS_ERR_USAGE,
                       "--shard %" PRId64 "/%" PRId64 ": grid.seed.until_se needs all seeds of a "
                       "cell, and a shard does not see those of the others; leave one of them out",
                       shard.index, shard.count);
    }
    if (shard.count > plan->seeds) {
        return take_cells(plan, shard);
    }
    take_seeds(plan, shard);
    return SS_OK;
}

ss_error ss_plan_of_cells(const ss_spec *spec, ss_shard shard, uint32_t *numbers, int64_t count,
                          ss_plan *plan)
{
    *plan = ss_plan_of(spec);
    plan->numbers = numbers;
    bool good = count > 0 && shard.count <= ss_plan_runs(plan) && numbers[count - 1] < plan->cells;
    for (int64_t cell = 1; cell < count && good; cell++) {
        good = numbers[cell - 1] < numbers[cell];
    }
    if (!good) {
        return ss_fail(SS_ERR_USAGE, "the sweep has no such shard");
    }
    take_one_seed(plan, shard, count);
    return SS_OK;
}

int64_t ss_plan_runs(const ss_plan *plan)
{
    return plan->cells * plan->seeds;
}

int64_t ss_plan_cell_number(const ss_plan *plan, int64_t cell)
{
    return plan->numbers ? plan->numbers[cell] : cell;
}

int64_t ss_plan_seed(const ss_plan *plan, int64_t seed_index)
{
    return ss_values_at(&plan->spec->seeds, plan->first_seed + seed_index * plan->seed_step);
}

static int64_t axis_value(const ss_plan *plan, ss_axis_id id, int64_t number)
{
    ss_axis_id root = plan->spec->axes[id].root;
    const ss_values *values = &plan->spec->axes[root].values;
    return ss_values_at(values,
                        values->count == 1 ? 0 : number / plan->stride[root] % values->count);
}

ss_run ss_plan_run(const ss_plan *plan, int64_t cell, int64_t seed_index)
{
    const ss_spec *spec = plan->spec;
    int64_t number = ss_plan_cell_number(plan, cell);
    ss_run run = {
        .d = axis_value(plan, SS_AXIS_D, number),
        .k = axis_value(plan, SS_AXIS_K, number),
        .n = axis_value(plan, SS_AXIS_N, number),
        .m = axis_value(plan, SS_AXIS_M, number),
        .activation = spec->activations[axis_value(plan, SS_AXIS_ACTIVATION, number)],
        .root_seed = spec->root_seed,
        .seed = ss_plan_seed(plan, seed_index),
        .row_norm = spec->row_norm,
        .truth_matrix = spec->truth_matrix,
        .train_row_norm = (ss_train_row_norm)axis_value(plan, SS_AXIS_ROW_NORM, number),
        .iterations = spec->iterations,
        .step_size = spec->step_size,
        .step_decay = spec->step_decay,
        .ascent_step = spec->ascent_step,
        .noise = spec->noise,
        .precision = spec->precision,
        .checkpoints = spec->checkpoints,
        .checkpoint_count = spec->checkpoint_count,
        .algorithm = spec->algorithm,
        .discriminator = spec->discriminator,
        .certificate = spec->certificate,
        .iterate = spec->iterate,
        .covariance_error = spec->covariance_error,
        .gradient_bias = spec->gradient_bias,
    };
    if (run.train_row_norm == SS_TRAIN_ROW_NORM_LEARNED) {
        run.stage = spec->stage;
        if (spec->discriminator_follows) {
            run.stage.discriminator = ss_marginal_discriminator(run.activation);
        }
    }
    run.k0 = spec->latent_is_axis ? axis_value(plan, spec->latent_axis, number) : spec->latent;
    return run;
}

bool ss_plan_has_wide_runs(const ss_plan *plan)
{
    bool found = false;
    for (int64_t cell = 0; cell < plan->cells && !found; cell++) {
        ss_run run = ss_plan_run(plan, cell, 0);
        found = ss_plan_is_wide(plan, &run);
    }
    return found;
}

/* train.row_norm, unless that is known alone, and how norms are learned; returns the length. */
static size_t norm_settings(const ss_spec *spec, char *buffer, size_t size)
{
    char text[SS_ROW_NORMS_TEXT_SIZE];
    if (ss_spec_knows_norms(spec)) {
        return 0;
    }
    size_t used =
        (size_t)snprintf(buffer, size, "train.row_norm: %s\n", ss_spec_row_norms_text(spec, text));
    if (ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED)) {
        used += (size_t)snprintf(
            buffer + used, size - used,
            "train.marginal.discriminator: %s\n"
            "train.marginal.iterations: %" PRId64 "\n"
            "train.marginal.step.size: %.17g\n"
            "train.marginal.step.decay: %.17g\n",
            spec->discriminator_follows ? "auto" : ss_discriminator_name(spec->stage.discriminator),
            spec->stage.iterations, spec->stage.step_size, spec->stage.step_decay);
    }
    return used;
}

/* Only of sweeps that have them: the others' digests are older than they. */
static const char *optional_settings(const ss_spec *spec, char *buffer, size_t size)
{
    size_t used =
        (size_t)snprintf(buffer, size, "%s", spec->certificate ? "record.certificate: true\n" : "");
    if (spec->until_se > 0) {
        used += (size_t)snprintf(buffer + used, size - used,
                                 "grid.seed.until_se: %.17g\n"
                                 "grid.seed.count: %" PRId64 "\n",
                                 spec->until_se, spec->first_seeds);
    }
    if (spec->truth_matrix) {
        int64_t entries = spec->truth_rows * spec->latent;
        used += (size_t)snprintf(buffer + used, size - used,
                                 "truth.matrix: %" PRId64 " x %" PRId64 ", XXH3 %016" PRIx64 "\n",
                                 spec->truth_rows, spec->latent,
                                 XXH3_64bits(spec->truth_matrix, (size_t)entries * sizeof(double)));
    }
    used += norm_settings(spec, buffer + used, size - used);
    if (spec->iterate) {
        used += (size_t)snprintf(buffer + used, size - used, "record.iterate: true\n");
    }
    if (spec->covariance_error) {
        used += (size_t)snprintf(buffer + used, size - used, "record.covariance_error: true\n");
    }
    if (spec->gradient_bias) {
        used += (size_t)snprintf(buffer + used, size - used, "record.gradient_bias: true\n");
    }
    if (spec->algorithm != SS_ALGORITHM_SGDA) {
        snprintf(buffer + used, size - used, "algorithm: %s\ndiscriminator: %s\n",
                 ss_algorithm_name(spec->algorithm), ss_discriminator_name(spec->discriminator));
    }
    return buffer;
}

const char *ss_plan_settings(const ss_plan *plan, char buffer[SS_SETTINGS_SIZE])
{
    const ss_spec *spec = plan->spec;
    char optional[640];
    snprintf(buffer, SS_SETTINGS_SIZE,
             "root_seed: %" PRIu64 "\n"
             "truth.row_norm: %s\n"
             "train.iterations: %" PRId64 "\n"
             "train.step.size: %.17g\n"
             "train.step.decay: %.17g\n"
             "train.ascent_step: %.17g\n"
             "train.noise: %.17g\n"
             "precision: %s\n%s",
             spec->root_seed, ss_row_norm_name(spec->row_norm), spec->iterations, spec->step_size,
             spec->step_decay, spec->ascent_step, spec->noise, ss_precision_name(spec->precision),
             optional_settings(spec, optional, sizeof optional));
    return buffer;
}

/* Hash input is gathered in pieces of this many words. */
enum { PIECE = 4096 };

static void hash_cells(const ss_plan *plan, XXH3_state_t *state)
{
    uint64_t words[PIECE];
    size_t filled = 0;
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        if (filled + 7 > PIECE) {
            XXH3_128bits_update(state, words, filled * sizeof *words);
            filled = 0;
        }
        ss_run run = ss_plan_run(plan, cell, 0);
        words[filled++] = (uint64_t)run.d;
        words[filled++] = (uint64_t)run.k;
        words[filled++] = (uint64_t)run.k0;
        words[filled++] = (uint64_t)run.n;
        words[filled++] = (uint64_t)run.m;
        words[filled++] = (uint64_t)run.activation.kind;
        memcpy(&words[filled++], &run.activation.alpha, sizeof run.activation.alpha);
    }
    XXH3_128bits_update(state, words, filled * sizeof *words);
}

static void hash_seeds(const ss_plan *plan, XXH3_state_t *state)
{
    int64_t seeds[PIECE];
    size_t filled = 0;
    for (int64_t index = 0; index < plan->seeds; index++) {
        seeds[filled++] = ss_plan_seed(plan, index);
        if (filled == PIECE || index + 1 == plan->seeds) {
            XXH3_128bits_update(state, seeds, filled * sizeof *seeds);
            filled = 0;
        }
    }
}

/* Two sweeps may have a shard alike, but not its cells' numbers, or not the other shards. */
static void hash_shard(const ss_plan *plan, XXH3_state_t *state)
{
    char whole_digest[SS_DIGEST_SIZE];
    int64_t shard[2] = {plan->shard.index, plan->shard.count};
    ss_plan whole = ss_plan_of(plan->spec);
    ss_plan_digest(&whole, whole_digest);
    XXH3_128bits_update(state, whole_digest, sizeof whole_digest);
    XXH3_128bits_update(state, shard, sizeof shard);
    if (plan->numbers) {
        XXH3_128bits_update(state, plan->numbers, (size_t)plan->cells * sizeof *plan->numbers);
    }
}

void ss_plan_digest(const ss_plan *plan, char digest[SS_DIGEST_SIZE])
{
    char settings[SS_SETTINGS_SIZE];
    XXH3_state_t state;
    int64_t shape[3] = {plan->cells, plan->seeds, plan->checkpoints};
    XXH3_INITSTATE(&state);
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, shape, sizeof shape);
    ss_plan_settings(plan, settings);
    XXH3_128bits_update(&state, settings, strlen(settings));
    hash_cells(plan, &state);
    hash_seeds(plan, &state);
    XXH3_128bits_update(&state, plan->spec->checkpoints,
                        (size_t)plan->checkpoints * sizeof *plan->spec->checkpoints);
    if (plan->shard.count > 1) {
        hash_shard(plan, &state);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    snprintf(digest, SS_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}
