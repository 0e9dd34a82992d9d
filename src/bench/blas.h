/* The matrix products of an iteration through OpenBLAS, held to one thread: what a kernel written
 * with a BLAS would spend on them. */
#ifndef SADDLESWEEP_BENCH_BLAS_H
#define SADDLESWEEP_BENCH_BLAS_H

#include "saddlesweep/error.h"
#include "saddlesweep/spec.h"

typedef struct ss_bench_blas ss_bench_blas;

/*
 * Loads OpenBLAS, with one thread. The program is not linked with it: at its start it would make a
 * thread a core in every rank, reserve buffers of 32 MB, and wait for ever where they do not fit.
 * SS_ERR_UNAVAILABLE if it is not installed; *out is then NULL. The caller closes it. Local.
 */
ss_error ss_bench_blas_open(ss_bench_blas **out);

/* Frees *blas and sets it to NULL; NULL is allowed. */
void ss_bench_blas_close(ss_bench_blas **blas);

/*
 * seconds (out): A z (gemm), Γ (syrk), V Φ (symm) and the gradient (gemm) of m samples, in blocks
 * of the size that is fastest among 256 to 4096 samples, each measured for `patience` seconds.
 * Local.
 */
ss_error ss_bench_blas_time(const ss_bench_blas *blas, int64_t d, int64_t k, int64_t m,
                            ss_precision precision, double patience, double *seconds);

#endif
