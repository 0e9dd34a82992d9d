#include "repeat.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>

/* What rank 0 tells the others; all are the same program, so it goes as bytes. */
typedef struct order {
    int ranks; /* 0: there is nothing more to do */
    int64_t block;
    ss_run run; /* its checkpoints follow, and A* if it is given */
} order;

static ss_error execute(MPI_Comm comm, const order *o, double *trajectory, ss_run_outcome *outcome)
{
    ss_grid grid;
    ss_workspace *workspace;
    SS_TRY(ss_grid_open(comm, &grid));
    ss_error error =
        ss_sched_agree_once(comm, ss_workspace_create_wide(&grid, o->block, &workspace));
    if (error == SS_OK) {
        ss_run_execute(&o->run, workspace, NULL, NULL, trajectory, outcome);
    }
    ss_workspace_destroy(&workspace);
    ss_grid_close(&grid);
    return error;
}

/* Collective over all ranks, with the same order and room for its trajectory. */
static ss_error execute_on_first(MPI_Comm comm, const order *o, double *trajectory,
                                 ss_run_outcome *outcome)
{
    MPI_Comm grid;
    int rank;
    ss_error error = SS_OK;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_split(comm, rank < o->ranks ? 0 : MPI_UNDEFINED, rank, &grid);
    if (grid != MPI_COMM_NULL) {
        error = execute(grid, o, trajectory, outcome);
        MPI_Comm_free(&grid);
    }
    return ss_sched_agree(comm, error);
}

static int bytes_of_checkpoints(const order *o)
{
    return (int)(o->run.checkpoint_count * (int64_t)sizeof(int64_t));
}

static int bytes_of_truth(const order *o)
{
    return o->run.truth_matrix ? (int)(o->run.d * o->run.k0 * (int64_t)sizeof(double)) : 0;
}

/* Collective, with room for both. */
static void share_arrays(MPI_Comm comm, const order *o, int64_t *checkpoints, double *truth)
{
    ss_sched_share(comm, checkpoints, bytes_of_checkpoints(o));
    if (o->run.truth_matrix) {
        ss_sched_share(comm, truth, bytes_of_truth(o));
    }
}

ss_error ss_repeat_run(MPI_Comm comm, const ss_run *run, int ranks, int64_t block,
                       double *trajectory, ss_run_outcome *outcome)
{
    order o = {.ranks = ranks, .block = block, .run = *run};
    ss_sched_share(comm, &o, sizeof o);
    SS_TRY(ss_sched_agree(comm, SS_OK));
    share_arrays(comm, &o, (int64_t *)run->checkpoints, (double *)run->truth_matrix);
    return execute_on_first(comm, &o, trajectory, outcome);
}

void ss_repeat_end(MPI_Comm comm)
{
    order o = {.ranks = 0};
    ss_sched_share(comm, &o, sizeof o);
}

static ss_error follow_one(MPI_Comm comm, order *o)
{
    ss_run_outcome outcome;
    int64_t *checkpoints = NULL;
    double *trajectory = NULL;
    double *truth = NULL;
    size_t count = (size_t)o->run.checkpoint_count;
    size_t results = (size_t)ss_run_result_count(&o->run);
    ss_error error = ss_allocate(count, sizeof *checkpoints, &checkpoints);
    if (error == SS_OK) {
        error = ss_allocate(results, sizeof *trajectory, &trajectory);
    }
    if (error == SS_OK) {
        error = ss_allocate((size_t)bytes_of_truth(o), 1, &truth);
    }
    error = ss_sched_agree(comm, error);
    if (error == SS_OK) {
        share_arrays(comm, o, checkpoints, truth);
        o->run.checkpoints = checkpoints;
        o->run.truth_matrix = o->run.truth_matrix ? truth : NULL;
        error = execute_on_first(comm, o, trajectory, &outcome);
    }
    free(truth);
    free(trajectory);
    free(checkpoints);
    return error;
}

ss_error ss_repeat_follow(MPI_Comm comm)
{
    ss_error error = SS_OK;
    for (;;) {
        order o;
        ss_sched_share(comm, &o, sizeof o);
        if (o.ranks == 0) {
            return error;
        }
        error = follow_one(comm, &o);
    }
}
