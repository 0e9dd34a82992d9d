/* Process grids: the ranks of a communicator as rows and columns, in row-major order. */
#ifndef SADDLESWEEP_WIDE_GRID_H
#define SADDLESWEEP_WIDE_GRID_H

#include "scalapack.h"

#include <stdint.h>

/* Rows ≤ columns. */
typedef struct ss_grid_shape {
    int rows;
    int columns;
} ss_grid_shape;

/* The most square grid that takes all of `ranks` ranks: 1 × ranks if that is a prime. Local. */
ss_grid_shape ss_grid_shape_of(int ranks);

/* Where a rank is in a grid of which shape. */
typedef struct ss_grid_place {
    ss_grid_shape shape;
    int row;
    int column;
} ss_grid_place;

typedef struct ss_grid {
    const ss_scalapack *library;
    MPI_Comm comm; /* all its ranks; borrowed */
    MPI_Comm row;  /* those in this rank's row of the grid; owned */
    ss_grid_place place;
    int context; /* BLACS' */
    int handle;  /* BLACS' of comm */
} ss_grid;

/* A grid of all ranks of `comm`. SS_ERR_UNAVAILABLE if there is no ScaLAPACK; then there is nothing
 * to close, and `library` is NULL. Collective. */
ss_error ss_grid_open(MPI_Comm comm, ss_grid *grid);

/* Collective. */
void ss_grid_close(ss_grid *grid);

/* How many of `count` rows (columns), dealt in blocks of `block` to `processes` rows (columns) of a
 * grid, are `process`'s. Local. */
int64_t ss_grid_share(int64_t count, int64_t block, int process, int processes);

#endif
