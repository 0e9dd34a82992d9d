#include "replay.h"

#include "../base/memory.h"
#include "../wide/repeat.h"
#include "saddlesweep/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

ss_error ss_replay_begin(const ss_plan *plan, int64_t wanted, MPI_Comm comm, ss_replay *replay)
{
    int64_t runs = ss_plan_runs(plan);
    *replay = (ss_replay){.plan = plan, .comm = comm, .wanted = wanted < runs ? wanted : runs};
    if (wanted == 0) {
        return SS_OK;
    }
    MPI_Comm_size(comm, &replay->ranks);
    SS_TRY(ss_allocate((size_t)replay->wanted, sizeof *replay->chosen, &replay->chosen));
    for (int64_t i = 0; i < replay->wanted; i++) {
        SS_TRY(ss_allocate((size_t)ss_plan_result_count(plan), sizeof(double),
                           &replay->chosen[i].results));
    }
    SS_TRY(ss_workspace_create(&replay->workspace));
    replay->kernel = ss_workspace_kernel(replay->workspace, plan->spec->precision);
    return SS_OK;
}

void ss_replay_end(ss_replay *replay)
{
    for (int64_t i = 0; i < replay->wanted && replay->chosen; i++) {
        free(replay->chosen[i].results);
    }
    free(replay->chosen);
    ss_workspace_destroy(&replay->workspace);
}

/* A random number from 0 to below - 1; its bias, below 2^-40, is of no matter here. */
static int64_t draw(int64_t below)
{
    uint64_t word = 0;
    while (getrandom(&word, sizeof word, 0) != (ssize_t)sizeof word) {
    }
    return (int64_t)(word % (uint64_t)below);
}

static void choose(ss_replay_choice *choice, const ss_walked *at)
{
    choice->cell = at->cell;
    choice->seed_index = at->seed_index;
    choice->record = *at->record;
    memcpy(choice->results, at->trajectory,
           (size_t)ss_run_result_count(&at->run) * sizeof *choice->results);
}

/* Whether it can come out with the same bits here; counts it if not. */
static bool repeatable(ss_replay *replay, const ss_record *record)
{
    if (record->kernel != SS_LEVEL_WIDE) {
        bool same = ss_kernel_same_bits(ss_kernel_level_name(record->kernel), replay->kernel);
        replay->others += !same;
        replay->other_kernel = same ? replay->other_kernel : record->kernel;
        return same;
    }
    if (record->grid == SS_MIXED_GRIDS || record->grid == 0) { /* 0: by no program of ours */
        replay->mixed++;
        return false;
    }
    if (record->grid > replay->ranks) {
        replay->wider++;
        replay->most_ranks = record->grid > replay->most_ranks ? record->grid : replay->most_ranks;
        return false;
    }
    return true;
}

/* Reservoir sampling. */
void ss_replay_offer(ss_replay *replay, const ss_walked *at)
{
    if (replay->wanted == 0 || at->record->reason == SS_REASON_MEMORY) {
        return; /* what did not fit in memory once may fit now */
    }
    if (!repeatable(replay, at->record)) {
        return;
    }
    int64_t place = replay->candidates++;
    if (replay->chosen_count < replay->wanted) {
        replay->chosen_count++;
    } else {
        place = draw(replay->candidates);
    }
    if (place < replay->wanted) {
        choose(&replay->chosen[place], at);
    }
}

ss_error ss_replay_check(const ss_replay *replay, const char *path)
{
    const char *other = ss_kernel_level_name(replay->other_kernel);
    if (replay->candidates > 0 || replay->others + replay->wider + replay->mixed == 0) {
        return SS_OK;
    }
    if (replay->wider > 0) {
        return ss_fail(SS_ERR_USAGE,
                       "--replay: the runs of %s went on process grids of up to %d ranks, here are "
                       "%d; start more: mpirun -n %d saddlesweep verify ...",
                       path, replay->most_ranks, replay->ranks, replay->most_ranks);
    }
    if (replay->mixed > 0) {
        return ss_fail(SS_ERR_USAGE,
                       "--replay: the runs of %s were begun on one process grid and ended on "
                       "another; nothing repeats their bits",
                       path);
    }
    return ss_fail(
        SS_ERR_USAGE,
        "--replay: the runs of %s are the %s kernel's, this processor would use %s, whose "
        "results agree to rounding only; set SADDLESWEEP_KERNEL=%s, or replay on a "
        "processor that runs it",
        path, other, replay->kernel, other);
}

static bool same_bits(const ss_replay_choice *choice, const ss_run_outcome *outcome,
                      const double *results, int64_t count)
{
    const ss_record *record = &choice->record;
    return (int32_t)outcome->status == record->status &&
           (int32_t)outcome->reason == record->reason &&
           outcome->iterations == record->iterations &&
           memcmp(&outcome->truth_norm, &record->truth_norm, sizeof record->truth_norm) == 0 &&
           memcmp(results, choice->results, (size_t)count * sizeof *results) == 0;
}

void ss_replay_print_left_out(const ss_replay *replay)
{
    if (replay->others > 0) {
        printf("%" PRId64 " runs are another kernel's (%s), which %s cannot repeat: not replayed\n",
               replay->others, ss_kernel_level_name(replay->other_kernel), replay->kernel);
    }
    if (replay->wider > 0) {
        printf("%" PRId64 " runs went on process grids of up to %d ranks, here are %d: not "
               "replayed\n",
               replay->wider, replay->most_ranks, replay->ranks);
    }
    if (replay->mixed > 0) {
        printf("%" PRId64 " runs were begun on one process grid and ended on another: not "
               "replayed\n",
               replay->mixed);
    }
}

static ss_error repeat(const ss_replay *replay, const ss_replay_choice *choice, const ss_run *run,
                       double *results, ss_run_outcome *outcome)
{
    if (choice->record.kernel == SS_LEVEL_WIDE) {
        SS_TRY(ss_repeat_run(replay->comm, run, choice->record.grid, replay->plan->spec->wide_block,
                             results, outcome));
    } else {
        ss_run_execute(run, replay->workspace, NULL, NULL, results, outcome);
    }
    return outcome->reason != SS_REASON_MEMORY
               ? SS_OK
               : ss_fail(SS_ERR_MEMORY,
                         "--replay: the run of cell %" PRId64 ", seed %" PRId64
                         " does not fit in the memory here",
                         ss_plan_cell_number(replay->plan, choice->cell), run->seed);
}

ss_error ss_replay_all(const ss_replay *replay,
                       void (*differs)(void *context, const ss_run *run, int64_t cell),
                       void *context)
{
    const ss_plan *plan = replay->plan;
    double *results = NULL;
    ss_error error = ss_allocate((size_t)ss_plan_result_count(plan), sizeof *results, &results);
    for (int64_t i = 0; i < replay->chosen_count && error == SS_OK; i++) {
        ss_run_outcome outcome;
        const ss_replay_choice *choice = &replay->chosen[i];
        ss_run run = ss_plan_run(plan, choice->cell, choice->seed_index);
        error = repeat(replay, choice, &run, results, &outcome);
        if (error == SS_OK && !same_bits(choice, &outcome, results, ss_run_result_count(&run))) {
            differs(context, &run, choice->cell);
        }
    }
    free(results);
    return error;
}
