/* Reducing a result file: trajectories to bands. */
#ifndef SADDLESWEEP_RESULT_REDUCTION_H
#define SADDLESWEEP_RESULT_REDUCTION_H

#include "walk.h"

/* The bands of one cell after another, over its runs that are DONE and can be trusted
 * (ss_record_trusted): a run that was moved from another place is none of them. */
typedef struct ss_reduction {
    ss_walk walk;                  /* over the store */
    int64_t committed;             /* runs of the cell that can be trusted, DONE or not */
    ss_bands bands[SS_QUANTITIES]; /* of the cell */

    double *errors; /* S × P, of the cell: those of runs that are not included are undefined */
    double *scale;  /* S: 1 / ‖Z*‖_F */
    bool *included; /* S */

    ss_visit *visit; /* sees the runs of a cell as well, when it is read; NULL: nobody does */
    void *visitor;
} ss_reduction;

/* Begins; the store must have the shape of the plan (ss_store_match). Both are borrowed. End it
 * even after an error (SS_ERR_MEMORY). Local, as are the next two. */
ss_error ss_reduction_begin(const ss_store *store, const ss_plan *plan, const char *what,
                            ss_reduction *reduction);
void ss_reduction_end(ss_reduction *reduction);

/* Reads a cell and computes its bands. */
ss_error ss_reduction_of_cell(ss_reduction *reduction, int64_t cell);

/* Recomputes and writes the bands of every cell, cells spread over the ranks of `comm`. Collective.
 */
ss_error ss_reduce_all(MPI_Comm comm, ss_store *store, const ss_plan *plan);

#endif
