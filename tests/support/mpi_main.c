#include "mpi_main.h"
#include "keep_modules.h"

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int failures = run_mpi_tests();
    int total = 0;
    MPI_Allreduce(&failures, &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return total > 0;
}
