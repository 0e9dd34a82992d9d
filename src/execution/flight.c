#include "flight.h"

#include "../base/memory.h"
#include "../sched/drain.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void agree_alone(const void *context, int *numbers, int count)
{
    (void)context;
    (void)numbers;
    (void)count;
}

static int64_t state_count_alone(const void *context, const ss_run *run)
{
    (void)context;
    return ss_run_state_count(run);
}

static ss_error write_alone(const void *context, const char *result_path, const ss_run *run,
                            const ss_saved_run *saved)
{
    (void)context;
    return ss_saved_run_write(result_path, run, saved);
}

static bool read_alone(const void *context, const char *result_path, const ss_run *run,
                       ss_saved_run *saved)
{
    (void)context;
    return ss_saved_run_read(result_path, run, saved);
}

const ss_crew ss_crew_alone = {
    .leads = true,
    .agree = agree_alone,
    .state_count = state_count_alone,
    .write = write_alone,
    .read = read_alone,
};

ss_flight ss_flight_begin(const ss_crew *crew, const char *result_path, ss_workspace *workspace,
                          double interval, const ss_cues *cues)
{
    int resume = ss_saved_run_any(result_path);
    crew->agree(crew->context, &resume, 1);
    return (ss_flight){
        .crew = crew,
        .result_path = result_path,
        .workspace = workspace,
        .interval = interval,
        .resume = resume != 0,
        .cues = *cues,
    };
}

void ss_flight_end(ss_flight *flight)
{
    free(flight->so_far.state);
    flight->so_far.state = NULL;
}

/* Memory for the state of the run; only runs that are saved or gone on with need it. */
static bool reserve(ss_flight *flight)
{
    const ss_crew *crew = flight->crew;
    size_t bytes = (size_t)crew->state_count(crew->context, flight->run) * sizeof(double);
    int failed = ss_grow(&flight->so_far.state, &flight->capacity, bytes, 1) != SS_OK;
    crew->agree(crew->context, &failed, 1);
    return !failed;
}

static void warn_once(const ss_crew *crew)
{
    static bool warned;
    if (!warned && crew->leads) {
        fprintf(stderr, "warning: a run in flight cannot be saved, it would begin anew: %s\n",
                ss_error_text());
    }
    warned = true;
}

static bool save(ss_flight *flight, int64_t t)
{
    const ss_crew *crew = flight->crew;
    ss_saved_run *so_far = &flight->so_far;
    double before = so_far->seconds;
    so_far->t = t;
    bool done = reserve(flight);
    if (done) {
        ss_run_save(flight->workspace, flight->run, so_far->state);
        so_far->seconds += ss_clock_seconds() - flight->since;
        done = crew->write(crew->context, flight->result_path, flight->run, so_far) == SS_OK;
        so_far->seconds = before;
    }
    flight->on_disk = flight->on_disk || done;
    if (!done) {
        warn_once(crew);
    }
    return done;
}

/* What the crew is to do after t steps: whether to stop. */
static int look(ss_flight *flight, int64_t t, int64_t steps)
{
    enum { STOP, SAVE, ORDERS };
    const ss_crew *crew = flight->crew;
    double now;
    int own = flight->poll(flight->poll_context, t, steps);
    int orders[ORDERS] = {own, 0};
    if (t >= flight->cues.next) {
        orders[SAVE] = ss_cues_give(&flight->cues, t, crew->leads);
        orders[STOP] = own || ss_drain_requested();
    }
    if (crew->leads && !own && t > 0 && ss_ticker_read(&flight->ticker, &now)) {
        orders[SAVE] |= now >= flight->next_save;
    }
    crew->agree(crew->context, orders, ORDERS);
    if (orders[STOP] && !own && crew->leads) {
        raise(SIGUSR1); /* another rank has had a signal: now the scheduler knows as well */
    }
    if (!orders[STOP] && orders[SAVE]) {
        save(flight, t);
        flight->next_save = ss_clock_seconds() + flight->interval;
    }
    return orders[STOP];
}

/* Whether the crew still waits at a cue. */
static bool holds(ss_flight *flight)
{
    int released = !ss_cues_hold(&flight->cues);
    flight->crew->agree(flight->crew->context, &released, 1);
    flight->cues.holds = !released;
    return !released;
}

static int watch(void *context, int64_t t, int64_t steps)
{
    ss_flight *flight = context;
    int stop = look(flight, t, steps);
    if (flight->cues.holds) { /* turns are longer from here on */
        flight->ticker = ss_ticker_of(flight->interval / 16, ss_clock_seconds());
    }
    while (!stop && flight->cues.holds && holds(flight)) {
        stop = look(flight, t, steps);
    }
    return stop;
}

static bool find_saved(ss_flight *flight)
{
    const ss_crew *crew = flight->crew;
    return flight->resume && reserve(flight) &&
           crew->read(crew->context, flight->result_path, flight->run, &flight->so_far);
}

void ss_flight_execute(ss_flight *flight, const ss_run *run, ss_sched_poll poll, void *context,
                       double *trajectory, ss_run_outcome *outcome)
{
    ss_saved_run *so_far = &flight->so_far;
    flight->run = run;
    flight->poll = poll;
    flight->poll_context = context;
    so_far->kernel = ss_workspace_kernel(flight->workspace, run->precision);
    so_far->trajectory = trajectory;
    flight->on_disk = find_saved(flight);
    flight->since = ss_clock_seconds();
    flight->next_save = flight->since + flight->interval;
    flight->ticker = ss_ticker_of(flight->interval / 16, flight->since);
    if (flight->on_disk) {
        flight->continued += flight->crew->leads;
        ss_run_continue(run, flight->workspace, so_far->t, so_far->state, watch, flight, trajectory,
                        outcome);
    } else { /* a file that was not believed may have left something */
        so_far->seconds = 0;
        so_far->mixed = false;
        ss_run_execute(run, flight->workspace, watch, flight, trajectory, outcome);
    }
    outcome->seconds += so_far->seconds;
    outcome->grid = so_far->mixed ? SS_MIXED_GRIDS : flight->crew->grid;
    if (outcome->status == SS_RUN_PENDING && outcome->steps > 0 && save(flight, outcome->steps)) {
        outcome->status = SS_RUN_PARTIAL;
        flight->saved += flight->crew->leads;
    }
}

void ss_flight_landed(ss_flight *flight)
{
    if (flight->on_disk) {
        ss_saved_run_remove(flight->result_path, flight->run);
    }
    flight->on_disk = false;
}
