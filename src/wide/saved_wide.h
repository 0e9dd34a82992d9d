/*
 * Runs in flight on process grids, saved beside the result file under the same names as others
 * (saved_run.h), each rank's part of the state by itself. docs/result-file.md has the layout.
 * A file is believed only if it is this run's and all its checksums agree; it is whole or absent.
 */
#ifndef SADDLESWEEP_WIDE_SAVED_WIDE_H
#define SADDLESWEEP_WIDE_SAVED_WIDE_H

#include "grid.h"
#include "saddlesweep/saved_run.h"

#include <stdbool.h>

/* Doubles of a rank's part of the state: its columns of A, then those of V, without gaps. Local. */
int64_t ss_wide_state_count(const ss_run *run, ss_grid_place place, int64_t block);

/* Saves a run, in place of what was saved of it before. After SS_ERR_IO that is still there.
 * Collective. */
ss_error ss_saved_wide_write(const ss_grid *grid, int64_t block, const char *result_path,
                             const ss_run *run, const ss_saved_run *saved);

/* Reads what was saved of a run, on whatever grid: every rank gets its part. saved->mixed is set if
 * that grid had another shape or block. false, with their contents undefined: nothing was, it is
 * damaged, or it is another run's. Collective. */
bool ss_saved_wide_read(const ss_grid *grid, int64_t block, const char *result_path,
                        const ss_run *run, ss_saved_run *saved);

#endif
