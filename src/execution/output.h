/* The result file that `run` and `merge` write: locked, made if it is not there, open on all ranks.
 */
#ifndef SADDLESWEEP_EXECUTION_OUTPUT_H
#define SADDLESWEEP_EXECUTION_OUTPUT_H

#include "../result/pending.h"
#include "../result/sweep.h"
#include "session.h"

typedef struct ss_output {
    const ss_session *session;
    const char *path;
    ss_store *store;
    ss_store_lock lock;
    uint64_t *pending; /* tasks that the file lacks; rank 0 alone */
} ss_output;

typedef struct ss_output_options {
    const char *hosts;  /* what a new file says of itself, beside its sweep; … */
    const char *kernel; /* … on rank 0 */
    bool retry_failed;  /* as ss_pending_find has it */
    ss_store_io io;
} ss_output_options;

/* Takes the lock, creates the file or checks that the one that is there was made for this sweep,
 * finds what it lacks, and opens it on all ranks. session, path and sweep are borrowed. Close it
 * even after an error. Collective. */
ss_error ss_output_open(const ss_session *session, const char *path, const ss_sweep *sweep,
                        const ss_task_order *tasks, const ss_output_options *options,
                        ss_output *output);

/* Closes the file and gives back the lock. Collective: every rank returns SS_OK only if `error`,
 * what came of the work on it, is SS_OK everywhere. */
ss_error ss_output_close(ss_output *output, ss_error error);

#endif
