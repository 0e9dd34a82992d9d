#include "tasks.h"

#include "../base/clock.h"
#include "../base/memory.h"

#include <stdlib.h>
#include <string.h>

ss_error ss_bench_schedule(ss_bench *bench, const ss_sched_tasks *tasks, double *seconds)
{
    uint64_t *pending = NULL;
    size_t words = (size_t)(tasks->count + 63) / 64;
    ss_error error = bench->rank == 0 ? ss_allocate(words, sizeof *pending, &pending) : SS_OK;
    SS_TRY(ss_sched_agree(bench->comm, error));
    if (pending) {
        memset(pending, 0xff, words * sizeof *pending);
    }
    ss_sched_summary summary;
    ss_sched_tasks all = *tasks;
    all.pending = pending;
    error = ss_sched_execute(bench->comm, &all, "bench", SS_PROGRESS_NONE, &summary);
    free(pending);
    *seconds = summary.seconds;
    bench->stopped = bench->stopped || summary.stopped;
    return error;
}

static double predict_short(void *context, int64_t task)
{
    (void)context;
    (void)task;
    return 1e-6;
}

static ss_error do_nothing(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                           ss_task_result *result)
{
    (void)context;
    (void)task;
    (void)poll;
    (void)poll_context;
    *result = SS_TASK_DONE;
    return SS_OK;
}

ss_error ss_bench_schedule_empty(ss_bench *bench, int64_t count, double *seconds)
{
    ss_sched_tasks tasks = {
        .count = count, .alike = count, .predict = predict_short, .execute = do_nothing};
    return ss_bench_schedule(bench, &tasks, seconds);
}

/* As long as an iteration of Figure 1. */
static const double busy_iteration = 20e-6;

typedef struct busy_tasks {
    double task_seconds;
    double clock_seconds; /* what reading the clock takes: once an iteration, outside of it */
    double worked;        /* seconds on this rank, without its polls */
    double ended;         /* when this rank's last task did */
} busy_tasks;

static double predict_busy(void *context, int64_t task)
{
    (void)task;
    return ((const busy_tasks *)context)->task_seconds;
}

/* Works for a while; how long it was. */
static double work(double seconds)
{
    double start = ss_clock_seconds();
    double worked = 0;
    while (worked < seconds) {
        worked = ss_clock_seconds() - start;
    }
    return worked;
}

static double measure_clock(void)
{
    enum { READINGS = 20000 };
    double start = ss_clock_seconds();
    for (int i = 0; i < READINGS - 1; i++) {
        ss_clock_seconds();
    }
    return (ss_clock_seconds() - start) / READINGS;
}

static ss_error keep_busy(void *context, int64_t task, ss_sched_poll poll, void *poll_context,
                          ss_task_result *result)
{
    busy_tasks *busy = context;
    int64_t iterations = (int64_t)(busy->task_seconds / busy_iteration + 0.5);
    (void)task;
    *result = SS_TASK_DONE;
    for (int64_t t = 0; t < iterations; t++) {
        busy->worked += work(busy_iteration) + busy->clock_seconds;
        if (poll(poll_context, t + 1, iterations)) {
            *result = SS_TASK_STOPPED;
            break;
        }
    }
    busy->ended = ss_clock_seconds();
    return SS_OK;
}

ss_error ss_bench_schedule_busy(ss_bench *bench, int64_t count, double task_seconds,
                                ss_busy_overhead *overhead)
{
    double wall;
    busy_tasks busy = {
        .task_seconds = task_seconds,
        .clock_seconds = measure_clock(),
        .ended = ss_clock_seconds(),
    };
    ss_sched_tasks tasks = {.count = count,
                            .alike = count,
                            .context = &busy,
                            .predict = predict_busy,
                            .execute = keep_busy};
    SS_TRY(ss_bench_schedule(bench, &tasks, &wall));
    double sums[] = {busy.worked, ss_clock_seconds() - busy.ended};
    MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, bench->comm);
    overhead->all = wall * bench->ranks / sums[0] - 1;
    overhead->waiting = sums[1] / sums[0];
    return SS_OK;
}
