/* Tables of cells: their first columns. */
#ifndef SADDLESWEEP_RESULT_CELL_ROW_H
#define SADDLESWEEP_RESULT_CELL_ROW_H

#include "../base/table.h"
#include "saddlesweep/plan.h"

/* A table whose rows begin with a cell's number in the whole sweep, d, k, k0, n, m, activation, and
 * train.row_norm where cells differ in it; then columns with these headings (static). */
ss_table ss_cell_table(const ss_plan *plan, const char *const *headings, int count);

/* Adds the beginning of the row of a cell of the plan. Local. */
void ss_cell_row_add(ss_table *table, const ss_plan *plan, int64_t cell);

#endif
