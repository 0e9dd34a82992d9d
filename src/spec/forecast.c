/* What a plan will cost, and the order that its runs go out in. */
#include "saddlesweep/plan.h"

#include "../base/memory.h"
#include "../base/phase.h"
#include "saddlesweep/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Longest first, equal ones by number: the price in the upper half (its bits order positive floats
 * like integers; turned round), the cell in the lower. Float precision is what an order needs, and
 * eight bytes a cell instead of sixteen, twice while qsort works, are what 10⁷ cells need. */
static uint64_t priced_cell(float seconds, uint32_t cell)
{
    uint32_t bits;
    memcpy(&bits, &seconds, sizeof bits);
    return (uint64_t)~bits << 32 | cell;
}

static int compare_priced(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The cells alone, in half the memory. */
static uint32_t *shrink(uint64_t *priced, size_t count)
{
    char *bytes = (char *)priced;
    for (size_t place = 0; place < count; place++) {
        uint32_t cell = (uint32_t)priced[place];
        memcpy(bytes + place * sizeof cell, &cell, sizeof cell); /* never before it is read */
    }
    void *shrunk = realloc(priced, count * sizeof(uint32_t));
    return shrunk ? shrunk : (void *)bytes;
}

ss_error ss_plan_longest_first(const ss_plan *plan, uint32_t **order)
{
    size_t count = (size_t)plan->cells;
    uint64_t *priced = NULL;
    *order = NULL;
    SS_TRY(ss_allocate(count, sizeof *priced, &priced));
    ss_phase phase = ss_phase_begin("predicting the time of each cell", plan->cells);
    ss_error error = SS_OK;
    for (size_t cell = 0; cell < count && error == SS_OK; cell++) {
        ss_run run = ss_plan_run(plan, (int64_t)cell, 0);
        priced[cell] = priced_cell((float)ss_run_cost_seconds(&run), (uint32_t)cell);
        error = ss_phase_step(&phase, (int64_t)cell);
    }
    ss_phase_end(&phase);
    if (error == SS_OK) {
        qsort(priced, count, sizeof *priced, compare_priced);
        *order = shrink(priced, count);
        return SS_OK;
    }
    free(priced);
    return error;
}

/* Lets the rank that is free first (the root of a heap of ready times) take a run. */
static void take_run(double *ready, int64_t ranks, double seconds)
{
    int64_t at = 0;
    double time = ready[0] + seconds;
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= ranks) {
            break;
        }
        if (child + 1 < ranks && ready[child + 1] < ready[child]) {
            child++;
        }
        if (time <= ready[child]) {
            break;
        }
        ready[at] = ready[child];
        at = child;
    }
    ready[at] = time;
}

/* Seconds of the last rank to end. */
static ss_error simulate(const ss_plan *plan, int64_t ranks, double slowness, double *out)
{
    uint32_t *order = NULL;
    double *ready = NULL;
    SS_TRY(ss_plan_longest_first(plan, &order));
    ss_error error = ss_allocate((size_t)ranks, sizeof *ready, &ready);
    for (int64_t place = 0; place < plan->cells && error == SS_OK; place++) {
        ss_run run = ss_plan_run(plan, order[place], 0);
        double seconds = slowness * ss_run_cost_seconds(&run);
        for (int64_t seed = 0; seed < plan->seeds && !ss_plan_is_wide(plan, &run); seed++) {
            take_run(ready, ranks, seconds);
        }
    }
    *out = 0;
    for (int64_t rank = 0; rank < ranks && error == SS_OK; rank++) {
        *out = fmax(*out, ready[rank]);
    }
    free(ready);
    free(order);
    return error;
}

/* A rank's program, MPI and HDF5 before any run: 35 MB resident at most, measured. */
static const double bytes_of_program = 35e6;

/* Every rank sorts the cells by their times, 8 bytes each and qsort's copy of them; rank 0 keeps 4
 * of these, and a bit a run for what is still to do, two where it goes on in rounds. */
static double bytes_of_tasks(const ss_plan *plan)
{
    double cells = (double)plan->cells;
    double bits = (plan->spec->until_se > 0 ? 2 : 1) * (double)ss_plan_runs(plan);
    return fmax(16 * cells, 4 * cells + bits / 8);
}

/* With iterates a run's results count: a rank has those of the run in progress, and when it reduces
 * of a run more, or of as many as have 2²⁰ values (walk.c). */
static double bytes_of_results(const ss_plan *plan)
{
    double values = (double)ss_plan_result_count(plan);
    double piece = fmin(fmax(values, 1 << 20), values * (double)plan->seeds);
    return plan->iterate_rows > 0 ? (values + piece) * sizeof(double) : 0;
}

static ss_error sum_cells(const ss_plan *plan, ss_plan_cost *cost)
{
    ss_phase phase = ss_phase_begin("predicting the time of all cells", plan->cells);
    ss_error error = SS_OK;
    for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
        ss_run run = ss_plan_run(plan, cell, 0);
        error = ss_phase_step(&phase, cell);
        if (ss_plan_is_wide(plan, &run)) {
            continue;
        }
        double seconds = cost->slowness * ss_run_cost_seconds(&run);
        cost->core_seconds += seconds * (double)plan->seeds;
        cost->longest_run = fmax(cost->longest_run, seconds);
        cost->shortest_run = fmin(cost->shortest_run, seconds);
        cost->bytes_per_rank = fmax(cost->bytes_per_rank, ss_run_cost_bytes(&run, cost->kernel));
        cost->cells++;
    }
    ss_phase_end(&phase);
    return error;
}

ss_error ss_plan_speed(double *speed)
{
    const char *text = getenv("SADDLESWEEP_SPEED");
    char *end = NULL;
    *speed = 1;
    if (!text || text[0] == '\0') {
        return SS_OK;
    }
    bool number = text[strspn(text, "+-.0123456789eE")] == '\0'; /* no spaces, no hexadecimals */
    double found = number ? strtod(text, &end) : NAN;
    if (!(number && *end == '\0' && found >= 1e-3 && found <= 1e3)) {
        return ss_fail(SS_ERR_USAGE,
                       "SADDLESWEEP_SPEED=%s: expected a number from 0.001 to 1000, how many times "
                       "as fast as the cost model thinks this machine is; unset it if unsure",
                       text);
    }
    *speed = found;
    return SS_OK;
}

ss_error ss_plan_predict(const ss_plan *plan, int64_t ranks, ss_plan_cost *out)
{
    enum { SIMULATED_RUNS = 200000 };
    double speed;
    *out = (ss_plan_cost){.shortest_run = INFINITY};
    SS_TRY(ss_kernel_choose(plan->spec->precision, &out->kernel));
    SS_TRY(ss_plan_speed(&speed));
    out->slowness = out->kernel->relative_cost / speed;
    SS_TRY(sum_cells(plan, out));
    if (out->cells == 0) {
        out->shortest_run = 0;
        return SS_OK;
    }
    int64_t runs = out->cells * plan->seeds;
    int64_t busy = ranks < runs ? ranks : runs; /* further ranks stay idle */
    out->bytes_per_rank += bytes_of_program + bytes_of_tasks(plan) + bytes_of_results(plan);
    if (runs <= SIMULATED_RUNS) {
        return simulate(plan, busy, out->slowness, &out->wall_seconds);
    }
    /* Longest first ends at most one of the shortest runs after the even share. */
    out->wall_seconds =
        fmax(out->longest_run, out->core_seconds / (double)busy + out->shortest_run);
    return SS_OK;
}
