/* Which process grids the wide runs of a plan go on, and what that costs. */
#ifndef SADDLESWEEP_WIDE_FORECAST_H
#define SADDLESWEEP_WIDE_FORECAST_H

#include "engine_wide.h"
#include "saddlesweep/plan.h"

typedef struct ss_wide_forecast {
    int64_t cells; /* that are wide; 0: there is nothing else to know */
    int64_t runs;
    ss_grid_shape shape;   /* of every grid */
    int64_t grids;         /* that work side by side */
    int64_t left_over;     /* ranks that are in none */
    double bytes_per_rank; /* of the largest run, with the program */
    double speed;          /* of this machine (ss_plan_speed): all seconds are by it */
    double core_seconds;
    double longest_run;  /* seconds on such a grid */
    double wall_seconds; /* of all wide runs */
} ss_wide_forecast;

/* Predicted seconds of a run on a grid of so many ranks, at the model's speed: the same on every
 * rank. Local. */
double ss_wide_cost_seconds(const ss_run *run, int64_t ranks);

/* Bytes of memory for each of so many ranks on this host. Local. */
double ss_wide_memory_of_rank(int64_t ranks_here);

/*
 * Chooses the grids: of wide.ranks ranks, or (auto) of the number with which all wide runs end
 * first and fit in memory. The same grids on every rank for the same arguments.
 *
 * ranks         in   that there are
 * memory        in   bytes that each has
 *
 * SS_ERR_USAGE if SADDLESWEEP_SPEED is wrong, or, naming wide.ranks, if a grid would need more
 * ranks than there are, or if the largest run does not fit in their memory, with the number of
 * ranks that would do. Local.
 */
ss_error ss_wide_choose(const ss_plan *plan, int64_t ranks, double memory, ss_wide_forecast *out);

#endif
