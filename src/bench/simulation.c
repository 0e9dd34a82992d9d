#include "simulation.h"

#include "../base/memory.h"
#include "../sched/pace.h"
#include "../sched/queue.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef enum next_message { REPORTS, ASKS, LEAVES } next_message;

/* A worker between two of its messages. */
typedef struct worker {
    double ends; /* the batch in hand */
    double asks; /* for the next one */
    bool has_work;
    next_message next;
} worker;

typedef struct arrival {
    double time; /* at rank 0 */
    int worker;
} arrival;

typedef struct simulator {
    const ss_simulation *given;
    ss_queue queue;
    worker *workers;   /* [ranks]; the first is unused */
    arrival *arrivals; /* a heap, the earliest first: one for each worker that has not left */
    int waiting;       /* in the heap */
    double free_at;    /* when rank 0 has served, or how far it has worked */
    double looked_at;  /* when it last looked for messages */
    double own_left;   /* seconds of its own piece */
    double work;       /* seconds of all runs that were given out */
    ss_simulated result;
} simulator;

/* A number in (-1, 1) that a batch's first task determines (SplitMix64). */
static double deviation(int64_t task)
{
    uint64_t z = ((uint64_t)task + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-52 - 1;
}

static double predict(void *context, int64_t task)
{
    (void)task;
    return ((const ss_simulation *)context)->run_seconds;
}

/* Counts a batch that was taken; the seconds that it will last. 0: the queue was empty. */
static double begin_batch(simulator *s, const ss_batch_message *batch, int64_t *runs_taken)
{
    int64_t runs = 0;
    for (int64_t i = 0; i < batch->span_count; i++) {
        runs += batch->spans[i].count;
    }
    if (runs == 0) {
        return 0;
    }
    /* the deviations of independent runs add up like random ones */
    double relative = s->given->spread * deviation(batch->spans[0].first) / sqrt((double)runs);
    double seconds = (double)runs * s->given->run_seconds * (1 + relative);
    s->work += seconds;
    *runs_taken += runs;
    return seconds;
}

/* The place of an arrival that comes in at `at`, downwards from there. */
static void sift_down(simulator *s, int at, arrival moving)
{
    for (;;) {
        int child = 2 * at + 1;
        if (child >= s->waiting) {
            break;
        }
        if (child + 1 < s->waiting && s->arrivals[child + 1].time < s->arrivals[child].time) {
            child++;
        }
        if (moving.time <= s->arrivals[child].time) {
            break;
        }
        s->arrivals[at] = s->arrivals[child];
        at = child;
    }
    s->arrivals[at] = moving;
}

/* Rank 0 works on its own pieces until then. */
static void work_until(simulator *s, double time)
{
    ss_batch_message piece;
    while (s->free_at < time) {
        if (s->own_left <= 0) {
            ss_queue_take_piece(&s->queue, s->given->ranks, &piece);
            s->own_left = begin_batch(s, &piece, &s->result.runs_of[0]);
            if (s->own_left <= 0) {
                s->free_at = isfinite(time) ? time : s->free_at;
                return;
            }
        }
        double step = fmin(s->own_left, time - s->free_at);
        s->own_left -= step;
        s->free_at = s->own_left > 0 ? time : s->free_at + step;
    }
}

/* When rank 0 sees a message that arrives at `time`. */
static double seen_at(const simulator *s, double time)
{
    double interval = s->given->poll_seconds;
    if (time <= s->free_at || interval <= 0) {
        return fmax(time, s->free_at);
    }
    return s->looked_at + ceil((time - s->looked_at) / interval) * interval;
}

/* Chooses a worker's next message after `time`, and when it arrives. */
static arrival next_arrival(const simulator *s, int number, double time)
{
    worker *w = &s->workers[number];
    double report = time + fmax(ss_pace_report_seconds(s->given->ranks), s->given->run_seconds);
    double sent = w->has_work ? w->asks : w->ends;
    w->next = w->has_work ? ASKS : LEAVES;
    if (w->has_work && report < sent) {
        w->next = REPORTS;
        sent = report;
    }
    return (arrival){fmax(sent, time) + s->given->latency_seconds, number};
}

/* How long before the end of its batch a worker asks. */
static double lead(const ss_simulation *given)
{
    double short_run = given->run_seconds < ss_pace_short_run() ? given->run_seconds : 0;
    return fmax(short_run,
                ss_pace_lead(given->run_seconds / (double)given->iterations, given->ranks));
}

/* A worker gets the answer to its request. Returns when it can send again. */
static double answer(simulator *s, worker *w, double answered)
{
    ss_batch_message batch;
    double start = fmax(answered, w->ends);
    ss_queue_take(&s->queue, s->given->ranks, &batch);
    double seconds = begin_batch(s, &batch, &s->result.runs_of[1]);
    w->has_work = seconds > 0;
    w->ends = w->has_work ? start + seconds : w->ends;
    w->asks = w->ends - lead(s->given);
    s->result.batches += w->has_work;
    return w->has_work ? start : answered;
}

/* Serves the first message of the heap, and puts in its place the sender's next one. */
static void serve_first(simulator *s)
{
    arrival first = s->arrivals[0];
    worker *w = &s->workers[first.worker];
    double time = first.time - s->given->latency_seconds;
    double seen = seen_at(s, first.time);
    work_until(s, seen);
    s->free_at = seen + s->given->service_seconds;
    s->looked_at = s->free_at;
    s->result.messages++;
    if (w->next == LEAVES) {
        first = s->arrivals[--s->waiting];
    } else if (w->next == ASKS) {
        time = answer(s, w, s->free_at + s->given->latency_seconds);
        first = next_arrival(s, first.worker, time);
    } else {
        first = next_arrival(s, first.worker, time);
    }
    sift_down(s, 0, first);
}

static void simulate(simulator *s)
{
    for (int rank = 1; rank < s->given->ranks; rank++) {
        s->workers[rank].next = ASKS;
        s->arrivals[s->waiting++] = (arrival){s->given->latency_seconds, rank};
    }
    while (s->waiting > 0) {
        serve_first(s);
    }
    work_until(s, INFINITY);
}

ss_error ss_simulate(const ss_simulation *given, ss_simulated *out)
{
    simulator s = {.given = given};
    uint64_t *pending = NULL;
    size_t words = (size_t)(given->runs + 63) / 64;
    ss_error error = ss_allocate(words, sizeof *pending, &pending);
    if (error == SS_OK) {
        error = ss_allocate((size_t)given->ranks, sizeof *s.workers, &s.workers);
    }
    if (error == SS_OK) {
        error = ss_allocate((size_t)given->ranks, sizeof *s.arrivals, &s.arrivals);
    }
    if (error == SS_OK) {
        ss_sched_tasks tasks = {
            .count = given->runs,
            .alike = given->runs,
            .pending = pending,
            .context = (void *)given,
            .predict = predict,
        };
        memset(pending, 0xff, words * sizeof *pending);
        s.queue = ss_queue_of(&tasks);
        simulate(&s);
        s.result.seconds = s.free_at;
        s.result.efficiency = s.work / (given->ranks * s.free_at);
        s.result.busy = (double)s.result.messages * given->service_seconds / s.free_at;
        *out = s.result;
    }
    free(s.arrivals);
    free(s.workers);
    free(pending);
    return error;
}
