/* What master and worker share: executing a batch, keeping the tally, the messages. */
#ifndef SADDLESWEEP_SCHED_MEMBER_H
#define SADDLESWEEP_SCHED_MEMBER_H

#include "../base/clock.h"
#include "queue.h"
#include "saddlesweep/sched.h"

#include <stdbool.h>

/*
 * The protocol. Three kinds of message:
 *
 *   REPORT  worker → master   what has ended since the last one; perhaps asks for work; perhaps
 *                             says that this rank wants all to stop; the last one says "leaving"
 *   WORK    master → worker   the answer to a report that asks; an empty batch means no more
 *   STOP    master → worker   exactly one to each worker: when all shall stop, or as the answer
 *                             to "leaving"
 *
 * Termination. A worker has at most one unanswered request, never leaves while one is unanswered,
 * and asks no more after an empty batch or once it is stopping; so each request has its answer
 * received. The master answers every request at once, and answers with an empty batch when the
 * queue is empty or all are stopping; the queue only shrinks, so every worker comes to an
 * empty batch or to stopping, executes what it holds (or drops it), and leaves. The master ends
 * when it has received "leaving" from every worker; it then has sent each one its STOP, and every
 * worker waits for that. No message is left behind.
 */
enum { SS_TAG_REPORT = 1, SS_TAG_WORK, SS_TAG_STOP };

typedef struct ss_report {
    int64_t results[SS_TASK_RESULTS];
    double predicted_seconds;
    double measured_seconds;
    int64_t wants_work;
    int64_t stopping;
    int64_t leaving;
} ss_report;

typedef struct ss_member {
    MPI_Comm comm;
    const ss_sched_tasks *tasks;
    ss_report tally; /* since the last report */
    bool stopping;
    bool drained;   /* stopping because of a signal, the time or a failure here */
    ss_error error; /* of this rank */
    ss_predictor predictor;

    /* when messages are looked at */
    double next_poll;
    ss_ticker ticker; /* eight readings of the clock between two looks */

    /* the task in progress */
    bool last_of_batch;
    double seconds_after; /* predicted, of the tasks after it in the batch */
    double task_started;

    /* Called before each task, at `now`. */
    void (*before)(struct ss_member *member, int64_t task, double now);
    /* Called between the iterations of a task; the poll of ss_sched_tasks. */
    ss_sched_poll poll;
} ss_member;

/* Executes a batch until its end or until the member is stopping. */
void ss_member_execute(ss_member *member, const ss_batch_message *batch);

/* It has no more tasks. */
void ss_member_idle(ss_member *member);

/* The member of a rank before its first task. */
ss_member ss_member_of(MPI_Comm comm, const ss_sched_tasks *tasks);

/* Whether it is time to look at messages again (they cost more than a short iteration). */
bool ss_member_poll_due(ss_member *member, double now);

/* The same between iterations, many of which may be shorter than it takes to read the clock: most
 * calls do not. If due, *now (out) is the time. */
bool ss_member_poll_due_in_task(ss_member *member, double *now);

/* Notes that a signal has come, or that the time is up. */
void ss_member_check_drain(ss_member *member);

/* What a rank has to say in the end. */
typedef struct ss_member_end {
    ss_error error;
    bool drained;
    int64_t results[SS_TASK_RESULTS]; /* of all ranks; the master's only, as is … */
    bool complete;                    /* … whether every pending task has ended */
} ss_member_end;

/* The two roles; both return when every worker has left. */
ss_member_end ss_master_run(MPI_Comm comm, const ss_sched_tasks *tasks, const char *name,
                            ss_progress_style style);
ss_member_end ss_worker_run(MPI_Comm comm, const ss_sched_tasks *tasks);

#endif
