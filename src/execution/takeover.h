/* Taking over runs from other result files, by their identity: what `run --reuse` and `merge` do.
 */
#ifndef SADDLESWEEP_EXECUTION_TAKEOVER_H
#define SADDLESWEEP_EXECUTION_TAKEOVER_H

#include "../result/pending.h"

/* Which committed runs are taken. */
typedef enum ss_takeover_kind {
    SS_TAKEOVER_ALL,
    SS_TAKEOVER_REPEATABLE, /* not those that failed for want of memory: they may fit here */
    SS_TAKEOVER_DONE
} ss_takeover_kind;

/* A run that is lacking. */
typedef struct ss_wanted_run {
    uint64_t identity;
    int64_t task;
} ss_wanted_run;

typedef struct ss_takeover {
    ss_store *store;
    const ss_task_order *tasks;
    uint64_t *pending;
    ss_takeover_kind kind;
    bool other_blocks;     /* the wide runs of the file in progress are of other blocks */
    ss_wanted_run *wanted; /* by ascending identity */
    int64_t count;
    int64_t taken;     /* runs, from all files so far */
    int64_t committed; /* runs that the file in progress has */
} ss_takeover;

/* Begins to fill what `store` lacks (`pending`, as ss_pending_find has it); all borrowed. Without a
 * store (NULL) runs are only counted. End it even after an error (SS_ERR_MEMORY). Local, as all of
 * this: `store` is written by this rank alone. */
ss_error ss_takeover_begin(ss_store *store, const ss_task_order *tasks, uint64_t *pending,
                           ss_takeover_kind kind, ss_takeover *takeover);
void ss_takeover_end(ss_takeover *takeover);

/* Commits every pending run of which another file (open, of this plan) has a committed one of the
 * same identity that its checksums vouch for, and takes it out of `pending`; but for ALL none that
 * was computed otherwise than it would be here (on one rank or a process grid, in which blocks).
 * Says on stdout how many came from `path`, and if none, why. */
ss_error ss_takeover_from(ss_takeover *takeover, const char *path, const ss_store *other,
                          const ss_plan *plan);

#endif
