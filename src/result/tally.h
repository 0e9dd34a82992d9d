/* How many runs of each status a result file holds. */
#ifndef SADDLESWEEP_RESULT_TALLY_H
#define SADDLESWEEP_RESULT_TALLY_H

#include "seeds.h"

typedef struct ss_tally {
    int64_t runs[SS_RUN_STATUS_COUNT];    /* PARTIAL ones are not among the PENDING ones */
    int64_t reasons[SS_RUN_REASON_COUNT]; /* of the runs that diverged or failed */
    ss_seeds_survey seeds;                /* of the sweep's cells, once all are counted */
} ss_tally;

/* Runs that there are no results of: PENDING and PARTIAL ones. */
int64_t ss_tally_pending(const ss_tally *tally);

/* Those of them that are to be run; with 0 of a sweep (ss_tally_all) its file is complete. They are
 * fewer where cells have enough seeds without (grid.seed.until_se). */
int64_t ss_tally_wanted(const ss_tally *tally);

/* Runs that diverged or failed. */
int64_t ss_tally_failures(const ss_tally *tally);

/* Counts one cell's records; one that is not whole counts as PENDING. */
ss_error ss_tally_cell(const ss_store *store, int64_t cell, ss_tally *tally);

/* Counts all cells, and looks at their seeds. */
ss_error ss_tally_all(const ss_store *store, const ss_plan *plan, ss_tally *tally);

/* Prints "figure1: 40 of 40 runs committed (38 now, in 2 s): …" on stdout, of those wanted so far.
 */
void ss_tally_print_counts(const char *label, const ss_tally *tally, int64_t now, double seconds);

/* Prints a line for each reason that runs diverged or failed for, on stdout. */
void ss_tally_print_reasons(const ss_tally *tally);

/* Prints a table of the cells on stdout, with their numbers in the whole plan; where seeds are
 * added, also how many each wants, and its relative standard error. */
ss_error ss_tally_print_cells(const ss_store *store, const ss_plan *plan);

#endif
