/*
 * Runs in flight, saved beside the result file: FILE.h5.partial/IDENTITY.state, a file a run, whole
 * or absent (written under another name, synced, renamed). docs/result-file.md has its layout. A
 * file is believed only if it is this run's and its checksum agrees: a run without one begins anew.
 */
#ifndef SADDLESWEEP_SAVED_RUN_H
#define SADDLESWEEP_SAVED_RUN_H

#include "saddlesweep/run.h"

#include <stdbool.h>

typedef struct ss_saved_run {
    int64_t t;      /* steps completed, at least one; after all its end is still to be examined */
    double seconds; /* wall time so far */
    const char *kernel; /* whose bits these are */
    bool mixed;         /* it has been on more than one process grid */
    double *trajectory; /* ss_run_result_count(run) values, of which the errors and iterates are
                           saved, NaN after t; borrowed */
    double *state;      /* ss_run_state_count(run) doubles, on a process grid this rank's part of
                           them (saved_wide.h); borrowed */
} ss_saved_run;

/* Whether anything was ever saved beside this result file. Local. */
bool ss_saved_run_any(const char *result_path);

/* Whether something was saved of this run. Local. */
bool ss_saved_run_exists(const char *result_path, const ss_run *run);

/* Saves a run, in place of what was saved of it before. After SS_ERR_IO that is still there. Local,
 * by the one rank that runs it. */
ss_error ss_saved_run_write(const char *result_path, const ss_run *run, const ss_saved_run *saved);

/* Reads what was saved of a run into saved->trajectory and saved->state; sets t and seconds.
 * false, with their contents undefined: nothing was, it is damaged, it is another run's, or of a
 * kernel that gives other bits than saved->kernel. Local. */
bool ss_saved_run_read(const char *result_path, const ss_run *run, ss_saved_run *saved);

/* Removes what was saved of a run, if anything was. Local. */
void ss_saved_run_remove(const char *result_path, const ss_run *run);

/* Removes the folder and whatever is left in it: no run needs it any more. Local, one rank. */
void ss_saved_run_remove_all(const char *result_path);

#endif
