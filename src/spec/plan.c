#include "saddlesweep/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the state may live on the stack */
#include <xxhash.h>

ss_plan ss_plan_of(const ss_spec *spec)
{
    ss_plan plan = {
        .spec = spec,
        .cells = 1,
        .seeds = spec->seeds.count,
        .checkpoints = spec->checkpoint_count,
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

int64_t ss_plan_runs(const ss_plan *plan)
{
    return plan->cells * plan->seeds;
}

static int64_t axis_value(const ss_plan *plan, ss_axis_id id, int64_t cell)
{
    ss_axis_id root = plan->spec->axes[id].root;
    const ss_values *values = &plan->spec->axes[root].values;
    return ss_values_at(values, values->count == 1 ? 0 : cell / plan->stride[root] % values->count);
}

ss_run ss_plan_run(const ss_plan *plan, int64_t cell, int64_t seed_index)
{
    const ss_spec *spec = plan->spec;
    ss_run run = {
        .d = axis_value(plan, SS_AXIS_D, cell),
        .k = axis_value(plan, SS_AXIS_K, cell),
        .n = axis_value(plan, SS_AXIS_N, cell),
        .m = axis_value(plan, SS_AXIS_M, cell),
        .activation = spec->activations[axis_value(plan, SS_AXIS_ACTIVATION, cell)],
        .root_seed = spec->root_seed,
        .seed = ss_values_at(&spec->seeds, seed_index),
        .row_norm = spec->row_norm,
        .iterations = spec->iterations,
        .step_size = spec->step_size,
        .step_decay = spec->step_decay,
        .ascent_step = spec->ascent_step,
        .noise = spec->noise,
        .precision = spec->precision,
        .checkpoints = spec->checkpoints,
        .checkpoint_count = spec->checkpoint_count,
    };
    run.k0 = spec->latent_is_axis ? axis_value(plan, spec->latent_axis, cell) : spec->latent;
    return run;
}

const char *ss_plan_settings(const ss_plan *plan, char buffer[SS_SETTINGS_SIZE])
{
    const ss_spec *spec = plan->spec;
    snprintf(buffer, SS_SETTINGS_SIZE,
             "root_seed: %" PRIu64 "\n"
             "truth.row_norm: %s\n"
             "train.iterations: %" PRId64 "\n"
             "train.step.size: %.17g\n"
             "train.step.decay: %.17g\n"
             "train.ascent_step: %.17g\n"
             "train.noise: %.17g\n"
             "precision: %s\n",
             spec->root_seed, ss_row_norm_name(spec->row_norm), spec->iterations, spec->step_size,
             spec->step_decay, spec->ascent_step, spec->noise, ss_precision_name(spec->precision));
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
        seeds[filled++] = ss_values_at(&plan->spec->seeds, index);
        if (filled == PIECE || index + 1 == plan->seeds) {
            XXH3_128bits_update(state, seeds, filled * sizeof *seeds);
            filled = 0;
        }
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
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    snprintf(digest, SS_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}
