#include "../base/memory.h"
#include "../base/table.h"
#include "../base/text.h"
#include "../execution/reuse.h"
#include "../result/cell_row.h"
#include "../result/sweep.h"
#include "../wide/forecast.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/closed_form.h"
#include "saddlesweep/kernel.h"
#include "saddlesweep/sched.h"
#include "saddlesweep/store.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOWN_CELLS = 40 };

/* What the runs on one rank and those on process grids cost. */
typedef struct forecast {
    ss_plan_cost small;
    ss_wide_forecast wide;
    double core_hours;
    double wall_seconds;
} forecast;

/* As if on machines like this one, a rank a core. *ranks (in/out): 0 becomes one, or as many as the
 * sweep file wants for a process grid. */
static ss_error predict(const ss_plan *plan, int64_t *ranks, forecast *out)
{
    ss_plan_cost *small = &out->small;
    ss_wide_forecast *wide = &out->wide;
    bool open = *ranks == 0;
    int64_t cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (open) {
        *ranks = plan->spec->wide_ranks > 0 ? plan->spec->wide_ranks : 1;
    }
    double memory = ss_wide_memory_of_rank(*ranks < cores ? *ranks : cores);
    SS_TRY(ss_wide_choose(plan, *ranks, memory, wide));
    if (open && wide->cells == 0) {
        *ranks = 1;
    }
    SS_TRY(ss_plan_predict(plan, *ranks, small));
    out->core_hours = (small->core_seconds + wide->core_seconds) / 3600;
    out->wall_seconds = small->wall_seconds + wide->wall_seconds + ss_sched_message_seconds(*ranks);
    return SS_OK;
}

/* With the seeds that every cell begins with: all, or those to which some may be added. */
static ss_plan first_of(const ss_plan *plan)
{
    ss_plan first = *plan;
    first.seeds = plan->spec->until_se > 0 ? plan->spec->first_seeds : plan->seeds;
    return first;
}

/* "4", or "4 to 60" into `buffer`, which is returned. */
static const char *from_to(int64_t from, int64_t to, char *buffer, size_t size)
{
    int length = snprintf(buffer, size, "%" PRId64, from);
    if (from < to) {
        snprintf(buffer + length, size - (size_t)length, " to %" PRId64, to);
    }
    return buffer;
}

static double seconds_of(const ss_plan *plan, const forecast *forecast, const ss_run *run)
{
    ss_grid_shape shape = forecast->wide.shape;
    return ss_plan_is_wide(plan, run)
               ? ss_wide_cost_seconds(run, shape.rows * shape.columns) / forecast->wide.speed
               : forecast->small.slowness * ss_run_cost_seconds(run);
}

static ss_error print_cells(const ss_plan *plan, const forecast *forecast)
{
    static const char *const headings[] = {"runs", "time a run"};
    ss_table table = ss_cell_table(plan, headings, 2);
    char runs[48];
    from_to(first_of(plan).seeds, plan->seeds, runs, sizeof runs);
    int64_t shown = plan->cells <= SHOWN_CELLS ? plan->cells : SHOWN_CELLS;
    for (int64_t cell = 0; cell < shown; cell++) {
        char duration[32];
        ss_run run = ss_plan_run(plan, cell, 0);
        double seconds = seconds_of(plan, forecast, &run);
        ss_cell_row_add(&table, plan, cell);
        ss_table_add(&table, "%s", runs);
        ss_table_add(&table, "%s", ss_text_duration(seconds, duration, sizeof duration));
    }
    SS_TRY(ss_table_print(&table, "  "));
    if (shown < plan->cells) {
        printf("  … and %" PRId64 " more cells\n", plan->cells - shown);
    }
    return SS_OK;
}

static void print_certificates(const ss_plan *plan)
{
    int64_t without = 0;
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        without += !ss_closed_form_exists(ss_plan_run(plan, cell, 0).activation);
    }
    printf("certificates   of every run");
    if (without > 0) {
        printf("; NaN in %" PRId64 " cells, whose activation has no closed form", without);
    }
    printf("\n");
}

static void print_runs(const ss_plan *plan)
{
    char text[48];
    ss_plan first = first_of(plan);
    printf("seeds          %s", from_to(first.seeds, plan->seeds, text, sizeof text));
    if (plan->spec->until_se > 0) {
        printf(", until the standard error of the mean is within %g %% of it",
               100 * plan->spec->until_se);
    }
    printf("\nruns           %s\n",
           from_to(ss_plan_runs(&first), ss_plan_runs(plan), text, sizeof text));
}

static void print_steps(double size, double decay)
{
    printf("%g", size);
    if (decay > 0) {
        printf(" / (1 + (t-1)/%g)", decay);
    }
}

/* Unless those of A* are known to all runs. */
static void print_row_norms(const ss_spec *spec)
{
    char text[SS_ROW_NORMS_TEXT_SIZE];
    if (ss_spec_knows_norms(spec)) {
        return;
    }
    printf("row norms      %s\n", ss_spec_row_norms_text(spec, text));
    if (ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED)) {
        printf("learning them  %" PRId64 " iterations, step ", spec->stage.iterations);
        print_steps(spec->stage.step_size, spec->stage.step_decay);
        printf(", discriminator %s\n", spec->discriminator_follows
                                           ? "as the theory has it for each activation"
                                           : ss_discriminator_name(spec->stage.discriminator));
    }
}

/* What a sweep file may ask for, and most do not. */
static void print_given(const ss_spec *spec)
{
    if (spec->truth_matrix) {
        printf("truth          given, %" PRId64 " x %" PRId64 "\n", spec->truth_rows, spec->latent);
    }
    print_row_norms(spec);
    if (spec->iterate) {
        printf("iterates       A of every run, at each recorded iteration\n");
    }
    if (spec->covariance_error || spec->gradient_bias) {
        printf("lemmas         %s%s%s of every run\n",
               spec->covariance_error ? "errors of X_n" : "",
               spec->covariance_error && spec->gradient_bias ? " and " : "",
               spec->gradient_bias ? "errors of the gradient at A0" : "");
    }
}

static void print_summary(const ss_plan *plan)
{
    const ss_spec *spec = plan->spec;
    char shard[SS_SHARD_TEXT_SIZE];
    printf("sweep          %s\n", spec->name);
    if (plan->shard.count > 1) {
        printf("shard          %s\n", ss_shard_format(plan->shard, shard));
    }
    if (spec->algorithm != SS_ALGORITHM_SGDA) {
        printf("algorithm      %s, discriminator %s\n", ss_algorithm_name(spec->algorithm),
               ss_discriminator_name(spec->discriminator));
    }
    printf("cells          %" PRId64 "\n", plan->cells);
    print_runs(plan);
    printf("iterations     %" PRId64 ", recorded at %" PRId64 " of them (t = 0 to %" PRId64 ")\n",
           spec->iterations, plan->checkpoints, spec->iterations);
    printf("step           ");
    print_steps(spec->step_size, spec->step_decay);
    printf(", ascent step %g, noise %g\n", spec->ascent_step, spec->noise);
    printf("precision      %s\n", spec->algorithm == SS_ALGORITHM_MARGINAL
                                      ? "double, as always with this algorithm"
                                      : ss_precision_name(spec->precision));
    if (spec->certificate) {
        print_certificates(plan);
    }
    print_given(spec);
    printf("\n");
}

static void print_grids(const ss_wide_forecast *wide)
{
    char run[32];
    char memory[32];
    printf("wide runs      %" PRId64 ", on %" PRId64 " process grid%s of %d x %d ranks", wide->runs,
           wide->grids, wide->grids == 1 ? "" : "s", wide->shape.rows, wide->shape.columns);
    if (wide->left_over > 0) {
        printf(" (%" PRId64 " left over)", wide->left_over);
    }
    printf(", %s a rank, %s a run at most\n",
           ss_text_bytes(wide->bytes_per_rank, memory, sizeof memory),
           ss_text_duration(wide->longest_run, run, sizeof run));
}

/* `first`: with the seeds that cells begin with; NULL: these are all. */
static void print_time(const forecast *first, const forecast *most, int64_t ranks)
{
    char text[32];
    printf("core-hours     ");
    if (first) {
        printf("%.4g to ", first->core_hours);
    }
    printf("%.4g\nwall time      ", most->core_hours);
    if (first) {
        printf("%s to ", ss_text_duration(first->wall_seconds, text, sizeof text));
    }
    printf("%s on %" PRId64 " rank%s\n", ss_text_duration(most->wall_seconds, text, sizeof text),
           ranks, ranks == 1 ? "" : "s");
}

static void print_cost(const ss_plan *plan, const forecast *first, const forecast *most,
                       int64_t ranks)
{
    char text[32];
    const ss_plan_cost *cost = &most->small;
    const ss_wide_forecast *wide = &most->wide;
    double bytes = fmax(cost->bytes_per_rank, wide->bytes_per_rank);
    const char *kernel = cost->cells > 0 ? cost->kernel->name : ss_kernel_level_name(SS_LEVEL_WIDE);
    printf("\npredicted by the cost model, with the %s kernel:\n", kernel);
    if (wide->cells > 0) {
        print_grids(wide);
    }
    print_time(first, most, ranks);
    printf("memory a rank  %s\n", ss_text_bytes(bytes, text, sizeof text));
    printf("file size      %s\n", ss_text_bytes(ss_store_predicted_bytes(plan), text, sizeof text));
}

typedef struct plan_options {
    int64_t ranks;
    ss_shard shard;
    ss_texts overrides;
    ss_texts reuse;
} plan_options;

/* What older files have of it: each says so. */
static ss_error print_reuse(const ss_plan *plan, const ss_texts *paths)
{
    ss_task_order tasks = {.plan = plan};
    ss_reuse reuse = {0};
    uint64_t *pending = NULL;
    size_t words = (size_t)(ss_plan_runs(plan) + 63) / 64;
    ss_error error = ss_plan_longest_first(plan, &tasks.order);
    if (error == SS_OK) {
        error = ss_allocate(words, sizeof *pending, &pending);
    }
    if (error == SS_OK) {
        for (int64_t task = 0; task < ss_plan_runs(plan); task++) {
            pending[task / 64] |= (uint64_t)1 << (task % 64);
        }
        error = ss_reuse_open(paths, "", false, &reuse);
    }
    if (error == SS_OK) {
        printf("\n");
        error = ss_reuse_take(&reuse, NULL, &tasks, pending);
    }
    ss_reuse_close(&reuse);
    free(pending);
    free(tasks.order);
    return error;
}

static ss_error print_plan(const char *path, void *context)
{
    const plan_options *options = context;
    int64_t ranks = options->ranks;
    ss_sweep sweep;
    forecast first;
    forecast most;
    ss_error error = ss_sweep_load(path, &options->overrides, options->shard, &sweep);
    if (error == SS_OK) {
        error = predict(&sweep.plan, &ranks, &most);
    }
    bool adds = error == SS_OK && sweep.spec->until_se > 0;
    if (adds) {
        ss_plan plan = first_of(&sweep.plan);
        error = predict(&plan, &ranks, &first);
    }
    if (error == SS_OK) {
        ss_sweep_warn(&sweep);
        print_summary(&sweep.plan);
        error = print_cells(&sweep.plan, &most);
    }
    if (error == SS_OK) {
        print_cost(&sweep.plan, adds ? &first : NULL, &most, ranks);
    }
    if (error == SS_OK && options->reuse.count > 0) {
        error = print_reuse(&sweep.plan, &options->reuse);
    }
    ss_sweep_release(&sweep);
    return error;
}

int ss_cmd_plan(int argc, char **argv)
{
    plan_options chosen = {.shard = SS_SHARD_WHOLE};
    ss_option_key keys[2];
    const ss_option options[] = {
        {"--ranks", NULL, "N", "predict the wall time on N ranks (default 1, or wide.ranks)",
         SS_OPTION_COUNT, &chosen.ranks},
        ss_options_until_se(&keys[0], &chosen.overrides),
        ss_options_max_seeds(&keys[1], &chosen.overrides),
        ss_options_shard(&chosen.shard),
        {"--set", NULL, "PATH=VALUE",
         "override a key of the sweep file, e.g. grid.n=[500,1000]; "
         "repeatable",
         SS_OPTION_REPEATED, &chosen.overrides},
        {"--reuse", NULL, "OLD.h5",
         "say how many runs an older result file has, and if none, why; repeatable",
         SS_OPTION_REPEATED, &chosen.reuse},
    };
    const ss_command_line line = {
        .usage = "saddlesweep plan SPEC [OPTIONS]",
        .description = "Checks a sweep file and shows what it expands to: cells, runs, predicted "
                       "core-hours,\nwall time, memory and file size. Runs nothing.",
        .positional = "SPEC",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    int status = ss_options_command(&line, argc, argv, print_plan, &chosen);
    free(chosen.overrides.texts);
    free(chosen.reuse.texts);
    return status;
}
