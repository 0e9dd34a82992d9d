/* The kernels against mathematics: finite differences, and closed forms as m grows. */
#include "check.h"

#include "effort.h"
#include "small_batch.h"
#include "src/sgda/matrix.h"

#include <stdlib.h>

enum { D = 4, K = 3 };

/* ---- the reference against finite differences ---- */

/* f(A) = (1/m) Σ Φᵀ V Φ = ⟨V, Γ⟩ with V fixed. */
static double objective(const ss_batch *batch, const double *V)
{
    double *gamma = allocate_doubles(batch->d * batch->d);
    double sum = 0;
    compute(kernel_named("reference"), batch, V, gamma, NULL);
    for (int64_t entry = 0; entry < batch->d * batch->d; entry++) {
        sum += V[entry] * gamma[entry];
    }
    free(gamma);
    return sum;
}

/* The smallest |u| of the batch: how far leaky ReLU is from its kink. */
static double distance_to_kink(const ss_batch *batch)
{
    double *z = allocate_doubles(batch->samples * batch->k);
    double smallest = INFINITY;
    ss_stream_matrix(&batch->stream, batch->t, batch->samples, batch->k, z);
    for (int64_t j = 0; j < batch->samples; j++) {
        for (int64_t i = 0; i < batch->d; i++) {
            double u = 0;
            for (int64_t c = 0; c < batch->k; c++) {
                u += batch->A[i * batch->k + c] * z[j * batch->k + c];
            }
            smallest = fmin(smallest, fabs(u));
        }
    }
    free(z);
    return smallest;
}

/* Central differences with h = 1e-5 err by h² f'''/6 = 1e-10 and by rounding, 1e-15/h = 1e-10. An
 * entry of A moved by h moves u by at most 6.8 h: leaky ReLU crosses no kink then, and between
 * kinks f is quadratic, so the formula exact. */
static void reference_gradient_is_the_derivative_of_the_objective(void **state)
{
    (void)state;
    enum { SAMPLES = 150 };
    const double h = 1e-5;
    double A[D * K];
    double V[D * D];
    double gamma[D * D];
    double gradient[D * K];
    double difference[D * K];
    draw_unit_rows(1, D, K, A);
    draw_symmetric(2, D, V);
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        ss_batch batch = batch_of(A, D, K, SAMPLES, activations[a]);
        assert_true(distance_to_kink(&batch) > 7 * h);
        compute(kernel_named("reference"), &batch, V, gamma, gradient);
        for (int entry = 0; entry < D * K; entry++) {
            double kept = A[entry];
            A[entry] = kept + h;
            double above = objective(&batch, V);
            A[entry] = kept - h;
            double below = objective(&batch, V);
            A[entry] = kept;
            difference[entry] = (above - below) / (2 * h);
        }
        double relative =
            check_distance(gradient, difference, D * K) / check_norm(difference, D * K);
        assert_at_most(relative, 1e-6);
    }
}

/* ---- against the limit of infinitely many samples ---- */

/* E φ(x) φ(y) for standard normals with correlation ρ, and its derivative in ρ. */
typedef struct dual {
    double value, slope;
} dual;

/* By the trapezoid rule over a square of ±8, step 1/8, in independent x and w with
 * y = ρ x + √(1-ρ²) w: for analytic φ it converges faster than any power. By Price's theorem the
 * slope is E φ'(x) φ'(y). */
static dual quadrature(ss_activation activation, double rho)
{
    const double step = 0.125;
    const double rest = sqrt(fmax(0, 1 - rho * rho));
    dual sum = {0, 0};
    for (int i = -64; i <= 64; i++) {
        for (int j = -64; j <= 64; j++) {
            double x = step * i;
            double w = step * j;
            double y = rho * x + rest * w;
            double weight = step * step * exp(-(x * x + w * w) / 2) / (2 * M_PI);
            sum.value +=
                weight * ss_activation_value(activation, x) * ss_activation_value(activation, y);
            sum.slope +=
                weight * ss_activation_slope(activation, x) * ss_activation_slope(activation, y);
        }
    }
    return sum;
}

static dual closed_form(ss_activation activation, double rho)
{
    double r = fmax(-1, fmin(1, rho));
    double even = (1 - activation.alpha) / 2;
    double odd = (1 + activation.alpha) / 2;
    dual result = {r, 1};
    if (activation.kind == SS_ACTIVATION_LEAKY_RELU) {
        result.value = odd * odd * r + even * even * M_2_PI * (sqrt(1 - r * r) + r * asin(r));
        result.slope = odd * odd + even * even * M_2_PI * asin(r);
    } else if (activation.kind == SS_ACTIVATION_ERF) {
        result.value = M_2_PI * asin(2 * r / 3);
        result.slope = M_2_PI * (2.0 / 3) / sqrt(1 - 4 * r * r / 9);
    }
    return result;
}

static dual limit(ss_activation activation, double rho)
{
    bool closed = activation.kind == SS_ACTIVATION_LEAKY_RELU ||
                  activation.kind == SS_ACTIVATION_ERF || activation.kind == SS_ACTIVATION_IDENTITY;
    return closed ? closed_form(activation, rho) : quadrature(activation, rho);
}

/* The yardstick itself: erf and identity are analytic, so quadrature must give their closed form
 * to rounding of 16641 terms. */
static void quadrature_agrees_with_closed_forms(void **state)
{
    (void)state;
    const ss_activation smooth[] = {{SS_ACTIVATION_ERF, 0}, {SS_ACTIVATION_IDENTITY, 0}};
    for (size_t a = 0; a < COUNT_OF(smooth); a++) {
        for (double rho = -0.95; rho < 1; rho += 0.19) {
            dual numeric = quadrature(smooth[a], rho);
            dual closed = closed_form(smooth[a], rho);
            assert_near(numeric.value, closed.value, 1e-10);
            assert_near(numeric.slope, closed.slope, 1e-10);
        }
    }
}

/* Three decades, of a tenth of the samples usually. */
enum { SIZES = 4 };

static int64_t size_at(int s)
{
    static const int64_t sizes[SIZES] = {1000, 10000, 100000, 1000000};
    return sizes[s] / tests_effort(1, 10, 10);
}

typedef struct population {
    double A[D * K];
    double V[D * D];       /* F(Z) - F(Z*) */
    double gamma[D * D];   /* F(Z) */
    double tangent[D * K]; /* 2 [V ∘ F'(Z)] A without its part along the rows of A */
} population;

/* Removes from each row of `gradient` its part along the same (unit) row of A. */
static void keep_tangent(const double *A, double *gradient)
{
    for (int i = 0; i < D; i++) {
        double along = 0;
        for (int c = 0; c < K; c++) {
            along += gradient[i * K + c] * A[i * K + c];
        }
        for (int c = 0; c < K; c++) {
            gradient[i * K + c] -= along * A[i * K + c];
        }
    }
}

static population population_of(ss_activation activation)
{
    population p = {.A = {0}};
    double A_star[D * K];
    double slope[D * D];
    double Z[D * D];
    double Z_star[D * D];
    draw_unit_rows(5, D, K, p.A);
    draw_unit_rows(6, D, K, A_star);
    ss_matrix_gram(p.A, D, K, Z);
    ss_matrix_gram(A_star, D, K, Z_star);
    for (int entry = 0; entry < D * D; entry++) {
        dual here = limit(activation, Z[entry]);
        p.gamma[entry] = here.value;
        slope[entry] = here.slope;
        p.V[entry] = here.value - limit(activation, Z_star[entry]).value;
    }
    for (int i = 0; i < D; i++) {
        for (int c = 0; c < K; c++) {
            p.tangent[i * K + c] = 0;
            for (int j = 0; j < D; j++) {
                p.tangent[i * K + c] += 2 * p.V[i * D + j] * slope[i * D + j] * p.A[j * K + c];
            }
        }
    }
    keep_tangent(p.A, p.tangent);
    return p;
}

/* Root mean square errors of Γ and of the gradient's tangent part over `seeds` batches. */
static void measure(const ss_kernel *kernel, ss_activation activation, const population *p,
                    int64_t samples, int64_t seeds, double *gamma_error, double *gradient_error)
{
    double gamma_sum = 0;
    double gradient_sum = 0;
    for (int64_t seed = 0; seed < seeds; seed++) {
        double gamma[D * D];
        double gradient[D * K];
        ss_batch batch = batch_of(p->A, D, K, samples, activation);
        batch.stream = ss_stream_latents(99, seed, K);
        batch.t = 1;
        compute(kernel, &batch, p->V, gamma, gradient);
        keep_tangent(p->A, gradient);
        gamma_sum += pow(check_distance(gamma, p->gamma, D * D), 2);
        gradient_sum += pow(check_distance(gradient, p->tangent, D * K), 2);
    }
    *gamma_error = sqrt(gamma_sum / (double)seeds);
    *gradient_error = sqrt(gradient_sum / (double)seeds);
}

/* The least-squares slope of log error over log size. */
static double fitted_exponent(const double *error)
{
    double xy = 0;
    double xx = 0;
    double middle = 0;
    for (int s = 0; s < SIZES; s++) {
        middle += log((double)size_at(s)) / SIZES;
    }
    for (int s = 0; s < SIZES; s++) {
        double x = log((double)size_at(s)) - middle;
        xy += x * log(error[s]);
        xx += x * x;
    }
    return xy / xx;
}

/*
 * With m samples both errors fall as 1/√m. The root mean square over 5 seeds scatters by 0.15 in
 * its logarithm at most, the slope over three decades so by 0.03: 0.15 is five of these. Any
 * error of the limit itself (above 1e-3, with a tenth of the samples 3e-3) would flatten the slope.
 *
 * Only the tangent part of the gradient is compared. The formula of the paper's population
 * gradient takes the diagonal of Z as fixed (unit rows), which drops the derivative along each
 * row; Proj_C removes that part of a step, to first order, in any case.
 */
static void assert_converges(const ss_kernel *kernel, ss_activation activation)
{
    enum { SEEDS = 5 };
    population p = population_of(activation);
    double gamma_error[SIZES];
    double gradient_error[SIZES];
    for (int s = 0; s < SIZES; s++) {
        measure(kernel, activation, &p, size_at(s), SEEDS, &gamma_error[s], &gradient_error[s]);
    }
    assert_near(fitted_exponent(gamma_error), -0.5, 0.15);
    assert_near(fitted_exponent(gradient_error), -0.5, 0.15);
    /* an entry's deviation is below √(E φ⁴) ≤ √3, so the norm's below √3 D; for the gradient
     * 2 ‖V‖ √(E ‖Φ‖² ‖z‖²) */
    double largest = check_norm(p.V, D * D) * 2 * sqrt(3.0 * D * K);
    double root = sqrt((double)size_at(SIZES - 1));
    assert_at_most(gamma_error[SIZES - 1], sqrt(3) * D / root);
    assert_at_most(gradient_error[SIZES - 1], 2 * largest / root);
}

static void fastest_kernel_converges_to_the_population_limit(void **state)
{
    (void)state;
    for (size_t a = 0; a < COUNT_OF(activations); a++) {
        assert_converges(fastest_kernel(), activations[a]);
    }
}

static void reference_kernel_converges_to_the_population_limit(void **state)
{
    (void)state;
    assert_converges(kernel_named("reference"), (ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2});
    assert_converges(kernel_named("reference"), (ss_activation){SS_ACTIVATION_TANH, 0});
}

/* ---- rows of another norm ---- */

/* Leaky ReLU is homogeneous: a row of norm r scales row and column of Γ by r, here exactly (r = 2),
 * also in float32. */
static void rows_of_another_norm_scale_leaky_relu(void **state)
{
    (void)state;
    double A[D * K];
    double gamma[D * D];
    double scaled[D * D];
    draw_unit_rows(3, D, K, A);
    for (int i = 0; ss_kernel_at(i); i++) {
        ss_batch batch = batch_of(A, D, K, 1000, (ss_activation){SS_ACTIVATION_LEAKY_RELU, 0.2});
        compute(ss_kernel_at(i), &batch, NULL, gamma, NULL);
        for (int c = 0; c < K; c++) {
            A[c] *= 2;
        }
        compute(ss_kernel_at(i), &batch, NULL, scaled, NULL);
        for (int c = 0; c < K; c++) {
            A[c] /= 2;
        }
        assert_near(scaled[0], 4 * gamma[0], 0);
        assert_near(scaled[1], 2 * gamma[1], 0);
        assert_near(scaled[D + 1], gamma[D + 1], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_gradient_is_the_derivative_of_the_objective),
        cmocka_unit_test(quadrature_agrees_with_closed_forms),
        cmocka_unit_test(fastest_kernel_converges_to_the_population_limit),
        cmocka_unit_test(reference_kernel_converges_to_the_population_limit),
        cmocka_unit_test(rows_of_another_norm_scale_leaky_relu),
    };
    unsetenv("SADDLESWEEP_KERNEL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
