/* Section dispatch: what the scheduler itself costs, on the ranks that there are. */
#include "master_memory.h"
#include "messages.h"
#include "tasks.h"

#include <stdio.h>

enum { ROUNDS = 5, QUICK_ROUNDS = 1 };

/* Runs a second of tasks that do nothing: the median of some rounds. */
static ss_error measure_empty(ss_bench *bench, json_t *figures)
{
    double seconds[ROUNDS];
    int64_t count = bench->quick ? 20000 : 1000000;
    size_t rounds = bench->quick ? QUICK_ROUNDS : ROUNDS;
    for (size_t round = 0; round < rounds && !bench->stopped; round++) {
        SS_TRY(ss_bench_schedule_empty(bench, count, &seconds[round]));
    }
    if (!bench->stopped) {
        ss_bench_add(bench, figures, "empty_runs_per_second",
                     (double)count / ss_bench_median(seconds, rounds), "runs that do nothing",
                     "runs/s");
    }
    return SS_OK;
}

/* Runs that do nothing but commit, by one of the ways in which result files are written. */
typedef struct stored_runs {
    ss_store_io io;
    const char *key;
    const char *label;
} stored_runs;

static ss_error schedule_stored(ss_bench *bench, ss_stored_runs *runs, const stored_runs *stored,
                                int64_t count, json_t *figures)
{
    double seconds[ROUNDS];
    size_t rounds = bench->quick ? QUICK_ROUNDS : ROUNDS;
    for (size_t round = 0; round < rounds && !bench->stopped; round++) {
        SS_TRY(ss_stored_runs_schedule(bench, runs, &seconds[round]));
    }
    if (!bench->stopped) {
        ss_bench_add(bench, figures, stored->key, (double)count / ss_bench_median(seconds, rounds),
                     stored->label, "runs/s");
    }
    return SS_OK;
}

static ss_error measure_stored(ss_bench *bench, const stored_runs *stored, json_t *figures)
{
    ss_stored_runs *runs = NULL;
    int64_t count = bench->quick ? 5000 : 200000;
    SS_TRY(ss_stored_runs_create(bench, count, stored->io, &runs));
    ss_error error = schedule_stored(bench, runs, stored, count, figures);
    ss_stored_runs_destroy(bench, &runs);
    return ss_sched_agree(bench->comm, error);
}

static ss_error measure_all_stored(ss_bench *bench, json_t *figures)
{
    static const stored_runs ways[] = {
        {SS_STORE_IO_MPIO, "stored_runs_per_second", "the same, each committed to a result file"},
        {SS_STORE_IO_DIRECT, "stored_runs_per_second_direct", "    with --io direct"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        SS_TRY(measure_stored(bench, &ways[i], figures));
    }
    return SS_OK;
}

typedef struct busy_runs {
    double seconds; /* each */
    int64_t a_rank;
    int64_t a_rank_if_quick;
    const char *key;
    const char *label;
    const char *waiting_key;
} busy_runs;

static ss_error measure_overhead(ss_bench *bench, const busy_runs *busy, json_t *figures)
{
    double overheads[ROUNDS];
    double waits[ROUNDS];
    size_t rounds = bench->quick ? QUICK_ROUNDS : ROUNDS;
    int64_t a_rank = bench->quick ? busy->a_rank_if_quick : busy->a_rank;
    for (size_t round = 0; round < rounds && !bench->stopped; round++) {
        ss_busy_overhead overhead;
        SS_TRY(ss_bench_schedule_busy(bench, a_rank * bench->ranks, busy->seconds, &overhead));
        overheads[round] = 100 * overhead.all;
        waits[round] = 100 * overhead.waiting;
    }
    if (!bench->stopped) {
        ss_bench_add(bench, figures, busy->key, ss_bench_median(overheads, rounds), busy->label,
                     "%");
        ss_bench_add(bench, figures, busy->waiting_key, ss_bench_median(waits, rounds),
                     "    of it waiting for another's last run", "%");
    }
    return SS_OK;
}

static ss_error measure_overheads(ss_bench *bench, json_t *figures)
{
    static const busy_runs lengths[] = {
        {1e-3, 500, 20, "overhead_percent_1ms", "overhead on runs of 1 ms", "waiting_percent_1ms"},
        {100e-3, 20, 2, "overhead_percent_100ms", "overhead on runs of 100 ms",
         "waiting_percent_100ms"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        SS_TRY(measure_overhead(bench, &lengths[i], figures));
    }
    return SS_OK;
}

static void measure_messages(ss_bench *bench, json_t *figures)
{
    ss_message_costs costs = ss_message_costs_measure(bench->comm, bench->quick);
    if (bench->ranks > 1) {
        ss_bench_add(bench, figures, "message_round_trip_ns", 1e9 * costs.round_trip,
                     "request and answer, both ranks waiting", "ns");
        ss_bench_add(bench, figures, "message_service_ns", 1e9 * costs.service,
                     "rank 0, for a request that has arrived", "ns");
    }
}

/* Rank 0 alone. */
static ss_error measure_memory(const ss_bench *bench, int64_t runs, int64_t seeds, json_t *list)
{
    char label[64];
    ss_master_memory memory;
    json_t *row =
        json_pack("{s:I, s:I}", "runs", (json_int_t)runs, "seeds_a_cell", (json_int_t)seeds);
    json_array_append_new(list, row);
    SS_TRY(ss_master_memory_measure(runs, seeds, &memory));
    snprintf(label, sizeof label, "rank 0, %.0e runs, %d a cell: held", (double)runs, (int)seeds);
    ss_bench_add(bench, row, "held_bytes", memory.held_bytes, label, "B");
    if (memory.peak_bytes > 0) {
        ss_bench_add(bench, row, "peak_bytes", memory.peak_bytes, "    at most, while it prepares",
                     "B");
    }
    ss_bench_add(bench, row, "queue_ns_per_run", 1e9 * memory.queue_seconds / (double)runs,
                 "    the queue's time for a run", "ns");
    return SS_OK;
}

static ss_error measure_memories(const ss_bench *bench, json_t *figures)
{
    json_t *list = json_array();
    ss_error error = SS_OK;
    json_object_set_new(figures, "master", list);
    for (int64_t runs = 1000000; runs <= 10000000 && error == SS_OK; runs *= 10) {
        for (int64_t seeds = 20; seeds >= 1 && error == SS_OK; seeds /= 20) {
            error = measure_memory(bench, runs, seeds, list);
        }
    }
    return error;
}

ss_error ss_bench_dispatch(ss_bench *bench, json_t *figures)
{
    SS_TRY(measure_empty(bench, figures));
    SS_TRY(measure_all_stored(bench, figures));
    SS_TRY(measure_overheads(bench, figures));
    measure_messages(bench, figures);
    return ss_sched_agree(bench->comm, bench->rank == 0 ? measure_memories(bench, figures) : SS_OK);
}
