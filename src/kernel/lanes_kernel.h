/*
 * The vector kernel, a template: each instruction set and precision has one file that defines
 * REAL_BITS, LANES_KERNEL, LANES_NAME and LANES_COST (kernel.h), includes this, and is compiled
 * with its own flags.
 */
#include "arrangement.h"
#include "kernels.h"
#include "lanes_large.h"
#include "lanes_small.h"

#if REAL_BITS == 64
#define LANES_PRECISION SS_PRECISION_DOUBLE
#else
#define LANES_PRECISION SS_PRECISION_SINGLE
#endif

static bool is_large(const ss_batch *batch)
{
    return ss_rows_in_lanes(batch->d, LINE);
}

static shape shape_of(const ss_batch *batch)
{
    return is_large(batch) ? large_shape(batch) : small_shape(batch);
}

static size_t scratch_bytes(const ss_batch *batch)
{
    shape shape = shape_of(batch);
    return shape_bytes(&shape);
}

/* Goes once over all chunks with the stages asked for (a mask). */
static void go_over(const ss_batch *batch, const work *work, unsigned stages)
{
    bool large = is_large(batch);
    for (int64_t number = 0; number < work->shape.chunks; number++) {
        chunk chunk = place_chunk(batch, work, number);
        if (stages & SS_STAGE_STREAMS) {
            draw_chunk(batch, work, number, &chunk);
        }
        if (stages & SS_STAGE_ACTIVATION) {
            (large ? large_activate : small_activate)(batch, work, &chunk);
        }
        if (stages & SS_STAGE_GAMMA) {
            (large ? large_gamma : small_gamma)(batch, work, &chunk);
        }
        if (stages & SS_STAGE_GRADIENT) {
            (large ? large_gradient : small_gradient)(batch, work, &chunk);
        }
    }
}

static work begin(const ss_batch *batch, const double *V, void *scratch)
{
    shape shape = shape_of(batch);
    work work = place_work(&shape, scratch);
    (is_large(batch) ? large_prepare : small_prepare)(batch, V, &work);
    return work;
}

static void gamma_sum(const ss_batch *batch, void *scratch, double *gamma)
{
    const int64_t d = batch->d;
    work work = begin(batch, NULL, scratch);
    go_over(batch, &work, SS_STAGE_STREAMS | SS_STAGE_ACTIVATION | SS_STAGE_GAMMA);
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double sum = is_large(batch) ? work.sums[(j / LINE * d + i) * LINE + j % LINE]
                                         : small_sum(&work, i, j, d);
            gamma[i * d + j] = gamma[j * d + i] = sum / (double)batch->samples;
        }
    }
}

static void gradient_sum(const ss_batch *batch, void *scratch, const double *V, double *gradient)
{
    const int64_t k = batch->k;
    work work = begin(batch, V, scratch);
    bool kept = work.shape.kept == work.shape.chunks;
    go_over(batch, &work, SS_STAGE_GRADIENT | (kept ? 0U : SS_STAGE_STREAMS | SS_STAGE_ACTIVATION));
    for (int64_t i = 0; i < batch->d; i++) {
        for (int64_t c = 0; c < k; c++) {
            double sum = is_large(batch) ? work.sums[(i / LINE * k + c) * LINE + i % LINE]
                                         : small_sum(&work, i, c, k);
            gradient[i * k + c] = sum * (2 / (double)batch->samples);
        }
    }
}

static void stage(const ss_batch *batch, void *scratch, ss_kernel_stage stage)
{
    shape shape = shape_of(batch);
    work work = place_work(&shape, scratch);
    go_over(batch, &work, stage);
}

static int64_t multiply_adds(int64_t rounds, double *result)
{
    const lanes_real factor = lanes_all((real)0.75);
    const lanes_real term = lanes_all((real)rounds);
    lanes_real sum[ACCUMULATORS];
    LANES_UNROLL
    for (int i = 0; i < ACCUMULATORS; i++) {
        sum[i] = lanes_all((real)i);
    }
    for (int64_t round = 0; round < rounds; round++) {
        LANES_UNROLL
        for (int i = 0; i < ACCUMULATORS; i++) {
            sum[i] = lanes_fma(factor, sum[i], term);
        }
    }
    *result = 0;
    LANES_UNROLL
    for (int i = 0; i < ACCUMULATORS; i++) {
        *result += (double)sum[i][0];
    }
    return rounds * ACCUMULATORS * LANES_REALS;
}

#if REAL_BITS == 64
SCHEDULED static void draw(const ss_stream *stream, uint32_t t, int64_t strip, int64_t strips,
                           int64_t column, double *z)
{
    lanes_schedule schedule;
    lanes_schedule_of((uint32_t)column, t, stream->salt, stream->key, &schedule);
    for (int64_t s = 0; s < strips; s++) {
        lanes_normals((uint32_t)((strip + s) * (STRIP / 4)), &schedule, z + s * STRIP);
    }
}

static void activate_all(ss_activation activation, int64_t count, double *phi, double *slope)
{
    WITH_KIND(activation.kind, activate_span, activation, phi, slope, count);
}

LANES_INLINE void weigh_span(ss_activation_kind kind, double alpha, int64_t count,
                             const double *phi, const double *slope, double *weights)
{
    for (int64_t at = 0; at < count; at += LANES_REALS) {
        const double *slope_at = ss_kernel_keeps_slope(kind) ? slope + at : NULL;
        lanes_store(weights + at,
                    lanes_load(weights + at) * slope_of(kind, alpha, phi + at, slope_at));
    }
}

static void weigh(ss_activation activation, int64_t count, const double *phi, const double *slope,
                  double *weights)
{
    WITH_KIND(activation.kind, weigh_span, activation.alpha, count, phi, slope, weights);
}
#endif

const ss_kernel LANES_KERNEL = {
    .name = LANES_NAME,
    .precision = LANES_PRECISION,
    .relative_cost = LANES_COST,
    .scratch_bytes = scratch_bytes,
    .gamma = gamma_sum,
    .gradient = gradient_sum,
    .stage = stage,
#if REAL_BITS == 64
    .draw = draw,
    .activate = activate_all,
    .weigh = weigh,
#endif
    .multiply_adds = multiply_adds,
};
