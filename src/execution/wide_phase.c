#include "wide_phase.h"

#include "../sched/drain.h"
#include "../wide/saved_wide.h"

/* ---- a grid's ranks as the crew of a flight; the context is their phase ---- */

static void agree(const void *context, int *numbers, int count)
{
    const ss_wide_phase *phase = context;
    MPI_Allreduce(MPI_IN_PLACE, numbers, count, MPI_INT, MPI_MAX, phase->comm);
}

/* At least one: who owns nothing has a state, too. */
static int64_t state_count(const void *context, const ss_run *run)
{
    const ss_wide_phase *phase = context;
    int64_t count = ss_wide_state_count(run, phase->grid.place, phase->block);
    return count > 0 ? count : 1;
}

static ss_error write_state(const void *context, const char *result_path, const ss_run *run,
                            const ss_saved_run *saved)
{
    const ss_wide_phase *phase = context;
    return ss_saved_wide_write(&phase->grid, phase->block, result_path, run, saved);
}

static bool read_state(const void *context, const char *result_path, const ss_run *run,
                       ss_saved_run *saved)
{
    const ss_wide_phase *phase = context;
    return ss_saved_wide_read(&phase->grid, phase->block, result_path, run, saved);
}

int ss_wide_phase_poll(void *context, int64_t t, int64_t steps)
{
    (void)context;
    (void)t;
    (void)steps;
    return ss_drain_requested();
}

/* ---- the grids ---- */

/* Over the ranks of the grid, with all that is in it. */
static ss_error open_grid(ss_wide_phase *phase, const char *result_path, double interval,
                          const ss_cues *cues)
{
    SS_TRY(ss_grid_open(phase->comm, &phase->grid));
    SS_TRY(ss_sched_agree_once(
        phase->comm, ss_workspace_create_wide(&phase->grid, phase->block, &phase->workspace)));
    phase->crew = (ss_crew){
        .context = phase,
        .grid = phase->grid.place.shape.rows * phase->grid.place.shape.columns,
        .leads = phase->leaders != MPI_COMM_NULL,
        .agree = agree,
        .state_count = state_count,
        .write = write_state,
        .read = read_state,
    };
    phase->flight = ss_flight_begin(&phase->crew, result_path, phase->workspace, interval, cues);
    return SS_OK;
}

ss_error ss_wide_phase_open(const ss_session *session, const ss_wide_forecast *forecast,
                            int64_t block, const char *result_path, double interval,
                            const ss_cues *cues, ss_wide_phase *phase)
{
    int size = forecast->shape.rows * forecast->shape.columns;
    bool takes_part = session->rank < size * forecast->grids;
    bool leads = takes_part && session->rank % size == 0;
    *phase = (ss_wide_phase){.comm = MPI_COMM_NULL, .leaders = MPI_COMM_NULL, .block = block};
    MPI_Comm_split(session->comm, takes_part ? session->rank / size : MPI_UNDEFINED, session->rank,
                   &phase->comm);
    MPI_Comm_split(session->comm, leads ? 0 : MPI_UNDEFINED, session->rank, &phase->leaders);
    return ss_sched_agree_once(session->comm,
                               takes_part ? open_grid(phase, result_path, interval, cues) : SS_OK);
}

void ss_wide_phase_close(ss_wide_phase *phase)
{
    ss_flight_end(&phase->flight);
    ss_workspace_destroy(&phase->workspace);
    if (phase->grid.library) {
        ss_grid_close(&phase->grid);
    }
    if (phase->leaders != MPI_COMM_NULL) {
        MPI_Comm_free(&phase->leaders);
    }
    if (phase->comm != MPI_COMM_NULL) {
        MPI_Comm_free(&phase->comm);
    }
}

void ss_wide_phase_order(ss_wide_phase *phase, int64_t task)
{
    ss_sched_share(phase->comm, &task, sizeof task);
}

int64_t ss_wide_phase_next(ss_wide_phase *phase)
{
    int64_t task;
    ss_sched_share(phase->comm, &task, sizeof task);
    return task;
}
