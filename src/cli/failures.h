/* What runs that diverged or failed have in common. */
#ifndef SADDLESWEEP_CLI_FAILURES_H
#define SADDLESWEEP_CLI_FAILURES_H

#include "saddlesweep/store.h"

/* Prints why committed runs diverged or failed, and how they are spread over the values of each
 * parameter (free axes, seed) that has more than one in the grid: the values with
 * the largest share first, those that all of them have marked. Nothing if there are none. On
 * stdout. SS_ERR_MEMORY, SS_ERR_IO. Local. */
ss_error ss_failures_print(const ss_store *store, const ss_plan *plan);

#endif
