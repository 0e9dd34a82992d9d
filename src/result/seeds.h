/* How many seeds each cell of a result file wants: all of them, or, where the sweep has
 * grid.seed.until_se, as many as its rule (stopping.h) takes from what is committed. A run that is
 * pending and not wanted is not missing: a file is complete when none is wanted
 * (ss_tally_wanted). */
#ifndef SADDLESWEEP_RESULT_SEEDS_H
#define SADDLESWEEP_RESULT_SEEDS_H

#include "pending.h"
#include "saddlesweep/stopping.h"
#include "walk.h"

/* Looks at one cell after another. */
typedef struct ss_seeds {
    ss_walk walk;
    ss_stopping_rule rule;

    /* of the cell that was read last, S each */
    double *final[SS_QUANTITIES]; /* errors at t = T; NaN but for DONE runs */
    ss_run_status *status;        /* PENDING but for runs that can be trusted (ss_record_trusted) */
    bool *committed;              /* which these are */
    bool *pending;                /* runs without a committed record; the others are damaged */
} ss_seeds;

/* The rule of a plan. Local. */
ss_stopping_rule ss_seeds_rule(const ss_plan *plan);

/* Begins; the store must have the shape of the plan (ss_store_match). Both are borrowed. Close it
 * even after an error (SS_ERR_MEMORY). Local, as all of this. */
ss_error ss_seeds_open(const ss_store *store, const ss_plan *plan, ss_seeds *seeds);
void ss_seeds_close(ss_seeds *seeds);

/* Reads the runs of a cell. SS_ERR_IO. */
ss_error ss_seeds_read(ss_seeds *seeds, int64_t cell);

/* How many seeds the cell that was read wants, and why. Where all cells have all seeds: MET, with
 * NaN for the rest. */
ss_stopping ss_seeds_judge(const ss_seeds *seeds);

/* Both; but where all cells have all seeds nothing is read. */
ss_error ss_seeds_wanted(ss_seeds *seeds, int64_t cell, ss_stopping *wanted);

/* Runs of that cell that are pending and not among those `wanted` of it. */
int64_t ss_seeds_unwanted(const ss_seeds *seeds, const ss_stopping *wanted);

/* Of the tasks of `pending` (ss_pending_find) those that are wanted, into `chosen`, a set alike, or
 * the same one. In: the cells to look at, which are those with a task in `chosen`. */
ss_error ss_seeds_choose(const ss_store *store, const ss_task_order *tasks, const uint64_t *pending,
                         uint64_t *chosen);

/* What has come of all cells. */
typedef struct ss_seeds_survey {
    int64_t unwanted; /* runs that are pending, of cells that have enough without them */
    int64_t cells[SS_STOPPING_STATES];
    int64_t fewest; /* seeds that a cell wants, and … */
    int64_t most;
    int64_t worst_cell; /* of those that missed the target, the one with the largest error; -1 */
    ss_stopping worst;
} ss_seeds_survey;

/* Looks at all cells; at none, with nothing unwanted, where all have all seeds. */
ss_error ss_seeds_look(const ss_store *store, const ss_plan *plan, ss_seeds_survey *survey);

/* Says on stdout which cells met the target; nothing where there is none. */
void ss_seeds_print(const ss_plan *plan, const ss_seeds_survey *survey);

#endif
