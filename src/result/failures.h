/* What runs that diverged or failed have in common. */
#ifndef SADDLESWEEP_RESULT_FAILURES_H
#define SADDLESWEEP_RESULT_FAILURES_H

#include "tally.h"

/* Prints why committed runs diverged or failed, and how they are spread over the values of each
 * parameter (free axes, seed) that has more than one in the grid: the values with
 * the largest share first, those that all of them have marked. Nothing if there are none. On
 * stdout. `tally` is that of the store. SS_ERR_MEMORY, SS_ERR_IO. Local. */
ss_error ss_failures_print(const ss_store *store, const ss_plan *plan, const ss_tally *tally);

#endif
