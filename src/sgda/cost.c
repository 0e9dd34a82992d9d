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
    double normal; /* ns */
    double activation[SS_ACTIVATION_KINDS];
    double multiply_add;
    double sample;    /* ns a sample, whatever its size */
    double iteration; /* ns an iteration, whatever its size */
    double entry;     /* ns an entry of a d × d matrix, an iteration */
} cost_table;

static const cost_table tables[] = {
    [SS_PRECISION_SINGLE] =
        {
            .normal = 1.0,
            .activation =
                {
                    [SS_ACTIVATION_TANH] = 0.3,
                    [SS_ACTIVATION_SIGMOID] = 0.3,
                    [SS_ACTIVATION_LEAKY_RELU] = 0.1,
                    [SS_ACTIVATION_ERF] = 0.6,
                    [SS_ACTIVATION_IDENTITY] = 0.1,
                },
            .multiply_add = 0.04,
            .sample = 0.5,
            .iteration = 300,
            .entry = 3,
        },
    [SS_PRECISION_DOUBLE] =
        {
            .normal = 30,
            .activation =
                {
                    [SS_ACTIVATION_TANH] = 30,
                    [SS_ACTIVATION_SIGMOID] = 15,
                    [SS_ACTIVATION_LEAKY_RELU] = 4,
                    [SS_ACTIVATION_ERF] = 25,
                    [SS_ACTIVATION_IDENTITY] = 4,
                },
            .multiply_add = 0.7,
            .sample = 10,
            .iteration = 300,
            .entry = 3,
        },
};

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
    double iteration = table->iteration + d * d * table->entry + (double)run->m * sample;
    if (run->noise > 0) {
        iteration += d * k * tables[SS_PRECISION_DOUBLE].normal;
    }
    return 1e-9 * ((double)run->n * datum + (double)run->iterations * iteration);
}
