/* The part of a sweep whose runs go on process grids: the ranks split into grids, whose first ranks
 * the scheduler gives the runs to; they pass them on to the others. */
#ifndef SADDLESWEEP_EXECUTION_WIDE_PHASE_H
#define SADDLESWEEP_EXECUTION_WIDE_PHASE_H

#include "../wide/forecast.h"
#include "flight.h"
#include "session.h"

typedef struct ss_wide_phase {
    MPI_Comm comm;    /* of the grid that this rank is in; MPI_COMM_NULL: it is in none */
    MPI_Comm leaders; /* the grids' first ranks, for them; else MPI_COMM_NULL */
    ss_grid grid;
    int64_t block;
    ss_workspace *workspace;
    ss_crew crew;
    ss_flight flight; /* of the grid's runs */
} ss_wide_phase;

/* Splits the ranks as the forecast says. Close it even after an error: SS_ERR_UNAVAILABLE if there
 * is no ScaLAPACK, SS_ERR_MEMORY. `phase` must stay where it is. Collective over the session. */
ss_error ss_wide_phase_open(const ss_session *session, const ss_wide_forecast *forecast,
                            int64_t block, const char *result_path, double interval,
                            const ss_cues *cues, ss_wide_phase *phase);
void ss_wide_phase_close(ss_wide_phase *phase);

/* The first rank of a grid tells the others which task they do with it; -1: there are no more. */
void ss_wide_phase_order(ss_wide_phase *phase, int64_t task);

/* The others wait for that, and leave the core to who works meanwhile. */
int64_t ss_wide_phase_next(ss_wide_phase *phase);

/* The poll of the others' flights: whether they have had a signal. */
int ss_wide_phase_poll(void *context, int64_t t, int64_t steps);

#endif
