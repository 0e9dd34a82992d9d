/*
 * The reference kernel: Algorithm 1's sums as the paper writes them, one sample at a time in
 * float64. Kept simple on purpose: it is the truth that every faster kernel is tested against.
 */
#include "kernels.h"

#include <string.h>

typedef struct reference_scratch {
    double *z;     /* k: z_j */
    double *u;     /* d: A z_j */
    double *phi;   /* d: Φ_j */
    double *group; /* 4 × k: the latents of four consecutive samples */
} reference_scratch;

static size_t scratch_bytes(const ss_batch *batch)
{
    return (size_t)(5 * batch->k + 2 * batch->d) * sizeof(double);
}

static reference_scratch split(const ss_batch *batch, void *memory)
{
    reference_scratch scratch;
    scratch.z = memory;
    scratch.u = scratch.z + batch->k;
    scratch.phi = scratch.u + batch->d;
    scratch.group = scratch.phi + batch->d;
    return scratch;
}

/* z_j, u = A z_j and Φ_j = φ(u) for sample j; samples come in ascending order. */
static void draw_sample(const ss_batch *batch, int64_t j, const reference_scratch *scratch)
{
    for (int64_t c = 0; c < batch->k; c++) {
        if (j % 4 == 0) {
            ss_stream_group(&batch->stream, batch->t, (uint32_t)(j / 4), (uint32_t)c,
                            scratch->group + 4 * c);
        }
        scratch->z[c] = scratch->group[4 * c + j % 4];
    }
    for (int64_t i = 0; i < batch->d; i++) {
        scratch->u[i] = 0;
        for (int64_t c = 0; c < batch->k; c++) {
            scratch->u[i] += batch->A[i * batch->k + c] * scratch->z[c];
        }
        scratch->phi[i] = ss_activation_value(batch->activation, scratch->u[i]);
    }
}

static void gamma_sum(const ss_batch *batch, void *memory, double *gamma)
{
    reference_scratch scratch = split(batch, memory);
    int64_t d = batch->d;
    memset(gamma, 0, (size_t)(d * d) * sizeof *gamma);
    for (int64_t j = 0; j < batch->samples; j++) {
        draw_sample(batch, j, &scratch);
        for (int64_t a = 0; a < d; a++) {
            for (int64_t b = 0; b < d; b++) {
                gamma[a * d + b] += scratch.phi[a] * scratch.phi[b];
            }
        }
    }
    for (int64_t entry = 0; entry < d * d; entry++) {
        gamma[entry] /= (double)batch->samples;
    }
}

static void gradient_sum(const ss_batch *batch, void *memory, const double *V, double *gradient)
{
    reference_scratch scratch = split(batch, memory);
    int64_t d = batch->d;
    int64_t k = batch->k;
    memset(gradient, 0, (size_t)(d * k) * sizeof *gradient);
    for (int64_t j = 0; j < batch->samples; j++) {
        draw_sample(batch, j, &scratch);
        for (int64_t i = 0; i < d; i++) {
            double v_phi = 0;
            for (int64_t b = 0; b < d; b++) {
                v_phi += V[i * d + b] * scratch.phi[b];
            }
            double weight = ss_activation_slope(batch->activation, scratch.u[i]) * v_phi;
            for (int64_t c = 0; c < k; c++) {
                gradient[i * k + c] += weight * scratch.z[c];
            }
        }
    }
    for (int64_t entry = 0; entry < d * k; entry++) {
        gradient[entry] *= 2 / (double)batch->samples;
    }
}

static void draw(const ss_stream *stream, uint32_t t, int64_t strip, int64_t strips, int64_t column,
                 double *z)
{
    for (int64_t row = 0; row < strips * SS_KERNEL_STRIP; row += 4) {
        double group[4];
        int64_t group_number = (strip * SS_KERNEL_STRIP + row) / 4;
        ss_stream_group(stream, t, (uint32_t)group_number, (uint32_t)column, group);
        for (int64_t i = 0; i < 4; i++) {
            z[row / SS_KERNEL_STRIP * SS_KERNEL_STRIP +
              ss_kernel_place((row + i) % SS_KERNEL_STRIP)] = group[i];
        }
    }
}

static void activate(ss_activation activation, int64_t count, double *phi, double *slope)
{
    for (int64_t at = 0; at < count; at++) {
        if (slope) {
            slope[at] = ss_activation_slope(activation, phi[at]);
        }
        phi[at] = ss_activation_value(activation, phi[at]);
    }
}

static void weigh(ss_activation activation, int64_t count, const double *phi, const double *slope,
                  double *weights)
{
    for (int64_t at = 0; at < count; at++) {
        weights[at] *= slope ? slope[at] : ss_activation_slope_of_value(activation, phi[at]);
    }
}

const ss_kernel ss_kernel_reference = {
    .name = "reference",
    .precision = SS_PRECISION_DOUBLE,
    .relative_cost = 25,
    .scratch_bytes = scratch_bytes,
    .gamma = gamma_sum,
    .gradient = gradient_sum,
    .draw = draw,
    .activate = activate,
    .weigh = weigh,
};
