#include "master_memory.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "../sched/queue.h"
#include "saddlesweep/plan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct prepared {
    ss_spec *spec;
    ss_plan plan;
    uint32_t *order;
    uint64_t *pending;
} prepared;

/* A line of /proc/self/status, e.g. "VmRSS:", in bytes; 0 if there is none. */
static double status_bytes(const char *key)
{
    char line[128];
    double kibibytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kibibytes = strtod(line + strlen(key), NULL);
        }
    }
    if (file) {
        fclose(file);
    }
    return 1024 * kibibytes;
}

/* Lets the peak of the resident memory (VmHWM) begin anew. */
static int reset_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    int done = file && fputs("5", file) >= 0;
    return file && fclose(file) == 0 && done;
}

static ss_error prepare(int64_t runs, int64_t seeds, prepared *p)
{
    char text[512];
    size_t words = (size_t)(runs + 63) / 64;
    snprintf(text, sizeof text,
             "name: bench\nroot_seed: 1\n"
             "grid: {d: 3, k: 2, n: {from: 1, to: %" PRId64 ", step: 1}, m: n, activation: tanh, "
             "seed: {count: %" PRId64 "}}\n"
             "train: {iterations: 1000, step: {size: 0.5}}\n",
             runs / seeds, seeds);
    SS_TRY(ss_spec_parse("bench", text, NULL, 0, &p->spec));
    p->plan = ss_plan_of(p->spec);
    SS_TRY(ss_plan_longest_first(&p->plan, &p->order));
    SS_TRY(ss_allocate(words, sizeof *p->pending, &p->pending));
    memset(p->pending, 0xff, words * sizeof *p->pending);
    return SS_OK;
}

static double predict(void *context, int64_t task)
{
    const prepared *p = context;
    ss_run run = ss_plan_run(&p->plan, p->order[task / p->plan.seeds], 0);
    return ss_run_cost_seconds(&run);
}

static double take_all(prepared *p)
{
    enum { RANKS = 1000 };
    ss_batch_message batch;
    ss_sched_tasks tasks = {
        .count = ss_plan_runs(&p->plan),
        .pending = p->pending,
        .alike = p->plan.seeds,
        .context = p,
        .predict = predict,
    };
    double start = ss_clock_seconds();
    ss_queue queue = ss_queue_of(&tasks);
    while (queue.left > 0) {
        ss_queue_take(&queue, RANKS, &batch);
    }
    return ss_clock_seconds() - start;
}

ss_error ss_master_memory_measure(int64_t runs, int64_t seeds, ss_master_memory *out)
{
    prepared p = {0};
    int peak_is_known = reset_peak();
    double before = status_bytes("VmRSS:");
    ss_error error = prepare(runs, seeds, &p);
    if (error == SS_OK) {
        *out = (ss_master_memory){
            .held_bytes = fmax(0, status_bytes("VmRSS:") - before),
            .peak_bytes = peak_is_known ? fmax(0, status_bytes("VmHWM:") - before) : 0,
            .queue_seconds = take_all(&p),
        };
    }
    free(p.pending);
    free(p.order);
    ss_spec_destroy(&p.spec);
    return error;
}
