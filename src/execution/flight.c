#include "flight.h"

#include "../base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

ss_flight ss_flight_begin(const char *result_path, ss_workspace *workspace, double interval)
{
    return (ss_flight){
        .result_path = result_path,
        .workspace = workspace,
        .interval = interval,
        .resume = ss_saved_run_any(result_path),
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
    size_t bytes = (size_t)ss_run_state_count(flight->run) * sizeof(double);
    return ss_grow(&flight->so_far.state, &flight->capacity, bytes, 1) == SS_OK;
}

static void warn_once(void)
{
    static bool warned;
    if (!warned) {
        fprintf(stderr, "warning: a run in flight cannot be saved, it would begin anew: %s\n",
                ss_error_text());
    }
    warned = true;
}

static bool save(ss_flight *flight, int64_t t)
{
    ss_saved_run *so_far = &flight->so_far;
    double before = so_far->seconds;
    so_far->t = t;
    bool done = reserve(flight);
    if (done) {
        ss_run_save(flight->workspace, flight->run, so_far->state);
        so_far->seconds += ss_clock_seconds() - flight->since;
        done = ss_saved_run_write(flight->result_path, flight->run, so_far) == SS_OK;
        so_far->seconds = before;
    }
    flight->on_disk = flight->on_disk || done;
    if (!done) {
        warn_once();
    }
    return done;
}

static int watch(void *context, int64_t t, int64_t iterations)
{
    ss_flight *flight = context;
    double now;
    int stop = flight->poll(flight->poll_context, t, iterations);
    if (!stop && t > 0 && ss_ticker_read(&flight->ticker, &now) && now >= flight->next_save) {
        save(flight, t);
        flight->next_save = ss_clock_seconds() + flight->interval;
    }
    return stop;
}

static bool find_saved(ss_flight *flight)
{
    return flight->resume && reserve(flight) &&
           ss_saved_run_read(flight->result_path, flight->run, &flight->so_far);
}

void ss_flight_execute(ss_flight *flight, const ss_run *run, ss_sched_poll poll, void *context,
                       double *trajectory, ss_run_outcome *outcome)
{
    flight->run = run;
    flight->poll = poll;
    flight->poll_context = context;
    flight->so_far.kernel = ss_workspace_kernel(flight->workspace, run->precision);
    flight->so_far.trajectory = trajectory;
    flight->so_far.seconds = 0;
    flight->on_disk = find_saved(flight);
    flight->since = ss_clock_seconds();
    flight->next_save = flight->since + flight->interval;
    flight->ticker = ss_ticker_of(flight->interval / 16, flight->since);
    if (flight->on_disk) {
        flight->continued++;
        ss_run_continue(run, flight->workspace, flight->so_far.t, flight->so_far.state, watch,
                        flight, trajectory, outcome);
    } else {
        ss_run_execute(run, flight->workspace, watch, flight, trajectory, outcome);
    }
    outcome->seconds += flight->so_far.seconds;
    if (outcome->status == SS_RUN_PENDING && outcome->iterations > 0 &&
        save(flight, outcome->iterations)) {
        outcome->status = SS_RUN_PARTIAL;
        flight->saved++;
    }
}

void ss_flight_landed(ss_flight *flight)
{
    if (flight->on_disk) {
        ss_saved_run_remove(flight->result_path, flight->run);
    }
    flight->on_disk = false;
}
