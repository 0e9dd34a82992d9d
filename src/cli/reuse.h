/* Taking over from older result files what a new one lacks. */
#ifndef SADDLESWEEP_CLI_REUSE_H
#define SADDLESWEEP_CLI_REUSE_H

#include "options.h"
#include "pending.h"
#include "sweep.h"

typedef struct ss_reuse_file {
    const char *path; /* borrowed */
    ss_store *store;
    ss_sweep sweep;
} ss_reuse_file;

/* The older files, open for reading; on one rank. */
typedef struct ss_reuse {
    ss_reuse_file *files;
    size_t count; /* of those that are open */
    bool only_done;
    int64_t taken; /* runs, from all of them */
} ss_reuse;

/* Opens the files; one that is no result file, or is `output` itself, is an error (SS_ERR_USAGE,
 * SS_ERR_FORMAT). With `only_done`, runs that diverged or failed are not taken. Close it even after
 * an error. Local, as all of this. */
ss_error ss_reuse_open(const ss_option_texts *paths, const char *output, bool only_done,
                       ss_reuse *reuse);
void ss_reuse_close(ss_reuse *reuse);

/* Commits to `store` every pending run of which an older file has a committed one of the same
 * identity that its checksums vouch for, and takes it out of `pending`. Of runs that failed for
 * want of memory none is taken: they may fit here. Says on stdout what came from each file.
 * Collective over nothing: `store` is written by this rank alone. */
ss_error ss_reuse_take(ss_reuse *reuse, ss_store *store, const ss_task_order *tasks,
                       uint64_t *pending);

#endif
