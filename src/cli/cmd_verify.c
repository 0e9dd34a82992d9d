/*
 * Checks every committed run of a result file against its checksums and against the plan that the
 * file was made for, and recomputes some of them.
 */
#include "../base/memory.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/kernel.h"
#include "sweep.h"
#include "table.h"
#include "walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A run that is to be recomputed, with what the file says that comes out. */
typedef struct chosen_run {
    int64_t cell;
    int64_t seed_index;
    ss_record record;
    double *trajectory; /* [P] */
} chosen_run;

typedef struct verification {
    ss_table table; /* of the runs that are not right */
    int64_t wrong;
    int64_t damaged;
    int64_t committed; /* and intact */
    int64_t pending;
    int64_t wanted;     /* to be replayed */
    const char *kernel; /* that would replay them */
    int64_t candidates;
    int64_t others;       /* committed runs of a kernel with other bits, … */
    int32_t other_kernel; /* … of one of them */
    chosen_run *chosen;
    int64_t chosen_count;
} verification;

static void add_row(verification *v, const ss_run *run, int64_t cell, const char *what)
{
    v->wrong++;
    ss_table_add(&v->table, "%" PRId64, cell);
    ss_table_add(&v->table, "%" PRId64, run->seed);
    ss_table_add(&v->table, "%s", what);
}

/* What is wrong with a run that the file claims to hold; NULL: nothing. */
static const char *damage_of(const ss_walked *at)
{
    if (!ss_record_committed(at->record)) {
        return "its record is damaged";
    }
    if (!ss_record_intact(at->record, at->trajectory, at->run.checkpoint_count)) {
        return "its trajectory is damaged";
    }
    if (!ss_record_trusted(at->record, &at->run, at->trajectory)) {
        return "it is another run: its identity is not the one of this place";
    }
    return NULL;
}

/* A random number from 0 to below - 1; its bias, below 2^-40, is of no matter here. */
static int64_t draw(int64_t below)
{
    uint64_t word = 0;
    while (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word) {
    }
    return (int64_t)(word % (uint64_t)below);
}

/* Keeps `wanted` of all runs seen so far, each with the same probability (reservoir sampling). */
static void consider(verification *v, const ss_walked *at)
{
    if (v->wanted == 0 || at->record->reason == SS_REASON_MEMORY) {
        return; /* what did not fit in memory once may fit now */
    }
    if (!ss_kernel_same_bits(ss_kernel_level_name(at->record->kernel), v->kernel)) {
        v->others++;
        v->other_kernel = at->record->kernel;
        return;
    }
    int64_t place = v->candidates++;
    if (v->chosen_count < v->wanted) {
        v->chosen_count++;
    } else {
        place = draw(v->candidates);
    }
    if (place < v->wanted) {
        chosen_run *chosen = &v->chosen[place];
        chosen->cell = at->cell;
        chosen->seed_index = at->seed_index;
        chosen->record = *at->record;
        memcpy(chosen->trajectory, at->trajectory,
               (size_t)at->run.checkpoint_count * sizeof *chosen->trajectory);
    }
}

static ss_error check_run(void *context, const ss_walked *at)
{
    verification *v = context;
    if (ss_record_untouched(at->record)) {
        v->pending++;
        return SS_OK;
    }
    const char *damage = damage_of(at);
    if (damage) {
        v->damaged++;
        add_row(v, &at->run, at->cell, damage);
    } else {
        v->committed++;
        consider(v, at);
    }
    return SS_OK;
}

static ss_error prepare_replay(const ss_plan *plan, int64_t replay, verification *v)
{
    int64_t runs = ss_plan_runs(plan);
    v->wanted = replay < runs ? replay : runs;
    SS_TRY(ss_allocate((size_t)v->wanted, sizeof *v->chosen, &v->chosen));
    for (int64_t i = 0; i < v->wanted; i++) {
        SS_TRY(ss_allocate((size_t)plan->checkpoints, sizeof(double), &v->chosen[i].trajectory));
    }
    return SS_OK;
}

static void release(verification *v)
{
    for (int64_t i = 0; i < v->wanted && v->chosen; i++) {
        free(v->chosen[i].trajectory);
    }
    free(v->chosen);
}

static bool same_bits(const chosen_run *chosen, const ss_run_outcome *outcome,
                      const double *trajectory, int64_t count)
{
    const ss_record *record = &chosen->record;
    return (int32_t)outcome->status == record->status &&
           (int32_t)outcome->reason == record->reason &&
           outcome->iterations == record->iterations &&
           memcmp(&outcome->truth_norm, &record->truth_norm, sizeof record->truth_norm) == 0 &&
           memcmp(trajectory, chosen->trajectory, (size_t)count * sizeof *trajectory) == 0;
}

/* The runs of other kernels are left out; if all are, there is nothing to compare. */
static ss_error check_candidates(const char *path, const verification *v)
{
    const char *other = ss_kernel_level_name(v->other_kernel);
    if (v->candidates > 0 || v->others == 0) {
        return SS_OK;
    }
    return ss_fail(
        SS_ERR_USAGE,
        "--replay: the runs of %s are the %s kernel's, this processor would use %s, whose "
        "results agree to rounding only; set SADDLESWEEP_KERNEL=%s, or replay on a "
        "processor that runs it",
        path, other, v->kernel, other);
}

static ss_error replay(const ss_plan *plan, ss_workspace *workspace, verification *v)
{
    double *trajectory = NULL;
    SS_TRY(ss_allocate((size_t)plan->checkpoints, sizeof *trajectory, &trajectory));
    for (int64_t i = 0; i < v->chosen_count; i++) {
        ss_run_outcome outcome;
        const chosen_run *chosen = &v->chosen[i];
        ss_run run = ss_plan_run(plan, chosen->cell, chosen->seed_index);
        ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
        if (!same_bits(chosen, &outcome, trajectory, plan->checkpoints)) {
            add_row(v, &run, chosen->cell, "recomputed, it comes out differently");
        }
    }
    free(trajectory);
    return SS_OK;
}

static ss_error walk_and_replay(const ss_store *store, const char *path, const ss_plan *plan,
                                ss_workspace *workspace, verification *v)
{
    ss_walk walk;
    ss_error error = ss_walk_open(store, plan, &walk);
    if (error == SS_OK) {
        error = ss_walk_all(&walk, check_run, v);
    }
    ss_walk_close(&walk);
    if (error == SS_OK && workspace) {
        error = check_candidates(path, v);
    }
    return error == SS_OK && workspace ? replay(plan, workspace, v) : error;
}

static ss_error check_and_replay(const ss_store *store, const char *path, const ss_plan *plan,
                                 int64_t replays, verification *v)
{
    ss_workspace *workspace = NULL;
    SS_TRY(ss_store_match_labels(store, plan));
    if (replays > 0) {
        SS_TRY(prepare_replay(plan, replays, v));
        SS_TRY(ss_workspace_create(&workspace));
        v->kernel = ss_workspace_kernel(workspace, plan->spec->precision);
    }
    ss_error error = walk_and_replay(store, path, plan, workspace, v);
    ss_workspace_destroy(&workspace);
    return error;
}

static ss_error print_findings(const char *path, const ss_plan *plan, verification *v)
{
    printf("file      %s\n", path);
    printf("runs      %" PRId64 "\n", ss_plan_runs(plan));
    printf("intact    %" PRId64 "\n", v->committed);
    printf("pending   %" PRId64 "\n", v->pending);
    printf("damaged   %" PRId64 "\n", v->damaged);
    if (v->wanted > 0) {
        printf("replayed  %" PRId64 ", %" PRId64 " of them with other bits\n", v->chosen_count,
               v->wrong - v->damaged);
    }
    if (v->others > 0) {
        printf("%" PRId64 " runs are another kernel's (%s), which %s cannot repeat: not replayed\n",
               v->others, ss_kernel_level_name(v->other_kernel), v->kernel);
    }
    if (v->wrong == 0) {
        return SS_OK;
    }
    printf("\n");
    SS_TRY(ss_table_print(&v->table, "  "));
    if (v->wrong > v->damaged) {
        return ss_fail(SS_ERR_DAMAGED,
                       "%s: %" PRId64 " runs do not come out as the file has them; the program, "
                       "its libraries or the machine's memory are not what they were",
                       path, v->wrong - v->damaged);
    }
    return ss_fail(SS_ERR_DAMAGED,
                   "%s: %" PRId64 " runs are damaged; `saddlesweep run` with the same sweep file "
                   "computes just those again",
                   path, v->damaged);
}

typedef struct verify_options {
    int64_t replays;
    int reseal;
} verify_options;

static ss_error verify_open(const ss_store *store, const char *path, const verify_options *options)
{
    ss_sweep sweep = {0};
    verification v = {
        .table = {.columns = 3, .headings = {"cell", "seed", "<what is wrong"}},
    };
    ss_error error = ss_sweep_of_store(store, path, &sweep);
    if (error == SS_OK) {
        error = check_and_replay(store, path, &sweep.plan, options->replays, &v);
    }
    if (error == SS_OK && options->reseal) {
        error = ss_store_reseal(store);
    }
    if (error == SS_OK) {
        error = print_findings(path, &sweep.plan, &v);
    } else {
        free(v.table.cells.data);
    }
    release(&v);
    ss_sweep_release(&sweep);
    return error;
}

static ss_error verify_file(const char *path, const verify_options *options)
{
    ss_store *store;
    SS_TRY((options->reseal ? ss_store_open_unsealed : ss_store_open_for_reading)(path, &store));
    ss_error error = verify_open(store, path, options);
    ss_error closed = ss_store_close(&store);
    return error == SS_OK ? closed : error;
}

static ss_error verify(const char *path, void *context)
{
    const verify_options *options = context;
    ss_store_lock lock = {.descriptor = -1};
    if (options->reseal) {
        SS_TRY(ss_store_lock_alone(path, 0, &lock));
    }
    ss_error error = verify_file(path, options);
    ss_store_unlock(&lock, true);
    return error;
}

int ss_cmd_verify(int argc, char **argv)
{
    verify_options wanted = {0};
    const ss_option options[] = {
        {"--replay", NULL, "N", "recompute N committed runs, chosen at random; compare the bits",
         SS_OPTION_COUNT, &wanted.replays},
        {"--reseal", NULL, NULL,
         "accept a file that another program has changed (an attribute added, say)", SS_OPTION_FLAG,
         &wanted.reseal},
    };
    const ss_command_line line = {
        .usage = "saddlesweep verify FILE.h5 [--replay N] [--reseal]",
        .description =
            "Checks the record and the trajectory of every committed run against their checksums,\n"
            "and the cells, seeds and iterations of the file against the sweep file in it. Lists\n"
            "the runs that are damaged; exit status 1 if there are any. `run` computes them "
            "again.\n"
            "All of this is also done before --reseal seals a file anew.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    return ss_options_command(&line, argc, argv, verify, &wanted);
}
