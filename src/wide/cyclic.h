/* Block-cyclic matrices on a process grid: what is where. */
#ifndef SADDLESWEEP_WIDE_CYCLIC_H
#define SADDLESWEEP_WIDE_CYCLIC_H

#include "grid.h"
#include "saddlesweep/kernel.h"

/* A rank's part of a matrix; column-major, its columns `stride` entries apart. */
typedef struct ss_cyclic {
    int64_t rows; /* of the whole matrix */
    int64_t columns;
    int64_t
        row_block; /* rows (columns) in a block; blocks are dealt to rows (columns) of the grid */
    int64_t column_block;
    int64_t local_rows; /* of this rank */
    int64_t local_columns;
    int64_t stride;    /* local_rows in whole cache lines, at least one */
    double *entries;   /* stride · local_columns; owned by who placed it there */
    int descriptor[9]; /* for ScaLAPACK */
} ss_cyclic;

/* The part of a matrix that the rank at `place` has; without entries and descriptor. Local. */
ss_cyclic ss_cyclic_at(ss_grid_place place, int64_t rows, int64_t columns, int64_t row_block,
                       int64_t column_block);

/* Completes it with the descriptor. SS_ERR_LIBRARY if descinit refuses it, or if it has more
 * entries here than ScaLAPACK can count (2³¹). Local. */
ss_error ss_cyclic_describe(const ss_grid *grid, ss_cyclic *matrix);

/* Bytes of a rank's part. */
size_t ss_cyclic_bytes(const ss_cyclic *matrix);

/* The row (column) of the whole matrix that a local one is. */
static inline int64_t ss_cyclic_index(int64_t local, int64_t block, int process, int processes)
{
    return (local / block * processes + process) * block + local % block;
}

/* Fills this rank's part with the entries of a stream at iteration t, by the kernel's draw().
 * Local. */
void ss_cyclic_draw(const ss_grid *grid, const ss_kernel *kernel, const ss_stream *stream,
                    uint32_t t, ss_cyclic *matrix);

/* Fills it from the whole matrix, row-major, which every rank has. Local. */
void ss_cyclic_take(const ss_grid *grid, const double *whole, ss_cyclic *matrix);

#endif
