#include "hermite.h"

#include "../base/memory.h"

#include <math.h>
#include <stdlib.h>

/* exp(−x²/4) is 1e-19 there, and no integrand below is larger by much. */
static const double last_node = 13.2;

/* E φ'(r x)² by the trapezoidal rule. */
static double slope_energy(ss_activation activation, double r, double step)
{
    double sum = 0;
    for (double x = step / 2; x < last_node; x += step) {
        double right = ss_activation_slope(activation, r * x);
        double left = ss_activation_slope(activation, -r * x);
        sum += exp(-x * x / 2) * (right * right + left * left);
    }
    return sum * step / sqrt(2 * M_PI);
}

/* Beyond this a table would take more than a few seconds: enough for norms of about 70. */
static const double highest_frequency = 2048;

/* A frequency above which there is nothing in φ(r x)² and φ'(r x)², to rounding: the rule does not
 * change any more with half the step, and converges exponentially. Also E φ'(r x)². */
static double bandwidth(ss_activation activation, double r, double *energy)
{
    double frequency = 8 * (1 + fmin(r, highest_frequency));
    double before = slope_energy(activation, r, 2 * M_PI / frequency);
    for (;;) {
        *energy = slope_energy(activation, r, M_PI / frequency);
        if (fabs(*energy - before) <= 1e-13 * fabs(*energy) || frequency >= highest_frequency) {
            return fmin(1.25 * frequency, 1.25 * highest_frequency);
        }
        before = *energy;
        frequency *= 2;
    }
}

/* Pairs of nodes ±x that go through the recursion side by side. */
enum { LANES = 8 };

typedef struct nodes {
    double x[LANES];
    double psi[LANES]; /* ψ_i = exp(−x²/4) h_i(x): neither over- nor underflows where it counts */
    double before[LANES];   /* ψ_{i−1} */
    double value[2][LANES]; /* weight · (φ(r x) ± φ(−r x)): for even and odd i */
    double slope[2][LANES]; /* of φ', likewise */
} nodes;

static void place_nodes(ss_activation activation, double r, double first, double step, nodes *at)
{
    for (int lane = 0; lane < LANES; lane++) {
        double x = first + lane * step;
        double weight = step / sqrt(2 * M_PI) * exp(-x * x / 4);
        double right = ss_activation_value(activation, r * x);
        double left = ss_activation_value(activation, -r * x);
        double slope_right = ss_activation_slope(activation, r * x);
        double slope_left = ss_activation_slope(activation, -r * x);
        at->x[lane] = x;
        at->psi[lane] = exp(-x * x / 4);
        at->before[lane] = 0;
        at->value[0][lane] = weight * (right + left);
        at->value[1][lane] = weight * (right - left);
        at->slope[0][lane] = weight * (slope_right + slope_left);
        at->slope[1][lane] = weight * (slope_right - slope_left);
    }
}

static double dot_lanes(const double *a, const double *b)
{
    double sums[LANES / 2];
    for (int lane = 0; lane < LANES / 2; lane++) {
        sums[lane] = a[lane] * b[lane] + a[lane + LANES / 2] * b[lane + LANES / 2];
    }
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/* Adds what the nodes contribute to all coefficients. roots: of 0 … terms. */
static void add_nodes(nodes *at, int64_t terms, const double *roots, ss_hermite_series series)
{
    for (int64_t i = 0; i < terms; i++) {
        double inverse = 1 / roots[i + 1];
        double root = roots[i] * inverse;
        series.value[i] += dot_lanes(at->value[i % 2], at->psi);
        series.slope[i] += dot_lanes(at->slope[i % 2], at->psi);
        for (int lane = 0; lane < LANES; lane++) {
            double next = at->x[lane] * inverse * at->psi[lane] - root * at->before[lane];
            at->before[lane] = at->psi[lane];
            at->psi[lane] = next;
        }
    }
}

/* The coefficients of φ and φ', for functions of this bandwidth. roots: of 0 … terms. */
static void fill(ss_activation activation, double r, double frequency, int64_t terms,
                 const double *roots, ss_hermite_series series)
{
    /* h_i has frequencies up to √i; their sum with φ's is what the rule must not fold back. */
    double step = 2 * M_PI / (frequency + 2 * roots[terms] + 12);
    for (int64_t i = 0; i < terms; i++) {
        series.value[i] = 0;
        series.slope[i] = 0;
    }
    for (double x = step / 2; x < last_node; x += LANES * step) {
        nodes at;
        place_nodes(activation, r, x, step, &at);
        add_nodes(&at, terms, roots, series);
    }
}

/* √0 … √terms, to be freed. */
static ss_error make_roots(int64_t terms, double **roots)
{
    SS_TRY(ss_allocate((size_t)terms + 1, sizeof **roots, roots));
    for (int64_t i = 0; i <= terms; i++) {
        (*roots)[i] = sqrt((double)i);
    }
    return SS_OK;
}

/* The least even number of terms after which less than this is left of the energy; or all. */
static int64_t shortest(const double *slope, int64_t terms, double energy, double *rest)
{
    int64_t i = 0;
    double left = energy;
    while (i < terms && left > 1e-14 * energy) {
        left -= slope[i] * slope[i];
        i++;
    }
    *rest = energy > 0 ? left / energy : 0;
    return i > 0 ? i + i % 2 : 2;
}

ss_error ss_hermite_terms(ss_activation activation, double r, int64_t *terms, double *rest)
{
    double energy;
    double *roots = NULL;
    double *memory = NULL;
    double frequency = bandwidth(activation, r, &energy);
    ss_error error = SS_OK;
    *terms = 0;
    for (int64_t most = 64; error == SS_OK; most *= 2) {
        free(roots);
        free(memory);
        memory = NULL;
        error = make_roots(most, &roots);
        if (error == SS_OK) {
            error = ss_allocate(2 * (size_t)most, sizeof *memory, &memory);
        }
        if (error == SS_OK) {
            ss_hermite_series series = {.value = memory, .slope = memory + most};
            fill(activation, r, frequency, most, roots, series);
            *terms = shortest(series.slope, most, energy, rest);
        }
        if (*terms < most || most >= SS_HERMITE_MOST_TERMS) {
            break;
        }
    }
    free(roots);
    free(memory);
    return error;
}

ss_error ss_hermite_fill(ss_activation activation, double r, int64_t terms,
                         ss_hermite_series series)
{
    double energy;
    double *roots = NULL;
    SS_TRY(make_roots(terms, &roots));
    fill(activation, r, bandwidth(activation, r, &energy), terms, roots, series);
    for (int64_t i = 0; i + 1 < terms; i++) {
        series.curve[i] = roots[i + 1] * series.slope[i + 1] / r; /* Stein: of φ'' from φ' */
    }
    series.curve[terms - 1] = 0;
    free(roots);
    return SS_OK;
}

int64_t ss_hermite_enough(double rho, int64_t terms)
{
    double size = fabs(rho);
    if (size >= 1) {
        return terms;
    }
    double enough = size > 0 ? ceil(log(1e-17) / log(size)) + 1 : 1; /* |ρ|^i < 1e-17 */
    return enough < (double)terms ? (int64_t)enough + (int64_t)enough % 2 : terms;
}

void ss_hermite_multiply(ss_hermite_series first, ss_hermite_series second, int64_t terms,
                         ss_hermite_series product)
{
    for (int64_t i = 0; i < terms; i++) {
        product.value[i] = first.value[i] * second.value[i];
        product.slope[i] = first.slope[i] * second.slope[i];
        product.curve[i] = first.curve[i] * second.value[i];
    }
}

/* Even and odd terms apart: six chains of operations that do not wait for each other. */
ss_closed_form ss_hermite_sum(ss_hermite_series product, int64_t terms, double rho)
{
    ss_closed_form even = {0};
    ss_closed_form odd = {0};
    double square = rho * rho;
    for (int64_t i = terms - 2; i >= 0; i -= 2) {
        even.value = even.value * square + product.value[i];
        even.slope = even.slope * square + product.slope[i];
        even.radial = even.radial * square + product.curve[i];
        odd.value = odd.value * square + product.value[i + 1];
        odd.slope = odd.slope * square + product.slope[i + 1];
        odd.radial = odd.radial * square + product.curve[i + 1];
    }
    return (ss_closed_form){
        .value = even.value + rho * odd.value,
        .slope = even.slope + rho * odd.slope,
        .radial = even.radial + rho * odd.radial,
    };
}
