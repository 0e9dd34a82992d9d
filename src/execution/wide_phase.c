#include "wide_phase.h"

/* Over the ranks of the grid, with all that is in it. */
static ss_error open_grid(ss_wide_phase *phase, int64_t block, const char *result_path,
                          double interval)
{
    SS_TRY(ss_grid_open(phase->comm, &phase->grid));
    ss_error error =
        ss_wide_flight_begin(&phase->grid, block, result_path, interval, &phase->flight);
    return ss_sched_agree_once(phase->comm, error);
}

ss_error ss_wide_phase_open(const ss_session *session, const ss_wide_forecast *forecast,
                            int64_t block, const char *result_path, double interval,
                            ss_wide_phase *phase)
{
    int size = forecast->shape.rows * forecast->shape.columns;
    bool takes_part = session->rank < size * forecast->grids;
    bool leads = takes_part && session->rank % size == 0;
    *phase = (ss_wide_phase){.comm = MPI_COMM_NULL, .leaders = MPI_COMM_NULL};
    MPI_Comm_split(session->comm, takes_part ? session->rank / size : MPI_UNDEFINED, session->rank,
                   &phase->comm);
    MPI_Comm_split(session->comm, leads ? 0 : MPI_UNDEFINED, session->rank, &phase->leaders);
    return ss_sched_agree_once(session->comm,
                               takes_part ? open_grid(phase, block, result_path, interval) : SS_OK);
}

void ss_wide_phase_close(ss_wide_phase *phase)
{
    ss_wide_flight_end(&phase->flight);
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
    MPI_Request request;
    MPI_Ibcast(&task, 1, MPI_INT64_T, 0, phase->comm, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
}

int64_t ss_wide_phase_next(ss_wide_phase *phase)
{
    int64_t task;
    MPI_Request request;
    MPI_Ibcast(&task, 1, MPI_INT64_T, 0, phase->comm, &request);
    ss_sched_wait(&request);
    return task;
}
