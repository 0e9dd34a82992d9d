/* Taking over from older result files what a new one lacks. */
#ifndef SADDLESWEEP_EXECUTION_REUSE_H
#define SADDLESWEEP_EXECUTION_REUSE_H

#include "../base/text.h"
#include "../result/sweep.h"
#include "takeover.h"

typedef struct ss_reuse_file {
    const char *path; /* borrowed */
    ss_store *store;
    ss_sweep sweep;
} ss_reuse_file;

/* The older files, open for reading; on one rank. */
typedef struct ss_reuse {
    ss_reuse_file *files;
    size_t count; /* of those that are open */
    ss_takeover_kind kind;
    int64_t taken; /* runs, from all of them */
} ss_reuse;

/* Opens the files; one that is no result file, or is `output` itself, is an error (SS_ERR_USAGE,
 * SS_ERR_FORMAT). With `only_done`, runs that diverged or failed are not taken. Close it even after
 * an error. Local, as all of this. */
ss_error ss_reuse_open(const ss_texts *paths, const char *output, bool only_done, ss_reuse *reuse);
void ss_reuse_close(ss_reuse *reuse);

/* Takes over to `store` what it lacks (`pending`) and the older files have (takeover.h); of runs
 * that failed for want of memory none. */
ss_error ss_reuse_take(ss_reuse *reuse, ss_store *store, const ss_task_order *tasks,
                       uint64_t *pending);

#endif
