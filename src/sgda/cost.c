/*
 * The cost model: counts of operations times nanoseconds measured on one core.
 *
 * A run spends, for each of T iterations, on each of m samples: k normals, d activations,
 * d (d + 1) / 2 multiply-adds for Γ and d² + 2 d k for the gradient and A z; then d²-sized work
 * once an iteration. X_n costs the normals, activations and Γ of n samples, once.
 * docs/cost-model.md has the measurement. The scheduler corrects the model by what it measures, so
 * only the proportions matter there.
 */
#include "saddlesweep/run.h"

typedef struct cost_table {
    double normal; /* ns each */
    double activation[SS_ACTIVATION_KINDS];
    double multiply_add;
    double sample;    /* ns a sample, whatever its size */
    double iteration; /* ns an iteration, whatever its size */
    double entry;     /* ns an entry of a d × d matrix, an iteration */
    int64_t strip;    /* samples are computed in multiples of this */
} cost_table;

static const cost_table tables[] = {
    [SS_PRECISION_SINGLE] =
        {
            .normal = 0.7,
            .activation =
                {
                    [SS_ACTIVATION_TANH] = 0.25,
                    [SS_ACTIVATION_SIGMOID] = 0.31,
                    [SS_ACTIVATION_LEAKY_RELU] = 0.05,
                    [SS_ACTIVATION_ERF] = 0.58,
                    [SS_ACTIVATION_IDENTITY] = 0.03,
                },
            .multiply_add = 0.034,
            .sample = 0.1,
            .iteration = 340,
            .entry = 12,
            .strip = 64,
        },
    [SS_PRECISION_DOUBLE] =
        {
            .normal = 50,
            .activation =
                {
                    [SS_ACTIVATION_TANH] = 22,
                    [SS_ACTIVATION_SIGMOID] = 8,
                    [SS_ACTIVATION_LEAKY_RELU] = 3,
                    [SS_ACTIVATION_ERF] = 12,
                    [SS_ACTIVATION_IDENTITY] = 2,
                },
            .multiply_add = 0.6,
            .sample = 10,
            .iteration = 300,
            .entry = 10,
            .strip = 1,
        },
};

static double computed_samples(const cost_table *table, int64_t samples)
{
    return (double)((samples + table->strip - 1) / table->strip * table->strip);
}

double ss_run_cost_seconds(const ss_run *run)
{
    const cost_table *table = &tables[run->precision];
    double d = (double)run->d;
    double k = (double)run->k;
    double k0 = (double)run->k0;
    double activation = d * table->activation[run->activation.kind];
    double gamma = d * (d + 1) / 2;
    double sample = table->sample + k * table->normal + activation +
                    (gamma + d * d + 2 * d * k) * table->multiply_add;
    double datum =
        table->sample + k0 * table->normal + activation + (gamma + d * k0) * table->multiply_add;
    double iteration =
        table->iteration + d * d * table->entry + computed_samples(table, run->m) * sample;
    if (run->noise > 0) {
        iteration += d * k * tables[SS_PRECISION_DOUBLE].normal;
    }
    return 1e-9 * (computed_samples(table, run->n) * datum + (double)run->iterations * iteration);
}
