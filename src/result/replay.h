/* Recomputing committed runs, chosen at random, to compare bits. */
#ifndef SADDLESWEEP_RESULT_REPLAY_H
#define SADDLESWEEP_RESULT_REPLAY_H

#include "walk.h"

/* A run that is to be recomputed, with what the file says that comes out. */
typedef struct ss_replay_choice {
    int64_t cell;
    int64_t seed_index;
    ss_record record;
    double *trajectory; /* [P] */
} ss_replay_choice;

typedef struct ss_replay {
    const ss_plan *plan;
    ss_workspace *workspace; /* NULL: nothing is to be replayed */
    const char *kernel;      /* that replays */
    int64_t wanted;
    int64_t candidates;
    int64_t others;       /* committed runs of a kernel with other bits, … */
    int32_t other_kernel; /* … of one of them (ss_kernel_level) */
    ss_replay_choice *chosen;
    int64_t chosen_count;
} ss_replay;

/* Begins; at most `wanted` runs of the plan (borrowed) will be replayed. End it even after an
 * error. Local, as all of this. */
ss_error ss_replay_begin(const ss_plan *plan, int64_t wanted, ss_replay *replay);
void ss_replay_end(ss_replay *replay);

/* Offers a committed, trusted run: of all that are offered `wanted` are kept, each with the same
 * probability. */
void ss_replay_offer(ss_replay *replay, const ss_walked *at);

/* SS_ERR_USAGE if all runs that were offered are of kernels with other bits: there is nothing to
 * compare. `path` is for the message. */
ss_error ss_replay_check(const ss_replay *replay, const char *path);

/* Recomputes what was chosen; *differs is called for each run that comes out with other bits. */
ss_error ss_replay_all(const ss_replay *replay,
                       void (*differs)(void *context, const ss_run *run, int64_t cell),
                       void *context);

#endif
