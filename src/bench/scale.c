/* Section scale: what the scheduler would reach on more ranks than there are here. */
#include "bench.h"

#include "../base/table.h"
#include "../base/text.h"
#include "../sched/pace.h"
#include "messages.h"
#include "saddlesweep/sched.h"
#include "simulation.h"

#include <math.h>
#include <stdio.h>

static const int rank_counts[] = {100, 300, 1000, 3000, 10000, 30000, 100000};
enum { RANK_COUNTS = sizeof rank_counts / sizeof rank_counts[0], QUICK_RANK_COUNTS = 4 };

static const double run_lengths[] = {1e-3, 10e-3, 100e-3, 1};
enum { RUN_LENGTHS = sizeof run_lengths / sizeof run_lengths[0] };

/* Rank 0's cost of a message, where no second rank is there to measure it: docs/scheduling.md. */
static const double usual_service = 1e-6;

/* Below this rank 0 counts as saturated. */
static const double good_efficiency = 0.9;

typedef struct scale {
    const ss_bench *bench;
    ss_simulation costs;
    int counts; /* of rank_counts that are simulated */
} scale;

static json_t *describe(const ss_simulation *given, const ss_simulated *result)
{
    return json_pack("{s:i, s:f, s:f, s:f, s:I, s:I}", "ranks", given->ranks, "efficiency",
                     result->efficiency, "seconds", result->seconds, "rank_0_busy", result->busy,
                     "messages", (json_int_t)result->messages, "batches",
                     (json_int_t)result->batches);
}

/* Ranks at which the efficiency falls under the good one, between neighbours of the table (on
 * logarithmic axes); 0: it does not. */
static double saturation(const ss_simulated *results, int counts)
{
    for (int i = 0; i < counts; i++) {
        if (results[i].efficiency >= good_efficiency) {
            continue;
        }
        if (i == 0) {
            return rank_counts[0];
        }
        double above = log(results[i - 1].efficiency / good_efficiency);
        double below = log(good_efficiency / results[i].efficiency);
        double ratio = (double)rank_counts[i] / rank_counts[i - 1];
        return rank_counts[i - 1] * pow(ratio, above / (above + below));
    }
    return 0;
}

static void show_saturation(ss_table *table, json_t *length, double ranks, int counts)
{
    if (ranks > 0) {
        json_object_set_new(length, "saturated_from_ranks", json_real(ranks));
        ss_table_add(table, "%s%.2g", ranks > rank_counts[0] ? "" : "<= ", ranks);
    } else {
        json_object_set_new(length, "saturated_from_ranks", json_null());
        ss_table_add(table, "> %d", rank_counts[counts - 1]);
    }
}

/* One row of the table: all rank counts for one length of runs. */
static ss_error simulate_length(const scale *s, double run_seconds, ss_table *table,
                                json_t *lengths)
{
    char text[32];
    ss_simulated results[RANK_COUNTS];
    json_t *length = json_pack("{s:f, s:[]}", "run_seconds", run_seconds, "simulated");
    json_array_append_new(lengths, length);
    ss_table_add(table, "%s", ss_text_duration(run_seconds, text, sizeof text));
    for (int i = 0; i < s->counts; i++) {
        ss_simulation given = s->costs;
        given.ranks = rank_counts[i];
        given.runs = s->bench->runs_a_rank * given.ranks;
        given.run_seconds = run_seconds;
        SS_TRY(ss_simulate(&given, &results[i]));
        json_array_append_new(json_object_get(length, "simulated"), describe(&given, &results[i]));
        ss_table_add(table, "%.1f %%", 100 * results[i].efficiency);
    }
    show_saturation(table, length, saturation(results, s->counts), s->counts);
    return SS_OK;
}

static ss_error simulate_all(const scale *s, json_t *figures)
{
    char headings[RANK_COUNTS][16];
    ss_table table = {.columns = s->counts + 2, .headings = {"a run takes"}};
    json_t *lengths = json_array();
    json_object_set_new(figures, "run_lengths", lengths);
    for (int i = 0; i < s->counts; i++) {
        snprintf(headings[i], sizeof headings[i], "%d", rank_counts[i]);
        table.headings[i + 1] = headings[i];
    }
    table.headings[s->counts + 1] = "under 90 % from";
    for (int i = 0; i < RUN_LENGTHS; i++) {
        SS_TRY(simulate_length(s, run_lengths[i], &table, lengths));
    }
    printf("  efficiency (work / (ranks x wall time)) by number of ranks:\n");
    return ss_table_print(&table, "  ");
}

ss_error ss_bench_scale(ss_bench *bench, json_t *figures)
{
    double given = bench->service_seconds;
    double measured = given > 0 ? 0 : ss_message_costs_measure(bench->comm, bench->quick).service;
    scale s = {
        .bench = bench,
        .costs = {.iterations = 1000,
                  .spread = 0.15,
                  .service_seconds = given > 0      ? given
                                     : measured > 0 ? measured
                                                    : usual_service,
                  .latency_seconds = bench->latency_seconds,
                  .poll_seconds = ss_pace_poll_seconds()},
        .counts = bench->quick ? QUICK_RANK_COUNTS : RANK_COUNTS,
    };
    json_object_set_new(figures, "service_is_measured", json_boolean(measured > 0));
    ss_bench_add(bench, figures, "service_seconds", s.costs.service_seconds,
                 "rank 0, for a message", measured > 0 ? "s, measured" : "s, given");
    ss_bench_add(bench, figures, "latency_seconds", s.costs.latency_seconds, "a message on its way",
                 "s, given");
    ss_bench_add(bench, figures, "runs_a_rank", (double)bench->runs_a_rank, "runs a rank", "");
    return ss_sched_agree(bench->comm, bench->rank == 0 ? simulate_all(&s, figures) : SS_OK);
}
