/* Where runs in flight are saved: FILE.h5.partial/IDENTITY.state. */
#ifndef SADDLESWEEP_STORE_SAVED_RUN_PATH_H
#define SADDLESWEEP_STORE_SAVED_RUN_PATH_H

#include "saddlesweep/run.h"

#include <stdbool.h>

/* The file of a run; ".creating" is its name while it is written, ".state" the final one. Caller
 * frees; NULL: out of memory. */
char *ss_saved_run_path(const char *result_path, const ss_run *run, const char *ending);

/* Makes the folder unless it is there; false, with errno, if it cannot be. */
bool ss_saved_run_make_folder(const char *result_path);

/* Gives a whole, synced file its final name, and puts that on the disk. false, with errno, if it
 * cannot be. */
bool ss_saved_run_rename(const char *result_path, const char *temporary, const char *path);

#endif
