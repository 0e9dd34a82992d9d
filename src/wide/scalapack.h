/*
 * ScaLAPACK (PBLAS, BLACS), loaded when the first wide run needs it: the only place that names its
 * functions. The program is not linked with it, as it brings OpenBLAS, which at its start makes a
 * thread a core in every rank and reserves buffers of 32 MB for each.
 *
 * All matrices are column-major and block-cyclic; indices in its calls begin at 1.
 */
#ifndef SADDLESWEEP_WIDE_SCALAPACK_H
#define SADDLESWEEP_WIDE_SCALAPACK_H

#include "saddlesweep/error.h"

#include <mpi.h>
#include <stddef.h>

/* A position in a distributed matrix, as each of its routines takes it: entries, row, column,
 * descriptor. */
#define SS_PBLAS_MATRIX(constant) constant double *, const int *, const int *, const int *

/* X(result, name, arguments). The Fortran ones (the last two) take the length of each text at the
 * end. */
#define SS_SCALAPACK_FUNCTIONS(X)                                                                  \
    X(int, Csys2blacs_handle, (MPI_Comm))                                                          \
    X(void, Cfree_blacs_system_handle, (int))                                                      \
    X(void, Cblacs_gridinit, (int *, const char *, int, int))                                      \
    X(void, Cblacs_gridexit, (int))                                                                \
    X(void, pdgemm_,                                                                               \
      (const char *, const char *, const int *, const int *, const int *, const double *,          \
       SS_PBLAS_MATRIX(const), SS_PBLAS_MATRIX(const), const double *, SS_PBLAS_MATRIX()))         \
    X(void, pdsyrk_,                                                                               \
      (const char *, const char *, const int *, const int *, const double *,                       \
       SS_PBLAS_MATRIX(const), const double *, SS_PBLAS_MATRIX()))                                 \
    X(void, pdsymm_,                                                                               \
      (const char *, const char *, const int *, const int *, const double *,                       \
       SS_PBLAS_MATRIX(const), SS_PBLAS_MATRIX(const), const double *, SS_PBLAS_MATRIX()))         \
    X(double, pdlansy_,                                                                            \
      (const char *, const char *, const int *, SS_PBLAS_MATRIX(const), double *, size_t, size_t)) \
    X(void, pdsyevd_,                                                                              \
      (const char *, const char *, const int *, SS_PBLAS_MATRIX(), double *, SS_PBLAS_MATRIX(),    \
       double *, const int *, int *, const int *, int *, size_t, size_t))                          \
    X(void, descinit_,                                                                             \
      (int *, const int *, const int *, const int *, const int *, const int *, const int *,        \
       const int *, const int *, int *))

typedef struct ss_scalapack {
#define SS_SCALAPACK_MEMBER(result, name, arguments) result(*name) arguments;
    SS_SCALAPACK_FUNCTIONS(SS_SCALAPACK_MEMBER)
#undef SS_SCALAPACK_MEMBER
} ss_scalapack;

/* Loads it once a process, with one thread in its BLAS; *out is static. SS_ERR_UNAVAILABLE, with
 * the package to install, if it is not there. Local. */
ss_error ss_scalapack_load(const ss_scalapack **out);

#endif
