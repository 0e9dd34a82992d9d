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

#include <stdbool.h>
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
    bool once; /* gamma() alone will be asked for: it need not keep the samples for gradient() */
} ss_batch;

/* What an iteration is made of; a mask. */
typedef enum ss_kernel_stage {
    SS_STAGE_STREAMS = 1,    /* z_j */
    SS_STAGE_ACTIVATION = 2, /* A z_j, φ, φ' */
    SS_STAGE_GAMMA = 4,
    SS_STAGE_GRADIENT = 8, /* V Φ_j and the sum of step 3 */
} ss_kernel_stage;

typedef struct ss_kernel {
    const char *name;       /* "reference", "portable", "avx2", "avx512" */
    ss_precision precision; /* of the samples; sums across blocks are always float64 */
    double relative_cost;   /* time of a run / that with the avx2 kernel (docs/cost-model.md) */

    /* Bytes of scratch memory, aligned to 64, that the other two need for a batch. */
    size_t (*scratch_bytes)(const ss_batch *batch);

    /* gamma (d × d, symmetric, row-major, out) = (1/m) Σ_j Φ_j Φ_jᵀ; step 1 of Algorithm 1.
     * Local; draws from batch->stream. */
    void (*gamma)(const ss_batch *batch, void *scratch, double *gamma);

    /* gradient (d × k, row-major, out) = (2/m) Σ_j [φ'(A z_j) ∘ (V Φ_j)] z_jᵀ; step 3.
     * V (d × d, symmetric, row-major, in). Must follow gamma() on the same batch and scratch,
     * whose samples it may reuse. Local; draws from batch->stream. */
    void (*gradient)(const ss_batch *batch, void *scratch, const double *V, double *gradient);

    /* One stage alone over the samples that gamma() and gradient() left in scratch, for benchmarks;
     * its result is dropped. NULL where the stages are not apart. */
    void (*stage)(const ss_batch *batch, void *scratch, ss_kernel_stage stage);

    /* The loops of an iteration that are no matrix products, for an engine with products of its
     * own: NULL in single precision. See ss_kernel_place() for the order of draw(). */
    void (*draw)(const ss_stream *stream, uint32_t t, int64_t strip, int64_t strips, int64_t column,
                 double *z);
    void (*activate)(ss_activation activation, int64_t count, double *phi, double *slope);
    void (*weigh)(ss_activation activation, int64_t count, const double *phi, const double *slope,
                  double *weights);

    /* As many independent multiply-adds as keep the processor busy, from registers alone, `rounds`
     * times; returns how many there were. For benchmarks: the peak. NULL where stage is. */
    int64_t (*multiply_adds)(int64_t rounds, double *result);
} ss_kernel;

/*
 * Of draw, activate and weigh. Arrays are aligned to SS_ALIGNMENT, counts multiples of 8. All
 * local.
 *
 * draw      z (64 · strips, out): rows 64 · strip … of a column of a stream at iteration t; row r
 *           of a strip goes to ss_kernel_place(r). A sum over samples does not mind the order.
 * activate  phi (count, in/out): u → φ(u); slope (count, out): φ'(u), where
 *           ss_kernel_keeps_slope() says so, else NULL
 * weigh     weights (count, in/out): multiplied by φ', from phi and slope as activate left them
 */
enum { SS_KERNEL_STRIP = 64 };

static inline int64_t ss_kernel_place(int64_t row)
{
    return row % 4 * (SS_KERNEL_STRIP / 4) + row / 4;
}

/* Whether φ' lies beside φ: where it does not follow from φ, or no vector form says how. */
static inline bool ss_kernel_keeps_slope(ss_activation_kind kind)
{
    switch (kind) {
#define SS_KEEPS_SLOPE(kind, ...)                                                                  \
    case SS_ACTIVATION_##kind:                                                                     \
        return SS_SLOPE_SOURCE_##kind == SS_SLOPE_OF_ARGUMENT;
        SS_VECTOR_FORMS(SS_KEEPS_SLOPE, )
#undef SS_KEEPS_SLOPE
    default:
        return true;
    }
}

/*
 * The kernel for a precision: the fastest this processor runs, or the one that the environment
 * variable SADDLESWEEP_KERNEL names. SS_ERR_USAGE if that name is unknown or the processor lacks
 * its instructions. Kernels are static; nothing is owned. Local.
 */
ss_error ss_kernel_choose(ss_precision precision, const ss_kernel **out);

/* Kernel `index` of those that this processor can run, fastest first, NULL after the last. There is
 * no way to another one: also what it needs of memory is told by its instructions. For tests and
 * benchmarks. */
const ss_kernel *ss_kernel_at(int index);

/* Instruction sets that kernels are made for, as records keep them (0: no kernel ran). */
#define SS_KERNEL_LEVELS(X)                                                                        \
    X(SS_LEVEL_NONE, 0, "none")                                                                    \
    X(SS_LEVEL_REFERENCE, 1, "reference")                                                          \
    X(SS_LEVEL_PORTABLE, 2, "portable")                                                            \
    X(SS_LEVEL_AVX2, 3, "avx2")                                                                    \
    X(SS_LEVEL_AVX512, 4, "avx512")                                                                \
    X(SS_LEVEL_WIDE, 5, "wide")
#define SS_LEVEL_ENUM(code, value, name) code = value,
typedef enum ss_kernel_level {
    SS_KERNEL_LEVELS(SS_LEVEL_ENUM) SS_KERNEL_LEVEL_COUNT
} ss_kernel_level;
#undef SS_LEVEL_ENUM

/* The level of a kernel by its name, NONE for another name; and the name of a level, "none" for
 * another number (a record may hold any). */
ss_kernel_level ss_kernel_level_of(const char *name);
const char *ss_kernel_level_name(int level);

/* Whether two kernels, by their names, give the same bits: avx2 and avx512 do. */
bool ss_kernel_same_bits(const char *a, const char *b);

#endif
