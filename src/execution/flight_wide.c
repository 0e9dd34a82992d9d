#include "flight_wide.h"

#include "../base/memory.h"
#include "../sched/drain.h"
#include "saddlesweep/saved_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

ss_error ss_wide_flight_begin(const ss_grid *grid, int64_t block, const char *result_path,
                              double interval, ss_wide_flight *flight)
{
    ss_engine *engine;
    *flight = (ss_wide_flight){
        .grid = grid,
        .block = block,
        .result_path = result_path,
        .interval = interval,
        .resume = ss_saved_run_any(result_path),
        .leads = grid->place.row == 0 && grid->place.column == 0,
    };
    SS_TRY(ss_engine_create_wide(grid, ss_wide_options_of(block), &engine));
    return ss_workspace_of(engine, &flight->workspace);
}

void ss_wide_flight_end(ss_wide_flight *flight)
{
    free(flight->so_far.state);
    flight->so_far.state = NULL;
    ss_workspace_destroy(&flight->workspace);
}

/* The greatest of all ranks' numbers. */
static void share_greatest(const ss_wide_flight *flight, int *numbers, int count)
{
    MPI_Allreduce(MPI_IN_PLACE, numbers, count, MPI_INT, MPI_MAX, flight->grid->comm);
}

static bool reserve(ss_wide_flight *flight)
{
    int64_t count = ss_wide_state_count(flight->run, flight->grid->place, flight->block);
    size_t bytes = (size_t)(count > 0 ? count : 1) * sizeof(double);
    int failed = ss_grow(&flight->so_far.state, &flight->capacity, bytes, 1) != SS_OK;
    share_greatest(flight, &failed, 1);
    return !failed;
}

static void warn_once(const ss_wide_flight *flight)
{
    static bool warned;
    if (!warned && flight->leads) {
        fprintf(stderr, "warning: a run in flight cannot be saved, it would begin anew: %s\n",
                ss_error_text());
    }
    warned = true;
}

static bool save(ss_wide_flight *flight, int64_t t)
{
    ss_saved_wide *so_far = &flight->so_far;
    double before = so_far->seconds;
    so_far->t = t;
    bool done = reserve(flight);
    if (done) {
        ss_run_save(flight->workspace, flight->run, so_far->state);
        so_far->seconds += ss_clock_seconds() - flight->since;
        done = ss_saved_wide_write(flight->grid, flight->block, flight->result_path, flight->run,
                                   so_far) == SS_OK;
        so_far->seconds = before;
    }
    flight->on_disk = flight->on_disk || done;
    if (!done) {
        warn_once(flight);
    }
    return done;
}

/* Rank 0's poll, asked for all; a signal to any other rank becomes one to rank 0. */
static int watch(void *context, int64_t t, int64_t iterations)
{
    enum { STOP, SAVE, ORDERS };
    ss_wide_flight *flight = context;
    int orders[ORDERS] = {ss_drain_requested(), 0};
    int own = orders[STOP];
    if (flight->leads) {
        own = orders[STOP] = flight->poll(flight->poll_context, t, iterations) != 0;
        orders[SAVE] = t > 0 && ss_clock_seconds() >= flight->next_save;
    }
    share_greatest(flight, orders, ORDERS);
    if (flight->leads && orders[STOP] && !own) {
        raise(SIGUSR1);
    }
    if (!orders[STOP] && orders[SAVE]) {
        save(flight, t);
        flight->next_save = ss_clock_seconds() + flight->interval;
    }
    return orders[STOP];
}

static bool find_saved(ss_wide_flight *flight)
{
    int resume = flight->resume;
    share_greatest(flight, &resume, 1);
    return resume && reserve(flight) &&
           ss_saved_wide_read(flight->grid, flight->block, flight->result_path, flight->run,
                              &flight->so_far);
}

void ss_wide_flight_execute(ss_wide_flight *flight, const ss_run *run, ss_sched_poll poll,
                            void *context, double *trajectory, ss_run_outcome *outcome)
{
    ss_saved_wide *so_far = &flight->so_far;
    flight->run = run;
    flight->poll = poll;
    flight->poll_context = context;
    so_far->trajectory = trajectory;
    flight->on_disk = find_saved(flight);
    if (!flight->on_disk) {
        so_far->seconds = 0;
        so_far->mixed = false;
    }
    flight->since = ss_clock_seconds();
    flight->next_save = flight->since + flight->interval;
    if (flight->on_disk) {
        flight->continued += flight->leads;
        ss_run_continue(run, flight->workspace, so_far->t, so_far->state, watch, flight, trajectory,
                        outcome);
    } else {
        ss_run_execute(run, flight->workspace, watch, flight, trajectory, outcome);
    }
    outcome->seconds += so_far->seconds;
    outcome->grid = so_far->mixed
                        ? SS_MIXED_GRIDS
                        : flight->grid->place.shape.rows * flight->grid->place.shape.columns;
    if (outcome->status == SS_RUN_PENDING && outcome->iterations > 0 &&
        save(flight, outcome->iterations)) {
        outcome->status = SS_RUN_PARTIAL;
        flight->saved += flight->leads;
    }
}

void ss_wide_flight_landed(ss_wide_flight *flight)
{
    if (flight->on_disk) {
        ss_saved_run_remove(flight->result_path, flight->run);
    }
    flight->on_disk = false;
}
