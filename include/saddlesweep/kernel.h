/*
 * Kernels: the two sums over a batch that an iteration of Algorithm 1 spends its time in.
 *
 * Every kernel implements the same two functions. The reference kernel is the plain truth in
 * float64; the others are tested against it.
 */
#ifndef SADDLESWEEP_KERNEL_H
#define SADDLESWEEP_KERNEL_H

#include "saddlesweep/activation.h"
#include "saddlesweep/error.h"
#include "saddlesweep/spec.h"
#include "saddlesweep/stream.h"

#include <stddef.h>
#include <stdint.h>

/* A batch Φ_j = φ(A z_j), j = 0 … samples-1, that exists only as its definition: z_j is row j of
 * `stream` at iteration t. X_n is the Γ of such a batch, too (A = A*, the data stream). */
typedef struct ss_batch {
    const double *A; /* d × k, row-major; borrowed */
    int64_t d;
    int64_t k;
    int64_t samples;
    ss_activation activation;
    ss_stream stream;
    uint32_t t;
} ss_batch;

typedef struct ss_kernel {
    const char *name;       /* "reference", "portable", "avx2", "avx512" */
    ss_precision precision; /* of the samples; sums across blocks are always float64 */

    /* Bytes of scratch memory, aligned to 64, that the other two need for a batch. */
    size_t (*scratch_bytes)(const ss_batch *batch);

    /* gamma (d × d, symmetric, row-major, out) = (1/m) Σ_j Φ_j Φ_jᵀ; step 1 of Algorithm 1.
     * Local; draws from batch->stream. */
    void (*gamma)(const ss_batch *batch, void *scratch, double *gamma);

    /* gradient (d × k, row-major, out) = (2/m) Σ_j [φ'(A z_j) ∘ (V Φ_j)] z_jᵀ; step 3.
     * V (d × d, symmetric, row-major, in). Must follow gamma() on the same batch and scratch,
     * whose samples it may reuse. Local; draws from batch->stream. */
    void (*gradient)(const ss_batch *batch, void *scratch, const double *V, double *gradient);
} ss_kernel;

/*
 * The kernel for a precision: the fastest this processor runs, or the one that the environment
 * variable SADDLESWEEP_KERNEL names. SS_ERR_USAGE if that name is unknown or the processor lacks
 * its instructions. Kernels are static; nothing is owned. Local.
 */
ss_error ss_kernel_choose(ss_precision precision, const ss_kernel **out);

/* Kernel `index` of all that this program holds, NULL after the last; and whether this processor
 * can run it. For tests and benchmarks. */
const ss_kernel *ss_kernel_at(int index);
int ss_kernel_runs_here(const ss_kernel *kernel);

#endif
