/* Seeds are added in rounds: each has the runs that all cells want by what is committed, so that
 * ranks have much to do before they wait for each other. */
#include "sweep_run.h"

#include "../base/memory.h"
#include "../result/seeds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static size_t words_of(const ss_sweep_run *r)
{
    return (size_t)(ss_plan_runs(&r->sweep.plan) + 63) / 64;
}

/* All cells are looked at first. */
static ss_error begin_first(ss_sweep_run *r)
{
    SS_TRY(ss_allocate(words_of(r), sizeof *r->round, &r->round));
    memcpy(r->round, r->output.pending, words_of(r) * sizeof *r->round);
    return SS_OK;
}

/* Then only those that had runs in the round that has ended. What was done is not done again, even
 * if it diverged and --retry-failed lets such runs be pending. */
static void end_round(ss_sweep_run *r)
{
    for (size_t word = 0; word < words_of(r); word++) {
        r->output.pending[word] &= ~r->round[word];
    }
}

static ss_error choose(ss_sweep_run *r, int64_t number)
{
    if (number == 1) {
        SS_TRY(begin_first(r));
    } else {
        end_round(r);
    }
    return ss_seeds_choose(r->output.store, &r->tasks, r->output.pending, r->round);
}

static int64_t count_cells(const ss_sweep_run *r)
{
    int64_t cells = 0;
    int64_t seeds = r->sweep.plan.seeds;
    int64_t latest = -1; /* place of the cell counted last */
    for (int64_t task = 0; task < ss_plan_runs(&r->sweep.plan); task++) {
        if (ss_pending_has(r->round, task) && task / seeds != latest) {
            latest = task / seeds;
            cells++;
        }
    }
    return cells;
}

static void print_round(const ss_sweep_run *r, int64_t number, int64_t runs)
{
    printf("%s: round %" PRId64 ": %" PRId64 " of %" PRId64 " cells want more seeds: %" PRId64
           " runs\n",
           r->sweep.label, number, count_cells(r), r->sweep.plan.cells, runs);
    fflush(stdout);
}

ss_error ss_round_begin(ss_sweep_run *r, int64_t number, int64_t *runs)
{
    MPI_Comm comm = r->session->comm;
    SS_TRY(ss_sched_agree(comm, ss_phases_sync(r))); /* rank 0 reads what others have written */
    SS_TRY(ss_sched_agree(comm, r->session->rank == 0 ? choose(r, number) : SS_OK));
    if (r->session->rank == 0) {
        *runs = ss_pending_count(r->round, ss_plan_runs(&r->sweep.plan));
    }
    MPI_Bcast(runs, 1, MPI_INT64_T, 0, comm);
    if (r->session->rank == 0 && *runs > 0) {
        print_round(r, number, *runs);
    }
    return SS_OK;
}
