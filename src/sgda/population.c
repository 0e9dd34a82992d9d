#include "population.h"

#include "../base/memory.h"
#include "matrix.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES = 3 }; /* of a series */

static bool all_equal(const double *norms, int64_t rows)
{
    int64_t i = 1;
    while (i < rows && memcmp(&norms[i], &norms[0], sizeof *norms) == 0) {
        i++;
    }
    return i == rows;
}

static bool is_prepared(const ss_population *p, ss_activation activation, const double *norms,
                        int64_t rows)
{
    return p->rows == rows && p->activation.kind == activation.kind &&
           memcmp(&p->activation.alpha, &activation.alpha, sizeof activation.alpha) == 0 &&
           memcmp(p->norms, norms, (size_t)rows * sizeof *norms) == 0;
}

/* F is as good as promised but for rows that are very long. */
static void warn_once(ss_activation activation, double r, double rest)
{
    static bool warned;
    char name[SS_ACTIVATION_TEXT_SIZE];
    if (!warned) {
        fprintf(stderr,
                "warning: a row of norm %.3g is long for the Hermite series of %s: what %d terms "
                "leave is %.1g of E phi'^2, so F is less exact than 1e-12 where rows are nearly "
                "parallel\n",
                r, ss_activation_format(activation, name), (int)SS_HERMITE_MOST_TERMS, rest);
    }
    warned = true;
}

static ss_hermite_series series_at(const ss_population *p, int64_t place)
{
    double *table = p->tables + place * TABLES * p->terms;
    return (ss_hermite_series){table, table + p->terms, table + 2 * p->terms};
}

/* Of any two rows, if there is one series; else of the two at hand. */
static ss_hermite_series products_of(const ss_population *p)
{
    return series_at(p, p->series);
}

/* Norms of 0 have no correlation, but a limit. */
static double positive(double norm)
{
    return fmax(norm, 1e-100);
}

static ss_error make_tables(ss_population *p, int64_t rows)
{
    double rest;
    double largest = 0;
    for (int64_t i = 0; i < rows; i++) {
        largest = fmax(largest, positive(p->norms[i]));
    }
    SS_TRY(ss_hermite_terms(p->activation, largest, &p->terms, &rest));
    if (rest > 1e-12) {
        warn_once(p->activation, largest, rest);
    }
    p->series = all_equal(p->norms, rows) ? 1 : rows;
    size_t count = (size_t)((p->series + 1) * TABLES * p->terms);
    SS_TRY(ss_grow(&p->tables, &p->tables_capacity, count, sizeof *p->tables));
    for (int64_t i = 0; i < p->series; i++) {
        SS_TRY(ss_hermite_fill(p->activation, positive(p->norms[i]), p->terms, series_at(p, i)));
    }
    ss_hermite_multiply(series_at(p, 0), series_at(p, 0), p->terms, products_of(p));
    return SS_OK;
}

ss_error ss_population_prepare(ss_population *p, ss_activation activation, const double *norms,
                               int64_t rows)
{
    if (is_prepared(p, activation, norms, rows)) {
        return SS_OK;
    }
    p->rows = 0; /* until all is there */
    p->series = 0;
    SS_TRY(ss_grow(&p->norms, &p->norms_capacity, (size_t)rows, sizeof *norms));
    memcpy(p->norms, norms, (size_t)rows * sizeof *norms);
    p->activation = activation;
    if (!ss_closed_form_exists(activation)) {
        SS_TRY(make_tables(p, rows));
    }
    p->rows = rows;
    return SS_OK;
}

void ss_population_release(ss_population *population)
{
    free(population->norms);
    free(population->tables);
    *population = (ss_population){0};
}

static bool has_unit_rows(const ss_run *run)
{
    return run->train_row_norm == SS_TRAIN_ROW_NORM_KNOWN && !ss_run_keeps_norms(run);
}

/* Rows of A* have norms of about √k0 as drawn, free ones too; terms grow with the square of a norm
 * (docs/population.md), here as tanh's do. */
static double expected_terms(const ss_run *run)
{
    double square = has_unit_rows(run) ? 1 : (double)run->k0;
    return fmin(160 * square, SS_HERMITE_MOST_TERMS);
}

static double expected_series(const ss_run *run)
{
    return ss_closed_form_exists(run->activation) ? 0 : has_unit_rows(run) ? 1 : (double)run->d;
}

double ss_population_moments_ns(const ss_run *run)
{
    static const double closed_form = 35; /* ns an entry */
    static const double sum = 200;        /* of a series */
    static const double term = 5;         /* of one whose products are made on the spot */
    double d = (double)run->d;
    double entries = d * (d + 1) / 2;
    double series = expected_series(run);
    if (series == 0) {
        return entries * closed_form;
    }
    return series > 1 ? 2 * entries * sum + d * expected_terms(run) * term : entries * sum;
}

double ss_population_prepare_ns(const ss_run *run)
{
    static const double node = 0.5; /* ns for a node and term, all passes over them included */
    double terms = expected_terms(run);
    double nodes = 2 * (8 * sqrt(terms) + 60);
    return expected_series(run) * terms * nodes * node;
}

double ss_population_table_bytes(const ss_run *run)
{
    double series = expected_series(run);
    return series > 0 ? (series + 1) * TABLES * expected_terms(run) * sizeof(double) : 0;
}

/* The moments of rows i ≤ j; the radial one of the other order into *radial_of_second. */
static ss_closed_form by_closed_form(const ss_population *p, int64_t i, int64_t j, double z,
                                     double *radial_of_second)
{
    double r = positive(p->norms[i]);
    double s = positive(p->norms[j]);
    z = i == j ? r * s : z; /* where asin is steep, an ulp counts */
    ss_closed_form F = ss_closed_form_at(p->activation, z, r, s);
    *radial_of_second = r == s ? F.radial : ss_closed_form_at(p->activation, z, s, r).radial;
    return F;
}

static ss_closed_form by_series(const ss_population *p, int64_t i, int64_t j, double z,
                                double *radial_of_second)
{
    ss_hermite_series products = products_of(p);
    double rho = z / (positive(p->norms[i]) * positive(p->norms[j]));
    rho = i == j ? 1 : fmin(fmax(rho, -1), 1);
    int64_t terms = ss_hermite_enough(rho, p->terms);
    if (p->series == 1) {
        ss_closed_form F = ss_hermite_sum(products, terms, rho);
        *radial_of_second = F.radial;
        return F;
    }
    ss_hermite_multiply(series_at(p, i), series_at(p, j), terms, products);
    ss_closed_form F = ss_hermite_sum(products, terms, rho);
    *radial_of_second = F.radial;
    if (i != j) {
        ss_hermite_multiply(series_at(p, j), series_at(p, i), terms, products);
        *radial_of_second = ss_hermite_sum(products, terms, rho).radial;
    }
    return F;
}

void ss_population_moments(const ss_population *p, const double *Z, double *F, double *slope,
                           double *radial)
{
    int64_t d = p->rows;
    for (int64_t i = 0; i < d; i++) {
        for (int64_t j = i; j < d; j++) {
            int64_t here = i * d + j;
            int64_t mirrored = j * d + i;
            double of_second;
            ss_closed_form at = p->series == 0 ? by_closed_form(p, i, j, Z[here], &of_second)
                                               : by_series(p, i, j, Z[here], &of_second);
            F[here] = F[mirrored] = at.value;
            if (slope) {
                slope[here] = slope[mirrored] = at.slope;
                radial[mirrored] = of_second;
                radial[here] = at.radial;
            }
        }
    }
}

void ss_population_gradient(const double *A, int64_t d, int64_t k, const double *V, double *slope,
                            const double *radial, double *gradient)
{
    for (int64_t i = 0; i < d; i++) {
        double own = 0;
        for (int64_t entry = i * d; entry < (i + 1) * d; entry++) {
            slope[entry] *= 2 * V[entry];
            own += 2 * V[entry] * radial[entry];
        }
        slope[i * d + i] += own;
    }
    ss_matrix_product(slope, d, d, A, k, gradient);
}
