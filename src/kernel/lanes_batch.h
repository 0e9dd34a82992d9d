/*
 * What the small and the large kernel share: how a batch lies in scratch memory, its latents, the
 * activations.
 *
 * Samples go in chunks. In a strip of 64 samples, place 16 w + l holds sample 4 l + w: a Philox
 * block (four consecutive samples) is one lane of four vectors. The order of places is the order of
 * sums, the same on every instruction set, and no sum depends on how the chunks are kept.
 */
#ifndef SADDLESWEEP_KERNEL_LANES_BATCH_H
#define SADDLESWEEP_KERNEL_LANES_BATCH_H

#include "lane_math.h"
#include "saddlesweep/kernel.h"

/* With checks in it, a copy of each loop for every kind and size takes a compiler minutes: the
 * sanitizers see the loops as they are written. */
#if defined(__SANITIZE_ADDRESS__)
#undef LANES_INLINE
#undef LANES_UNROLL
#define LANES_INLINE static inline
#define LANES_UNROLL
#endif

enum {
    LINE = 64 / (int)sizeof(real),   /* reals in 64 bytes: the virtual width of every sum */
    LINE_PARTS = LINE / LANES_REALS, /* registers in it */
    STRIP = 64,                      /* samples that are drawn together */
};

/* Chunks kept between gamma() and gradient(); what exceeds this is computed twice. A test may
 * define it: no result may change. */
#if !defined(KEPT_BYTES)
#define KEPT_BYTES ((size_t)128 << 20)
#endif

/* Sizes in reals unless said otherwise, all multiples of LINE. */
typedef struct shape {
    int64_t samples; /* of a chunk */
    int64_t chunks;
    int64_t kept; /* of them; all, or one that is computed anew each time */
    size_t z_row; /* from a row of z to the next; a chunk of z has k of them */
    size_t z;     /* a chunk of latents */
    size_t phi;   /* a chunk of Φ, and of φ' where it has to be kept */
    size_t A;     /* A as the kernel wants it */
    size_t V;     /* V likewise */
    size_t sums;  /* in doubles: sums over chunks in progress */
    bool slope;   /* φ' is kept beside Φ */
} shape;

typedef struct chunk {
    real *z;
    real *phi;
    real *slope;
    int64_t samples;
    int64_t places; /* whole strips */
} chunk;

/* The arrays of a batch in its scratch memory. */
typedef struct work {
    shape shape;
    real *A;
    real *V;
    real *weights; /* φ'(A z) ∘ (V Φ), one chunk */
    double *sums;
    real *chunks;
} work;

static inline size_t whole_lines(int64_t reals)
{
    return (size_t)((reals + LINE - 1) / LINE * LINE);
}

static inline size_t chunk_reals(const shape *shape)
{
    return shape->z + (shape->slope ? 2 : 1) * shape->phi;
}

/* Completes a shape of which z_row, z, phi, A, V, sums and samples are set. */
static inline void finish_shape(const ss_batch *batch, shape *shape)
{
    shape->slope = ss_kernel_keeps_slope(batch->activation.kind);
    shape->chunks = (batch->samples + shape->samples - 1) / shape->samples;
    size_t bytes = chunk_reals(shape) * sizeof(real);
    bool keep = !batch->once && (size_t)shape->chunks * bytes <= KEPT_BYTES;
    shape->kept = keep ? shape->chunks : 1;
}

static inline size_t shape_bytes(const shape *shape)
{
    size_t reals = shape->A + shape->V + shape->phi + (size_t)shape->kept * chunk_reals(shape);
    return reals * sizeof(real) + shape->sums * sizeof(double);
}

static inline work place_work(const shape *shape, void *scratch)
{
    work work = {.shape = *shape};
    work.sums = scratch;
    work.A = (real *)(work.sums + shape->sums);
    work.V = work.A + shape->A;
    work.weights = work.V + shape->V;
    work.chunks = work.weights + shape->phi;
    return work;
}

static inline chunk place_chunk(const ss_batch *batch, const work *work, int64_t number)
{
    const shape *shape = &work->shape;
    int64_t left = batch->samples - number * shape->samples;
    size_t slot = shape->kept == shape->chunks ? (size_t)number : 0;
    chunk chunk;
    chunk.z = work->chunks + slot * chunk_reals(shape);
    chunk.phi = chunk.z + shape->z;
    chunk.slope = chunk.phi + shape->phi;
    chunk.samples = left < shape->samples ? left : shape->samples;
    chunk.places = (chunk.samples + STRIP - 1) / STRIP * STRIP;
    return chunk;
}

/* The place of a sample within its chunk. */
static inline int64_t place_of(int64_t sample)
{
    return sample / STRIP * STRIP + sample % 4 * (STRIP / 4) + sample % STRIP / 4;
}

/* Philox is one long chain of dependent operations: GCC must put those of several groups side by
 * side, which it does not do on x86 by itself (streams 15 % faster, other loops slower). */
#if defined(__GNUC__) && !defined(__clang__)
#define SCHEDULED __attribute__((optimize("schedule-insns", "sched-pressure")))
#else
#define SCHEDULED
#endif

/* The latents of chunk `number`: k rows of places. */
SCHEDULED static void draw_chunk(const ss_batch *batch, const work *work, int64_t number,
                                 const chunk *chunk)
{
    const int64_t first = number * work->shape.samples;
    for (int64_t c = 0; c < batch->k; c++) {
        real *row = chunk->z + (size_t)c * work->shape.z_row;
        lanes_schedule schedule;
        lanes_schedule_of((uint32_t)c, batch->t, batch->stream.salt, batch->stream.key, &schedule);
        for (int64_t strip = 0; strip < chunk->places; strip += STRIP) {
            lanes_normals((uint32_t)((first + strip) / 4), &schedule, row + strip);
        }
    }
}

/* Stands for every activation without a vector form. */
#define BY_ELEMENT SS_ACTIVATION_KINDS

/* φ of one register; `kind` is a constant wherever this is inlined, and has a vector form. */
LANES_INLINE lanes_real activate(ss_activation_kind kind, real alpha, lanes_real u)
{
    switch (kind) {
#define LANES_VALUE(kind, value, ...)                                                              \
    case SS_ACTIVATION_##kind:                                                                     \
        return value;
        SS_VECTOR_FORMS(LANES_VALUE, )
#undef LANES_VALUE
    default:
        return u;
    }
}

/* φ' of one register, likewise; those that do not keep it know phi alone. */
LANES_INLINE lanes_real derivative(ss_activation_kind kind, real alpha, lanes_real u,
                                   lanes_real phi)
{
    switch (kind) {
#define LANES_SLOPE(kind, value, slope, ...)                                                       \
    case SS_ACTIVATION_##kind:                                                                     \
        return slope;
        SS_VECTOR_FORMS(LANES_SLOPE, )
#undef LANES_SLOPE
    default:
        return u;
    }
}

/* φ' of a register of Φ. */
LANES_INLINE lanes_real slope_of(ss_activation_kind kind, real alpha, const real *phi_at,
                                 const real *slope_at)
{
    if (ss_kernel_keeps_slope(kind)) {
        return lanes_load(slope_at);
    }
    lanes_real phi = lanes_load(phi_at);
    return derivative(kind, alpha, phi, phi);
}

/* Calls a function whose first argument is the kind as a constant. */
#define WITH_KIND(kind, function, ...)                                                             \
    do {                                                                                           \
        switch (kind) {                                                                            \
            SS_VECTOR_FORMS(LANES_KIND, function, __VA_ARGS__)                                     \
        default:                                                                                   \
            function(BY_ELEMENT, __VA_ARGS__);                                                     \
            break;                                                                                 \
        }                                                                                          \
    } while (0)
#define LANES_KIND(kind, value, slope, single, double_, function, ...)                             \
    case SS_ACTIVATION_##kind:                                                                     \
        function(SS_ACTIVATION_##kind, __VA_ARGS__);                                               \
        break;

/* As activate_span(), in float64, with libm. */
static __attribute__((noinline)) void activate_elements(ss_activation activation, real *phi,
                                                        real *slope, int64_t count)
{
    for (int64_t at = 0; at < count; at++) {
        double u = (double)phi[at];
        phi[at] = (real)ss_activation_value(activation, u);
        slope[at] = (real)ss_activation_slope(activation, u);
    }
}

/* u → φ(u) in place over `count` reals (whole lines), and φ'(u) beside it where it is kept. */
LANES_INLINE void activate_span(ss_activation_kind kind, ss_activation activation, real *phi,
                                real *slope, int64_t count)
{
    const real alpha = (real)activation.alpha;
    if (kind == BY_ELEMENT) {
        activate_elements(activation, phi, slope, count);
        return;
    }
    for (int64_t at = 0; at < count; at += LANES_REALS) {
        lanes_real u = lanes_load(phi + at);
        lanes_real value = activate(kind, alpha, u);
        lanes_store(phi + at, value);
        if (ss_kernel_keeps_slope(kind)) {
            lanes_store(slope + at, derivative(kind, alpha, u, value));
        }
    }
}

#endif
