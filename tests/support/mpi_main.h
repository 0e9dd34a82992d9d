/* A main() for cmocka tests under MPI: every rank runs all tests, the failures are combined. */
#ifndef TESTS_SUPPORT_MPI_MAIN_H
#define TESTS_SUPPORT_MPI_MAIN_H

#include "with_cmocka.h"

#include <mpi.h>

/* Each test program defines this: runs its cmocka group and returns the number of failures. */
int run_mpi_tests(void);

#endif
