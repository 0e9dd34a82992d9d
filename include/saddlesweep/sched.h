/*
 * The scheduler: spreads independent tasks over the ranks of a communicator. Knows no mathematics
 * and no files: a task is a number, given out in ascending order (the caller's order: longest
 * first).
 *
 * Rank 0 is the master and works as well: it answers requests between iterations of its own task. A
 * worker asks for more shortly before its work ends, and short tasks go out in batches, so nobody
 * waits for an answer. docs/scheduling.md has what that costs, and how far it scales.
 */
#ifndef SADDLESWEEP_SCHED_H
#define SADDLESWEEP_SCHED_H

#include "saddlesweep/error.h"

#include <mpi.h>
#include <stdint.h>

typedef enum ss_task_result {
    SS_TASK_DONE,
    SS_TASK_DIVERGED,
    SS_TASK_FAILED,
    SS_TASK_STOPPED, /* by the poll, before its end */
    SS_TASK_RESULTS
} ss_task_result;

/* To be called by a task between its iterations; nonzero: stop now. */
typedef int (*ss_sched_poll)(void *context, int64_t t, int64_t steps);

typedef struct ss_sched_tasks {
    int64_t count; /* tasks 0 … count-1 */

    /* A set bit (task % 64 of word task / 64) is a task to do. Rank 0 only; borrowed. */
    const uint64_t *pending;

    /* Tasks i · alike … (i + 1) · alike - 1 have one prediction, which is asked for once in a
     * while, not for each of them. 0 is as good as 1. */
    int64_t alike;

    /* When to stop as if a signal had come: a time on this rank's monotonic clock
     * (ss_clock_seconds), or 0 for never. */
    double stop_at;

    /* Whether a task that ends DIVERGED or FAILED stops all ranks, too. */
    int stop_at_failure;

    void *context; /* passed to those below */

    /* Predicted seconds of a task; never negative. */
    double (*predict)(void *context, int64_t task);

    /* Executes and commits a task. An error means that the machine failed: the sweep stops. */
    ss_error (*execute)(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                        ss_task_result *result);

    /* Called once when this rank has no more tasks, while others may work on for long; an error as
     * that of `execute`. May be NULL. */
    ss_error (*idle)(void *context);
} ss_sched_tasks;

typedef enum ss_progress_style {
    SS_PROGRESS_NONE,
    SS_PROGRESS_PLAIN, /* a line every ten seconds */
    SS_PROGRESS_LIVE   /* one line, rewritten in place */
} ss_progress_style;

typedef struct ss_sched_summary {
    int64_t results[SS_TASK_RESULTS]; /* tasks of this call by result, on all ranks */
    int stopped;                      /* something ended it before all tasks had ended */
    double seconds;                   /* wall time */
} ss_sched_summary;

/*
 * Executes all pending tasks. Collective over `comm`, whose rank 0 is the master.
 *
 * name     in   what the progress lines call the sweep
 * style    in   of the progress lines, on rank 0's stderr
 * summary  out  the same on all ranks
 *
 * Every rank returns SS_OK, or an error if any rank met one: its own on the rank that met it,
 * SS_ERR_ELSEWHERE on the others. SIGTERM, SIGINT, SIGUSR1, stop_at and a failure (if wanted) stop
 * all ranks within an iteration; tasks in flight are then not committed. A second SIGINT kills.
 */
ss_error ss_sched_execute(MPI_Comm comm, const ss_sched_tasks *tasks, const char *name,
                          ss_progress_style style, ss_sched_summary *summary);

/*
 * From here on SIGTERM, SIGINT and SIGUSR1 are noted instead of ending the process (a second SIGINT
 * ends it); ss_sched_execute stops because of one that came before it, too. Begin and end nest;
 * ss_sched_execute has a pair of its own. Local.
 */
void ss_sched_signals_begin(void);
void ss_sched_signals_end(void);

/* Whether every rank of `comm` has SS_OK; returns this rank's error, or SS_ERR_ELSEWHERE if only
 * others failed. Collective. */
ss_error ss_sched_agree(MPI_Comm comm, ss_error error);

/* The same for an error that all ranks may have met alike: if rank 0 has one, the others return
 * SS_ERR_ELSEWHERE, so that it is told once. Collective. */
ss_error ss_sched_agree_once(MPI_Comm comm, ss_error error);

/* Gives `bytes` of rank 0's to all ranks of `comm`; who waits leaves the core to ranks that still
 * work. Collective. */
void ss_sched_share(MPI_Comm comm, void *data, int bytes);

/* Waits for every rank of `comm`, likewise. Collective. */
void ss_sched_wait_for_all(MPI_Comm comm);

/* What the messages of `ranks` ranks add to the wall time of a sweep, by the simulations of
 * docs/scheduling.md: two rounds in which rank 0 answers every other rank once. Local. */
double ss_sched_message_seconds(int64_t ranks);

/* Number of set bits in a pending set of `count` tasks. */
int64_t ss_pending_count(const uint64_t *pending, int64_t count);

#endif
