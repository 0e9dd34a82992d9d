/* The matrix products of an iteration through OpenBLAS, held to one thread: what a kernel written
 * with a BLAS would spend on them. */
#ifndef SADDLESWEEP_BENCH_BLAS_H
#define SADDLESWEEP_BENCH_BLAS_H

#include "saddlesweep/error.h"
#include "saddlesweep/spec.h"

/*
 * seconds (out): A z (gemm), Γ (syrk), V Φ (symm) and the gradient (gemm) of m samples, in blocks
 * of the size that is fastest among 256 to 4096 samples, each measured for `patience` seconds.
 * Local.
 */
ss_error ss_bench_blas(int64_t d, int64_t k, int64_t m, ss_precision precision, double patience,
                       double *seconds);

#endif
