#include "cyclic.h"

#include "../base/memory.h"

#include <inttypes.h>

ss_cyclic ss_cyclic_at(ss_grid_place place, int64_t rows, int64_t columns, int64_t row_block,
                       int64_t column_block)
{
    const int64_t line = SS_ALIGNMENT / (int64_t)sizeof(double);
    ss_cyclic m = {
        .rows = rows,
        .columns = columns,
        .row_block = row_block,
        .column_block = column_block,
        .local_rows = ss_grid_share(rows, row_block, place.row, place.shape.rows),
        .local_columns = ss_grid_share(columns, column_block, place.column, place.shape.columns),
    };
    m.stride = m.local_rows > 0 ? (m.local_rows + line - 1) / line * line : line;
    return m;
}

ss_error ss_cyclic_describe(const ss_grid *grid, ss_cyclic *matrix)
{
    const int zero = 0;
    int info;
    int64_t entries = matrix->stride * matrix->local_columns;
    if (entries > INT32_MAX || matrix->rows > INT32_MAX || matrix->columns > INT32_MAX) {
        return ss_fail(SS_ERR_LIBRARY,
                       "a matrix of %" PRId64 " x %" PRId64 " has %" PRId64
                       " entries on a rank, more than ScaLAPACK can count; use more ranks",
                       matrix->rows, matrix->columns, entries);
    }
    const int rows = (int)matrix->rows;
    const int columns = (int)matrix->columns;
    const int row_block = (int)matrix->row_block;
    const int column_block = (int)matrix->column_block;
    const int stride = (int)matrix->stride;
    grid->library->descinit_(matrix->descriptor, &rows, &columns, &row_block, &column_block, &zero,
                             &zero, &grid->context, &stride, &info);
    return info == 0 ? SS_OK
                     : ss_fail(SS_ERR_LIBRARY, "ScaLAPACK's descinit refuses argument %d (info %d)",
                               -info, info);
}

size_t ss_cyclic_bytes(const ss_cyclic *matrix)
{
    return (size_t)(matrix->stride * matrix->local_columns) * sizeof *matrix->entries;
}

/* Strips are whole rows of the stream, so each is drawn once for all the rows in it that are here:
 * local rows ascend as those of the whole matrix do. */
void ss_cyclic_draw(const ss_grid *grid, const ss_kernel *kernel, const ss_stream *stream,
                    uint32_t t, ss_cyclic *matrix)
{
    _Alignas(SS_ALIGNMENT) double strip[SS_KERNEL_STRIP];
    for (int64_t j = 0; j < matrix->local_columns; j++) {
        int64_t column =
            ss_cyclic_index(j, matrix->column_block, grid->place.column, grid->place.shape.columns);
        int64_t drawn = -1;
        for (int64_t i = 0; i < matrix->local_rows; i++) {
            int64_t row =
                ss_cyclic_index(i, matrix->row_block, grid->place.row, grid->place.shape.rows);
            if (row / SS_KERNEL_STRIP != drawn) {
                drawn = row / SS_KERNEL_STRIP;
                kernel->draw(stream, t, drawn, 1, column, strip);
            }
            matrix->entries[j * matrix->stride + i] = strip[ss_kernel_place(row % SS_KERNEL_STRIP)];
        }
    }
}

void ss_cyclic_take(const ss_grid *grid, const double *whole, ss_cyclic *matrix)
{
    const ss_grid_place *place = &grid->place;
    for (int64_t j = 0; j < matrix->local_columns; j++) {
        int64_t column =
            ss_cyclic_index(j, matrix->column_block, place->column, place->shape.columns);
        for (int64_t i = 0; i < matrix->local_rows; i++) {
            int64_t row = ss_cyclic_index(i, matrix->row_block, place->row, place->shape.rows);
            matrix->entries[j * matrix->stride + i] = whole[row * matrix->columns + column];
        }
    }
}
