#include "blas.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "../kernel/openblas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is used of OpenBLAS; the types are those that cblas.h declares. */
struct ss_bench_blas {
    void *library;
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_ssyrk) *ssyrk;
    __typeof__(cblas_ssymm) *ssymm;
    __typeof__(cblas_dgemm) *dgemm;
    __typeof__(cblas_dsyrk) *dsyrk;
    __typeof__(cblas_dsymm) *dsymm;
};

/* All matrices row-major; one after the other in `memory`. */
typedef struct blas_work {
    const ss_bench_blas *blas;
    int d, k, block;
    int64_t blocks;
    size_t real; /* bytes of one */
    char *memory;
    char *A, *V, *gamma, *gradient; /* d × k, d × d, d × d, d × k */
    char *weights;                  /* d × block */
    char *z, *phi;                  /* blocks of k × block and d × block */
} blas_work;

static char *block_of(const blas_work *w, char *blocks, int64_t rows, int64_t number)
{
    return blocks + (size_t)(number * rows * w->block) * w->real;
}

/* Step 1: A z and Γ. */
static void forward_single(const blas_work *w, void *z, void *phi)
{
    w->blas->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, w->d, w->block, w->k, 1,
                   (float *)(void *)w->A, w->k, z, w->block, 0, phi, w->block);
    w->blas->ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, w->d, w->block, 1, phi, w->block, 1,
                   (float *)(void *)w->gamma, w->d);
}

/* Step 3: V Φ and the gradient. */
static void backward_single(const blas_work *w, void *z, void *phi)
{
    float *weights = (float *)(void *)w->weights;
    w->blas->ssymm(CblasRowMajor, CblasLeft, CblasLower, w->d, w->block, 1, (float *)(void *)w->V,
                   w->d, phi, w->block, 0, weights, w->block);
    w->blas->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, w->d, w->k, w->block, 1, weights,
                   w->block, z, w->block, 1, (float *)(void *)w->gradient, w->k);
}

static void forward_double(const blas_work *w, void *z, void *phi)
{
    w->blas->dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, w->d, w->block, w->k, 1,
                   (double *)(void *)w->A, w->k, z, w->block, 0, phi, w->block);
    w->blas->dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, w->d, w->block, 1, phi, w->block, 1,
                   (double *)(void *)w->gamma, w->d);
}

static void backward_double(const blas_work *w, void *z, void *phi)
{
    double *weights = (double *)(void *)w->weights;
    w->blas->dsymm(CblasRowMajor, CblasLeft, CblasLower, w->d, w->block, 1, (double *)(void *)w->V,
                   w->d, phi, w->block, 0, weights, w->block);
    w->blas->dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, w->d, w->k, w->block, 1, weights,
                   w->block, z, w->block, 1, (double *)(void *)w->gradient, w->k);
}

typedef void (*pass)(const blas_work *w, void *z, void *phi);

/* V is known when all of Γ is: so there are two passes over the blocks, as in the algorithm. */
static void go_over(const blas_work *w, ss_precision precision)
{
    const pass passes[][2] = {{forward_single, backward_single}, {forward_double, backward_double}};
    for (int p = 0; p < 2; p++) {
        for (int64_t b = 0; b < w->blocks; b++) {
            passes[precision][p](w, block_of(w, w->z, w->k, b), block_of(w, w->phi, w->d, b));
        }
    }
}

/* Something that is neither zero nor subnormal, and stays so. */
static void fill(const blas_work *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value = 1e-3 * (double)(i % 7 + 1);
        if (w->real == sizeof(float)) {
            ((float *)(void *)w->memory)[i] = (float)value;
        } else {
            ((double *)(void *)w->memory)[i] = value;
        }
    }
}

static ss_error open_work(const ss_bench_blas *blas, int64_t d, int64_t k, int64_t m, int64_t block,
                          ss_precision precision, blas_work *w)
{
    *w = (blas_work){.blas = blas, .d = (int)d, .k = (int)k, .block = (int)block};
    w->blocks = (m + block - 1) / block;
    w->real = precision == SS_PRECISION_SINGLE ? sizeof(float) : sizeof(double);
    char **arrays[] = {&w->A, &w->V, &w->gamma, &w->gradient, &w->weights, &w->z, &w->phi};
    int64_t counts[] = {
        d * k, d * d, d * d, d * k, d * block, k * block * w->blocks, d * block * w->blocks};
    size_t count = 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        count += (size_t)(counts[i] + 15) / 16 * 16; /* every array is aligned */
    }
    SS_TRY(ss_allocate(count, w->real, &w->memory));
    char *next = w->memory;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        *arrays[i] = next;
        next += (size_t)(counts[i] + 15) / 16 * 16 * w->real;
    }
    fill(w, count);
    return SS_OK;
}

ss_error ss_bench_blas_open(ss_bench_blas **out)
{
    SS_TRY(ss_allocate(1, sizeof **out, out));
    ss_bench_blas *blas = *out;
    ss_openblas_prepare();
    blas->library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    const struct {
        const char *name;
        void *to;
    } functions[] = {
        {"cblas_sgemm", &blas->sgemm}, {"cblas_ssyrk", &blas->ssyrk}, {"cblas_ssymm", &blas->ssymm},
        {"cblas_dgemm", &blas->dgemm}, {"cblas_dsyrk", &blas->dsyrk}, {"cblas_dsymm", &blas->dsymm},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = blas->library ? dlsym(blas->library, functions[i].name) : NULL;
        if (!found) {
            ss_error error = ss_fail(SS_ERR_UNAVAILABLE, "%s", dlerror());
            ss_bench_blas_close(out);
            return error;
        }
        memcpy(functions[i].to, &found, sizeof found);
    }
    return SS_OK;
}

void ss_bench_blas_close(ss_bench_blas **blas)
{
    if (*blas && (*blas)->library) {
        dlclose((*blas)->library);
    }
    free(*blas);
    *blas = NULL;
}

ss_error ss_bench_blas_time(const ss_bench_blas *blas, int64_t d, int64_t k, int64_t m,
                            ss_precision precision, double patience, double *seconds)
{
    *seconds = INFINITY;
    for (int64_t block = 256; block <= 4096; block *= 2) {
        blas_work w;
        SS_TRY(open_work(blas, d, k, m, block, precision, &w));
        double share = (double)m / (double)(w.blocks * block); /* the last block may be too long */
        double until = ss_clock_seconds() + patience;
        do {
            double start = ss_clock_seconds();
            go_over(&w, precision);
            *seconds = fmin(*seconds, share * (ss_clock_seconds() - start));
        } while (ss_clock_seconds() < until);
        free(w.memory);
    }
    return SS_OK;
}
