/*
 * The engine of a process grid: every large matrix block-cyclic over the ranks, its products by
 * ScaLAPACK, float64 whatever the sweep's precision.
 *
 * All functions of the engine are collective over the grid: every rank drives its own time loop
 * with the same run, and a poll that gives the same answer on all of them. Each rank draws exactly
 * the entries that it owns. Trajectories agree with the one-rank engine's to rounding, and are the
 * same bits on grids of the same shape and block.
 */
#ifndef SADDLESWEEP_WIDE_ENGINE_WIDE_H
#define SADDLESWEEP_WIDE_ENGINE_WIDE_H

#include "../sgda/engine.h"
#include "grid.h"

typedef struct ss_wide_options {
    int64_t block; /* rows and columns of the blocks of a matrix */
    double
        panel_bytes; /* of a batch that a rank keeps; a larger one is computed twice, in panels */
} ss_wide_options;

/* With a block as the sweep file has it (wide.block). */
ss_wide_options ss_wide_options_of(int64_t block);

/* An engine on a grid (borrowed, which must outlive it). SS_ERR_USAGE if SADDLESWEEP_KERNEL is
 * wrong. Collective. */
ss_error ss_engine_create_wide(const ss_grid *grid, ss_wide_options options, ss_engine **out);

/* A workspace whose runs go on such an engine (run.h). Collective. */
ss_error ss_workspace_create_wide(const ss_grid *grid, int64_t block, ss_workspace **out);

/* The matrix products of one iteration of the run that was started last, and nothing else: what an
 * iteration costs at least. For benchmarks: the run cannot go on. Collective. */
void ss_wide_products(ss_engine *engine);

/* Bytes of the matrices and samples of a run on the rank of such a grid that has most of them.
 * Local. */
double ss_wide_bytes(const ss_run *run, ss_grid_shape shape, ss_wide_options options);

#endif
