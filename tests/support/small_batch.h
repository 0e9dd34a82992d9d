/* Inputs of the kernels, and one call of a kernel with scratch memory of its own. */
#ifndef TESTS_SUPPORT_SMALL_BATCH_H
#define TESTS_SUPPORT_SMALL_BATCH_H

#include "check.h"

#include "activations.h"
#include "saddlesweep/kernel.h"

#include <stdlib.h>

static inline void *allocate(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64 + 64);
    assert_non_null(memory);
    memset(memory, 0xa5, (bytes + 63) / 64 * 64 + 64); /* scratch comes with anything in it */
    return memory;
}

static inline double *allocate_doubles(int64_t count)
{
    return allocate((size_t)count * sizeof(double));
}

static inline const ss_kernel *kernel_named(const char *name)
{
    for (int i = 0; ss_kernel_at(i); i++) {
        if (strcmp(ss_kernel_at(i)->name, name) == 0) {
            return ss_kernel_at(i);
        }
    }
    return NULL;
}

/* The kernel that runs use by default. */
static inline const ss_kernel *fastest_kernel(void)
{
    const ss_kernel *kernel = NULL;
    assert_int_equal(ss_kernel_choose(SS_PRECISION_SINGLE, &kernel), SS_OK);
    return kernel;
}

/* Rows of unit norm. */
static inline void draw_unit_rows(uint64_t seed, int64_t d, int64_t k, double *A)
{
    for (int64_t i = 0; i < d; i++) {
        for (int64_t c = 0; c < k; c++) {
            A[i * k + c] = check_uniform(&seed);
        }
        double norm = check_norm(A + i * k, k);
        for (int64_t c = 0; c < k; c++) {
            A[i * k + c] /= norm;
        }
    }
}

static inline void draw_symmetric(uint64_t seed, int64_t d, double *V)
{
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            V[i * d + j] = V[j * d + i] = check_uniform(&seed);
        }
    }
}

static inline ss_batch batch_of(const double *A, int64_t d, int64_t k, int64_t samples,
                                ss_activation activation)
{
    return (ss_batch){
        .A = A,
        .d = d,
        .k = k,
        .samples = samples,
        .activation = activation,
        .stream = ss_stream_latents(20200713, d + k, k),
        .t = 3,
    };
}

/* Γ and the gradient of one batch; either may be NULL. */
static inline void compute(const ss_kernel *kernel, const ss_batch *batch, const double *V,
                           double *gamma, double *gradient)
{
    void *scratch = allocate(kernel->scratch_bytes(batch));
    kernel->gamma(batch, scratch, gamma);
    if (gradient) {
        kernel->gradient(batch, scratch, V, gradient);
    }
    free(scratch);
}

#endif
