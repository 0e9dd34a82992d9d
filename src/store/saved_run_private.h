/* What the files of runs in flight have in common, by one rank and by a process grid:
 * FILE.h5.partial/IDENTITY.state, and how they begin. */
#ifndef SADDLESWEEP_STORE_SAVED_RUN_PRIVATE_H
#define SADDLESWEEP_STORE_SAVED_RUN_PRIVATE_H

#include "saddlesweep/saved_run.h"

/* The first 56 bytes. */
typedef struct ss_saved_head {
    char magic[8];
    int64_t version;   /* 1: by one rank, 2: by a process grid */
    uint64_t identity; /* of the run */
    int64_t t;
    double seconds;
    char kernel[16];
} ss_saved_head;

ss_saved_head ss_saved_head_of(int64_t version, const ss_run *run, const ss_saved_run *saved);

/* Whether a file that begins so is of this version and run, and of a kernel with the bits of
 * saved->kernel. */
bool ss_saved_head_fits(const ss_saved_head *head, int64_t version, const ss_run *run,
                        const ss_saved_run *saved);

/* The file of a run; ".creating" is its name while it is written, ".state" the final one. Caller
 * frees; NULL: out of memory. */
char *ss_saved_run_path(const char *result_path, const ss_run *run, const char *ending);

/* Makes the folder unless it is there; false, with errno, if it cannot be. */
bool ss_saved_run_make_folder(const char *result_path);

/* Gives a whole, synced file its final name, and puts that on the disk. false, with errno, if it
 * cannot be. */
bool ss_saved_run_rename(const char *result_path, const char *temporary, const char *path);

#endif
