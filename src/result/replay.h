/* Recomputing committed runs, chosen at random, to compare bits. */
#ifndef SADDLESWEEP_RESULT_REPLAY_H
#define SADDLESWEEP_RESULT_REPLAY_H

#include "walk.h"

#include <mpi.h>

/* A run that is to be recomputed, with what the file says that comes out. */
typedef struct ss_replay_choice {
    int64_t cell;
    int64_t seed_index;
    ss_record record;
    double *results; /* ss_run_result_count() values */
} ss_replay_choice;

typedef struct ss_replay {
    const ss_plan *plan;
    MPI_Comm comm;           /* whose ranks replay wide runs */
    int ranks;               /* of it */
    ss_workspace *workspace; /* NULL: nothing is to be replayed */
    const char *kernel;      /* that replays small runs */
    int64_t wanted;
    int64_t candidates;
    ss_replay_choice *chosen;
    int64_t chosen_count;

    /* committed runs that are not replayed: */
    int64_t others;       /* of a kernel with other bits, … */
    int32_t other_kernel; /* … of one of them (ss_kernel_level) */
    int64_t wider;        /* of process grids with more ranks than there are, … */
    int most_ranks;       /* … at most so many */
    int64_t mixed;        /* that were begun on one grid and ended on another */
} ss_replay;

/* Begins; at most `wanted` runs of the plan (borrowed) will be replayed. With wanted > 0 MPI has
 * begun, and the other ranks of `comm` (borrowed) are in ss_repeat_follow(); this is rank 0, which
 * alone calls these functions. End it even after an error. */
ss_error ss_replay_begin(const ss_plan *plan, int64_t wanted, MPI_Comm comm, ss_replay *replay);
void ss_replay_end(ss_replay *replay);

/* Offers a committed, trusted run: of all that are offered `wanted` are kept, each with the same
 * probability. */
void ss_replay_offer(ss_replay *replay, const ss_walked *at);

/* SS_ERR_USAGE if none of the runs that were offered can be repeated here: there is nothing to
 * compare. `path` is for the message. */
ss_error ss_replay_check(const ss_replay *replay, const char *path);

/* Says on stdout, a line each, which runs were left out and why. */
void ss_replay_print_left_out(const ss_replay *replay);

/* Recomputes what was chosen, wide runs on grids of as many ranks as were theirs; *differs is
 * called for each run that comes out with other bits. SS_ERR_MEMORY if a run does not fit here that
 * did where it was made; errors of ss_repeat_run. */
ss_error ss_replay_all(const ss_replay *replay,
                       void (*differs)(void *context, const ss_run *run, int64_t cell),
                       void *context);

#endif
