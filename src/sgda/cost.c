/*
 * The cost model: counts of operations times nanoseconds measured on one core.
 *
 * A run spends, for each of T iterations, on each of m samples: k normals, d activations,
 * d (d + 1) / 2 multiply-adds for Γ and d² + 2 d k for the gradient and A z; then work on the
 * entries of V and A once an iteration. X_n costs the normals, activations and Γ of n samples,
 * once. Learning of marginals has normals, activations, A z and the gradient's d k alone; learned
 * norms cost that, and then Algorithm 1. The kernels compute whole strips of samples and, for large
 * d, whole panels of rows. docs/cost-model.md has the measurement. The scheduler corrects the model
 * by what it measures, so only the proportions matter there.
 */
#include "saddlesweep/run.h"

#include "../kernel/arrangement.h"
#include "lemmas.h"
#include "population.h"

#include <math.h>

typedef struct cost_table {
    double normal; /* ns each */
    double activation[SS_ACTIVATION_KINDS];
    double small_multiply_add; /* with samples in the lanes */
    double large_multiply_add; /* with panels of rows in the lanes */
    int64_t panel;             /* rows in one */
    double iteration;          /* ns an iteration, whatever its size */
    double entry;              /* ns an entry of V or A, an iteration */
} cost_table;

#define SS_SINGLE_NS(kind, value, slope, ns, double_ns, ...) [SS_ACTIVATION_##kind] = ns,
#define SS_DOUBLE_NS(kind, value, slope, single_ns, ns, ...) [SS_ACTIVATION_##kind] = ns,
static const cost_table tables[] = {
    [SS_PRECISION_SINGLE] =
        {
            .normal = 1.08,
            .activation = {SS_VECTOR_FORMS(SS_SINGLE_NS, )},
            .small_multiply_add = 0.038,
            .large_multiply_add = 0.0235,
            .panel = 16,
            .iteration = 320,
            .entry = 2.2,
        },
    [SS_PRECISION_DOUBLE] =
        {
            .normal = 2,
            .activation = {SS_VECTOR_FORMS(SS_DOUBLE_NS, )},
            .small_multiply_add = 0.071,
            .large_multiply_add = 0.05,
            .panel = 8,
            .iteration = 250,
            .entry = 2.4,
        },
};
#undef SS_DOUBLE_NS
#undef SS_SINGLE_NS

/* ns for an activation that has no vector form, and so none in the table: as softplus takes. */
static const double by_element = 35;

static double activation_cost(const cost_table *table, ss_activation_kind kind)
{
    return table->activation[kind] > 0 ? table->activation[kind] : by_element;
}

/* ns for a normal of the sphere noise, which is drawn one by one. */
static const double scalar_normal = 50;

static double whole(double count, double size)
{
    return ceil(count / size) * size;
}

/* ns for F(A Aᵀ), and for the exact gradient if asked: moments, and products of matrices. */
static double population_cost(const ss_run *run, int64_t k, bool gradient)
{
    static const double product = 0.5;
    double products = (gradient ? 2 : 1) * (double)(run->d * run->d * k);
    return ss_population_moments_ns(run) + products * product;
}

/* ns for `samples` samples: k normals, activations, A z and Γ each, and the gradient if asked. */
static double batch_cost(const ss_run *run, int64_t samples, int64_t k, bool gradient)
{
    const cost_table *table = &tables[run->precision];
    const double strip = 64;
    bool large = ss_rows_in_lanes(run->d, table->panel);
    double block =
        large ? (double)table->panel : 1; /* Γ is computed in blocks of so many columns */
    double d = whole((double)run->d, block);
    double columns = (double)k;
    double products = d * (d + block) / 2 + d * columns;
    if (gradient) {
        products += d * d + d * columns;
    }
    double sample = columns * table->normal + d * activation_cost(table, run->activation.kind) +
                    products * (large ? table->large_multiply_add : table->small_multiply_add);
    return whole((double)samples, strip) * sample;
}

/* Of so many samples, or of infinitely many (0). */
static double moments_cost(const ss_run *run, int64_t samples, int64_t k, bool gradient)
{
    return samples > 0 ? batch_cost(run, samples, k, gradient) : population_cost(run, k, gradient);
}

/* Learning of marginals (engine_marginal.c), in ns: of a multiply-add, of an activation beyond the
 * kernel's, and of h at one norm by quadrature or in closed form. */
static const double marginal_multiply_add = 1;
static const double marginal_activation = 3;
static const double marginal_quadrature = 9e3;
static const double marginal_closed_form = 20;

/* ns for one mean: of a batch in whole chunks, or of h (samples 0). */
static double mean_cost(const ss_run *run, int64_t samples, int64_t k, bool gradient)
{
    const cost_table *table = &tables[SS_PRECISION_DOUBLE];
    const double chunk = 256;
    double d = (double)run->d;
    double columns = (double)k;
    double activation = activation_cost(table, run->activation.kind) + marginal_activation;
    double sample = columns * table->normal + d * activation +
                    (gradient ? 2 : 1) * d * columns * marginal_multiply_add;
    double exact = run->activation.kind == SS_ACTIVATION_LEAKY_RELU ? marginal_closed_form
                                                                    : marginal_quadrature;
    return samples > 0 ? whole((double)samples, chunk) * sample : d * exact;
}

static double marginal_cost_seconds(const ss_run *run)
{
    const cost_table *table = &tables[SS_PRECISION_DOUBLE];
    double entries = (double)run->d * (double)run->k;
    double iteration =
        table->iteration + entries * table->entry + mean_cost(run, run->m, run->k, true);
    if (run->noise > 0) {
        iteration += entries * scalar_normal;
    }
    return 1e-9 * (mean_cost(run, run->n, run->k0, false) + (double)run->iterations * iteration);
}

double ss_run_cost_seconds(const ss_run *run)
{
    if (run->algorithm == SS_ALGORITHM_MARGINAL) {
        return marginal_cost_seconds(run);
    }
    const cost_table *table = &tables[run->precision];
    double d = (double)run->d;
    double k = (double)run->k;
    double iteration =
        table->iteration + (d * d + d * k) * table->entry + moments_cost(run, run->m, run->k, true);
    double start = moments_cost(run, run->n, run->k0, false);
    if (run->noise > 0) {
        iteration += d * k * scalar_normal;
    }
    if (run->n == 0 || run->m == 0) {
        start += ss_population_prepare_ns(run);
    }
    if (run->m == 0 && run->train_row_norm == SS_TRAIN_ROW_NORM_FREE) {
        iteration += ss_population_prepare_ns(run);
    }
    double batches = run->gradient_bias && run->m > 0 ? SS_LEMMA_BATCHES : 0;
    double stage = 0;
    if (ss_run_learns_norms(run)) {
        ss_run learner = ss_run_stage(run);
        stage = marginal_cost_seconds(&learner);
    }
    return stage + 1e-9 * (start + ((double)run->iterations + batches) * iteration);
}
