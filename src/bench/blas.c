#include "blas.h"

#include "../base/clock.h"
#include "../base/memory.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

typedef struct blas_work {
    int d, k, block;
    void *A, *V, *gamma, *gradient; /* d × k, d × d, d × d, d × k; all row-major */
    void *z, *phi, *weights;        /* k × block, d × block, d × block */
} blas_work;

static void multiply_single(const blas_work *w)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, w->d, w->block, w->k, 1, w->A, w->k,
                w->z, w->block, 0, w->phi, w->block);
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, w->d, w->block, 1, w->phi, w->block, 1,
                w->gamma, w->d);
    cblas_ssymm(CblasRowMajor, CblasLeft, CblasLower, w->d, w->block, 1, w->V, w->d, w->phi,
                w->block, 0, w->weights, w->block);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, w->d, w->k, w->block, 1, w->weights,
                w->block, w->z, w->block, 1, w->gradient, w->k);
}

static void multiply_double(const blas_work *w)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, w->d, w->block, w->k, 1, w->A, w->k,
                w->z, w->block, 0, w->phi, w->block);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, w->d, w->block, 1, w->phi, w->block, 1,
                w->gamma, w->d);
    cblas_dsymm(CblasRowMajor, CblasLeft, CblasLower, w->d, w->block, 1, w->V, w->d, w->phi,
                w->block, 0, w->weights, w->block);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, w->d, w->k, w->block, 1, w->weights,
                w->block, w->z, w->block, 1, w->gradient, w->k);
}

/* Seconds a block, the best of many. */
static double time_block(const blas_work *w, ss_precision precision, double patience)
{
    double best = INFINITY;
    double until = ss_clock_seconds() + patience;
    do {
        double start = ss_clock_seconds();
        (precision == SS_PRECISION_SINGLE ? multiply_single : multiply_double)(w);
        best = fmin(best, ss_clock_seconds() - start);
    } while (ss_clock_seconds() < until);
    return best;
}

/* Something that is neither zero nor subnormal, and stays so. */
static void fill(double *memory, size_t bytes, ss_precision precision)
{
    float *single = (float *)memory;
    for (size_t i = 0; precision == SS_PRECISION_SINGLE && i < bytes / sizeof(float); i++) {
        single[i] = 1e-3F * (float)(i % 7 + 1);
    }
    for (size_t i = 0; precision == SS_PRECISION_DOUBLE && i < bytes / sizeof(double); i++) {
        memory[i] = 1e-3 * (double)(i % 7 + 1);
    }
}

ss_error ss_bench_blas(int64_t d, int64_t k, int64_t m, ss_precision precision, double patience,
                       double *seconds)
{
    size_t real = precision == SS_PRECISION_SINGLE ? sizeof(float) : sizeof(double);
    openblas_set_num_threads(1);
    *seconds = INFINITY;
    for (int64_t block = 256; block <= 4096; block *= 2) {
        size_t counts[] = {(size_t)(d * k),    (size_t)(d * d),     (size_t)(d * d),
                           (size_t)(d * k),    (size_t)(k * block), (size_t)(d * block),
                           (size_t)(d * block)};
        void *arrays[sizeof counts / sizeof counts[0]];
        size_t all = 0;
        char *memory = NULL;
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            all += (counts[i] * real + 63) / 64 * 64;
        }
        SS_TRY(ss_allocate(all, 1, &memory));
        fill((double *)(void *)memory, all, precision);
        char *next = memory;
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            arrays[i] = next;
            next += (counts[i] * real + 63) / 64 * 64;
        }
        blas_work w = {(int)d,    (int)k,    (int)block, arrays[0], arrays[1],
                       arrays[2], arrays[3], arrays[4],  arrays[5], arrays[6]};
        double blocks = (double)m / (double)block;
        *seconds = fmin(*seconds, blocks * time_block(&w, precision, patience));
        free(memory);
    }
    return SS_OK;
}
