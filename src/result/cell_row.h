/* The first columns of tables of cells. */
#ifndef SADDLESWEEP_RESULT_CELL_ROW_H
#define SADDLESWEEP_RESULT_CELL_ROW_H

#include "../base/table.h"
#include "saddlesweep/run.h"

#define SS_CELL_HEADINGS "cell", "d", "k", "k0", "n", "m", "<activation"

/* Adds a cell's number in the whole sweep, d, k, k0, n, m and activation. Local. */
void ss_cell_row_add(ss_table *table, int64_t number, const ss_run *run);

#endif
