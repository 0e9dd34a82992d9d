/* Tasks without mathematics, put through the real scheduler. All calls are collective over the
 * bench's ranks; `seconds` (out, the same on all) is the wall time of the schedule. A signal sets
 * bench->stopped. */
#ifndef SADDLESWEEP_BENCH_TASKS_H
#define SADDLESWEEP_BENCH_TASKS_H

#include "bench.h"
#include "saddlesweep/sched.h"
#include "saddlesweep/store.h"

/* Schedules all of tasks->count tasks (tasks->pending is made here). */
ss_error ss_bench_schedule(ss_bench *bench, const ss_sched_tasks *tasks, double *seconds);

/* Tasks that do nothing. */
ss_error ss_bench_schedule_empty(ss_bench *bench, int64_t count, double *seconds);

/* What is lost around busy tasks, as a share of the seconds in which they were busy. */
typedef struct ss_busy_overhead {
    double all;     /* wall time · ranks, minus the busy seconds */
    double waiting; /* of it after a rank's last task, until all have ended */
} ss_busy_overhead;

/* Tasks that keep a core busy for so long, beside the calls of their poll, as the clock says: what
 * other programs or a hypervisor take of the cores while a task works is not held against the
 * scheduler, but for the wait of one rank for another at the end. */
ss_error ss_bench_schedule_busy(ss_bench *bench, int64_t count, double task_seconds,
                                ss_busy_overhead *overhead);

/* Runs that do nothing but commit a trajectory to a result file. */
typedef struct ss_stored_runs ss_stored_runs;

/* Creates the file in a temporary folder; owned by the caller, NULL after an error. */
ss_error ss_stored_runs_create(const ss_bench *bench, int64_t count, ss_store_io io,
                               ss_stored_runs **out);

ss_error ss_stored_runs_schedule(ss_bench *bench, ss_stored_runs *runs, double *seconds);

/* Removes file and folder; takes NULL. */
void ss_stored_runs_destroy(const ss_bench *bench, ss_stored_runs **runs);

#endif
