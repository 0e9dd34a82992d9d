/* `run`: what a result file lacks of a sweep, on all ranks. */
#ifndef SADDLESWEEP_EXECUTION_EXECUTION_H
#define SADDLESWEEP_EXECUTION_EXECUTION_H

#include "../base/text.h"
#include "deadline.h"
#include "saddlesweep/sched.h"
#include "saddlesweep/shard.h"
#include "saddlesweep/store.h"
#include "session.h"

typedef struct ss_execution_options {
    const char *spec_path;
    const char *output; /* the result file */
    ss_shard shard;     /* of the sweep */
    ss_texts overrides;
    ss_texts reuse;     /* older result files */
    int retry_failed;   /* runs that diverged or failed count as lacking */
    int fail_fast;      /* stop at the first one */
    int64_t checkpoint; /* seconds between saves of a long run */
    ss_store_io io;
    ss_deadline deadline;
    ss_progress_style style;
} ss_execution_options;

/* Creates the result file or goes on with it; takes over, executes and commits what it lacks; then
 * reduces it, unless stopped early, and says on stdout what came of it. *status (out, rank 0): the
 * exit status if there is no error. Collective. */
ss_error ss_execution_run(const ss_session *session, const ss_execution_options *options,
                          int *status);

#endif
