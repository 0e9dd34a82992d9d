#include "grid.h"

#include "saddlesweep/sched.h"

ss_grid_shape ss_grid_shape_of(int ranks)
{
    int rows = 1;
    for (int divisor = 2; divisor <= ranks / divisor; divisor++) {
        if (ranks % divisor == 0) {
            rows = divisor;
        }
    }
    return (ss_grid_shape){rows, ranks / rows};
}

ss_error ss_grid_open(MPI_Comm comm, ss_grid *grid)
{
    int rank;
    int ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    *grid = (ss_grid){.comm = comm, .row = MPI_COMM_NULL};
    ss_error error = ss_sched_agree_once(comm, ss_scalapack_load(&grid->library));
    if (error != SS_OK) {
        grid->library = NULL;
        return error;
    }
    ss_grid_shape shape = ss_grid_shape_of(ranks);
    grid->place = (ss_grid_place){shape, rank / shape.columns, rank % shape.columns};
    MPI_Comm_split(comm, grid->place.row, grid->place.column, &grid->row);
    grid->handle = grid->library->Csys2blacs_handle(comm);
    grid->context = grid->handle;
    grid->library->Cblacs_gridinit(&grid->context, "R", shape.rows, shape.columns);
    return SS_OK;
}

void ss_grid_close(ss_grid *grid)
{
    grid->library->Cblacs_gridexit(grid->context);
    grid->library->Cfree_blacs_system_handle(grid->handle);
    MPI_Comm_free(&grid->row);
}

int64_t ss_grid_share(int64_t count, int64_t block, int process, int processes)
{
    int64_t round = block * processes;
    int64_t left = count % round - process * block;
    return count / round * block + (left < 0 ? 0 : left < block ? left : block);
}
