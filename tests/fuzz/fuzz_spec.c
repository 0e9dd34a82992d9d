/*
 * Sweep files and --set options. An input is the text of a sweep file; what follows a NUL byte is
 * an option, and so on. The text is refused with its place named, or it gives a plan whose runs are
 * within the bounds of docs/sweep-file.md.
 */
#include "fuzz.h"

#include "saddlesweep/plan.h"
#include "saddlesweep/store.h"
#include "src/wide/forecast.h"

#include <math.h>
#include <string.h>

static const char file_name[] = "fuzz.yaml";

enum { MOST_OVERRIDES = 8, DIMENSION = 1 << 20, RUNS_TO_GO_OVER = 2000 };

/* Neither the text nor an option can hold a NUL byte: they end there. */
static size_t split(const char *text, size_t size, const char **overrides)
{
    size_t count = 0;
    const char *end = text + size;
    for (const char *at = text + strlen(text) + 1; at < end && count < MOST_OVERRIDES;
         at += strlen(at) + 1) {
        overrides[count++] = at;
    }
    return count;
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void check_refusal(ss_error error, const ss_spec *spec)
{
    REQUIRE(!spec);
    REQUIRE(error == SS_ERR_SPEC || error == SS_ERR_USAGE);
    REQUIRE(begins_with(ss_error_text(), file_name) || begins_with(ss_error_text(), "--set "));
}

static void check_checkpoints(const ss_spec *spec)
{
    const int64_t *t = spec->checkpoints;
    REQUIRE(spec->checkpoint_count >= 2 && t[0] == 0);
    REQUIRE(t[spec->checkpoint_count - 1] == spec->iterations);
    for (int64_t i = 1; i < spec->checkpoint_count; i++) {
        REQUIRE(t[i - 1] < t[i]);
    }
}

/* All seeds, or a beginning of them, to which more are added. */
static void check_seeds(const ss_spec *spec)
{
    REQUIRE(spec->until_se >= 0 && spec->until_se < 1);
    REQUIRE(spec->until_se > 0 || spec->first_seeds == spec->seeds.count);
    REQUIRE(spec->first_seeds >= (spec->until_se > 0 ? 2 : 1));
    REQUIRE(spec->first_seeds <= spec->seeds.count);
}

static void check_run(const ss_plan *plan, int64_t cell, int64_t seed_index)
{
    char name[SS_ACTIVATION_TEXT_SIZE];
    ss_activation activation;
    ss_run run = ss_plan_run(plan, cell, seed_index);
    REQUIRE(1 <= run.k0 && run.k0 <= run.k && run.k <= DIMENSION);
    REQUIRE(1 <= run.d && run.d <= DIMENSION && run.seed >= 0);
    REQUIRE(0 <= run.n && run.n <= INT32_MAX && 0 <= run.m && run.m <= INT32_MAX); /* 0: inf */
    REQUIRE(run.step_size > 0 && run.step_decay >= 0 && run.ascent_step > 0 && run.noise >= 0);
    REQUIRE(ss_activation_parse(ss_activation_format(run.activation, name), &activation) == SS_OK);
    REQUIRE(activation.kind == run.activation.kind &&
            memcmp(&activation.alpha, &run.activation.alpha, sizeof activation.alpha) == 0);
    REQUIRE(isfinite(ss_run_cost_seconds(&run)) && ss_run_state_count(&run) > 0);
    REQUIRE(run.algorithm == SS_ALGORITHM_SGDA ? run.discriminator == 0 : !run.certificate);
    REQUIRE(run.algorithm == SS_ALGORITHM_SGDA || !ss_plan_is_wide(plan, &run));
    if (ss_run_learns_norms(&run)) {
        REQUIRE(run.stage.iterations > 0 && run.stage.step_size > 0 && run.stage.step_decay >= 0);
        REQUIRE(!ss_plan_is_wide(plan, &run) && ss_run_steps(&run) > run.iterations);
    } else {
        REQUIRE(run.stage.iterations == 0 && ss_run_steps(&run) == run.iterations);
    }
    ss_run_identity(&run);
}

/* Together the shards have as many runs as the sweep, each of them at least one; there are none
 * where seeds are added. */
static void check_shards(const ss_spec *spec, int64_t runs, int64_t count)
{
    int64_t found = 0;
    if (count > 1 && spec->until_se > 0) {
        ss_plan shard;
        REQUIRE(ss_plan_of_shard(spec, (ss_shard){1, count}, &shard) == SS_ERR_USAGE);
        return;
    }
    for (int64_t index = 1; index <= count; index++) {
        ss_plan shard;
        REQUIRE(ss_plan_of_shard(spec, (ss_shard){index, count}, &shard) == SS_OK);
        REQUIRE(ss_plan_runs(&shard) > 0);
        check_run(&shard, shard.cells - 1, shard.seeds - 1);
        found += ss_plan_runs(&shard);
        ss_plan_release(&shard);
    }
    REQUIRE(found == runs);
}

/* Every cell is either small or wide, and what there is of a kind takes time. */
static void check_costs(const ss_plan *plan)
{
    ss_plan_cost small;
    ss_wide_forecast wide = {0};
    REQUIRE(ss_plan_predict(plan, 3, &small) == SS_OK);
    REQUIRE(small.cells == 0 ? small.wall_seconds == 0 : small.wall_seconds > 0);
    REQUIRE(small.longest_run >= small.shortest_run);
    if (ss_wide_choose(plan, 3, 1e18, &wide) == SS_OK) {
        REQUIRE(small.cells + wide.cells == plan->cells);
        REQUIRE(wide.cells == 0 || (wide.wall_seconds >= wide.longest_run && wide.longest_run > 0));
        REQUIRE(wide.cells == 0 || wide.grids * wide.shape.rows * wide.shape.columns <= 3);
    } else {
        REQUIRE(plan->spec->wide_ranks > 3 && begins_with(ss_error_text(), "wide.ranks: "));
    }
}

/* What takes time for every cell or seed: up to 2^31 of them. */
static void check_all(const ss_plan *plan)
{
    char digest[SS_DIGEST_SIZE];
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        check_run(plan, cell, cell % plan->seeds);
    }
    ss_plan_digest(plan, digest);
    REQUIRE(strlen(digest) == SS_DIGEST_SIZE - 1);
    check_costs(plan);
}

static void check_plan(const ss_spec *spec)
{
    char settings[SS_SETTINGS_SIZE];
    ss_plan plan = ss_plan_of(spec);
    REQUIRE(spec->name && spec->name[0]);
    REQUIRE(plan.cells >= 1 && plan.seeds >= 1 && ss_plan_runs(&plan) <= (int64_t)1 << 31);
    REQUIRE(strlen(ss_plan_settings(&plan, settings)) < SS_SETTINGS_SIZE - 1);
    REQUIRE(ss_store_predicted_bytes(&plan) > 0);
    check_checkpoints(spec);
    check_seeds(spec);
    check_run(&plan, 0, plan.seeds - 1);
    check_run(&plan, plan.cells / 2, plan.seeds / 2);
    check_run(&plan, plan.cells - 1, 0);
    if (ss_plan_runs(&plan) <= RUNS_TO_GO_OVER) {
        check_all(&plan);
        check_shards(spec, ss_plan_runs(&plan), plan.seeds < 3 ? plan.seeds : 3);
        check_shards(spec, ss_plan_runs(&plan), plan.cells > 1 ? plan.seeds + 1 : 1);
    }
}

/* A result file keeps the options one a line. */
static void check_overrides(const char *const *overrides, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        REQUIRE(!strchr(overrides[i], '\n'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *overrides[MOST_OVERRIDES];
    ss_spec *spec = NULL;
    char *text = calloc(size + 1, 1);
    REQUIRE(text);
    memcpy(text, data, size);
    size_t count = split(text, size, overrides);
    ss_error error = ss_spec_parse(file_name, text, overrides, count, &spec);
    if (error == SS_OK) {
        check_plan(spec);
        check_overrides(overrides, count);
    } else {
        check_refusal(error, spec);
    }
    ss_spec_destroy(&spec);
    free(text);
    return 0;
}
