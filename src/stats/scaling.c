#include "saddlesweep/scaling.h"

#include "../base/memory.h"
#include "regression.h"

#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const statistic_names[] = {
#define STATISTIC_NAME(code, name) [code] = name,
    SS_SCALING_STATISTICS(STATISTIC_NAME)
#undef STATISTIC_NAME
};

const char *ss_scaling_statistic_name(ss_scaling_statistic statistic)
{
    return statistic_names[statistic];
}

/* Values that the family's relative variance counts for beside a cell's own. */
static const double prior_values = 4;

struct ss_scaling {
    ss_scaling_sample sample;
    double center_d; /* means over all cells: they keep the columns apart */
    double center_n;
    int64_t curves;
    int64_t *curve_start; /* [curves + 1] cells */
    uint32_t *ascending;  /* [cells][seeds] seeds of the cell's values, ascending ones first */
    int64_t *present;     /* [cells] values that there are */

    /* of the cells, as summarised */
    double *log_error; /* NaN: it is in no fit */
    double *spread;    /* relative variance of a single value */
    double *count;     /* values, each as often as it was taken */
    double *weight;    /* 1 / variance of log_error */

    double *values; /* [seeds] of the cell at hand, ascending, each as often as it is taken */
    ss_regression regression;
};

static int compare_values(const void *a, const void *b, void *values)
{
    uint32_t i = *(const uint32_t *)a;
    uint32_t j = *(const uint32_t *)b;
    double x = ((const double *)values)[i];
    double y = ((const double *)values)[j];
    return x != y ? (x > y) - (x < y) : (i > j) - (i < j);
}

static void sort_seeds(ss_scaling *s, int64_t cell)
{
    const double *values = s->sample.values + cell * s->sample.seeds;
    uint32_t *order = s->ascending + cell * s->sample.seeds;
    int64_t present = 0;
    for (int64_t seed = 0; seed < s->sample.seeds; seed++) {
        if (!isnan(values[seed])) {
            order[present++] = (uint32_t)seed;
        }
    }
    s->present[cell] = present;
    qsort_r(order, (size_t)present, sizeof *order, compare_values, (void *)values);
}

static void find_curves(ss_scaling *s)
{
    const ss_scaling_sample *sample = &s->sample;
    for (int64_t cell = 0; cell < sample->cells; cell++) {
        if (cell == 0 || sample->log_d[cell] != sample->log_d[cell - 1]) {
            s->curve_start[s->curves++] = cell;
        }
        s->center_d += sample->log_d[cell] / (double)sample->cells;
        s->center_n += sample->log_n[cell] / (double)sample->cells;
    }
    s->curve_start[s->curves] = sample->cells;
}

ss_error ss_scaling_create(const ss_scaling_sample *sample, ss_scaling **out)
{
    size_t cells = (size_t)sample->cells;
    ss_scaling *s;
    SS_TRY(ss_allocate(1, sizeof **out, out));
    s = *out;
    s->sample = *sample;
    SS_TRY(ss_allocate(cells + 1, sizeof *s->curve_start, &s->curve_start));
    SS_TRY(ss_allocate(cells * (size_t)sample->seeds, sizeof *s->ascending, &s->ascending));
    SS_TRY(ss_allocate(cells, sizeof *s->present, &s->present));
    SS_TRY(ss_allocate(cells, sizeof *s->log_error, &s->log_error));
    SS_TRY(ss_allocate(cells, sizeof *s->spread, &s->spread));
    SS_TRY(ss_allocate(cells, sizeof *s->count, &s->count));
    SS_TRY(ss_allocate(cells, sizeof *s->weight, &s->weight));
    SS_TRY(ss_allocate((size_t)sample->seeds, sizeof *s->values, &s->values));
    for (int64_t cell = 0; cell < sample->cells; cell++) {
        sort_seeds(s, cell);
    }
    find_curves(s);
    int64_t crossings = s->curves * SS_SCALING_LEVELS;
    return ss_regression_create(crossings > sample->cells ? crossings : sample->cells,
                                &s->regression);
}

void ss_scaling_destroy(ss_scaling **scaling)
{
    ss_scaling *s = *scaling;
    *scaling = NULL;
    if (!s) {
        return;
    }
    free(s->curve_start);
    free(s->ascending);
    free(s->present);
    free(s->log_error);
    free(s->spread);
    free(s->count);
    free(s->weight);
    free(s->values);
    ss_regression_destroy(&s->regression);
    free(s);
}

/* The cell's values into s->values, and how many. */
static size_t take_values(ss_scaling *s, int64_t cell, const uint32_t *times)
{
    const double *values = s->sample.values + cell * s->sample.seeds;
    const uint32_t *order = s->ascending + cell * s->sample.seeds;
    size_t count = 0;
    for (int64_t i = 0; i < s->present[cell]; i++) {
        for (uint32_t time = times ? times[order[i]] : 1; time > 0; time--) {
            s->values[count++] = values[order[i]];
        }
    }
    return count;
}

/* The statistic of `count` ascending values, and the relative variance that it would have if it
 * were of one. */
static double statistic_of(const double *values, size_t count, ss_scaling_statistic statistic,
                           double *spread)
{
    double center;
    double deviation;
    double efficiency = 1;
    if (statistic == SS_SCALING_MEAN) {
        center = gsl_stats_mean(values, 1, count);
        deviation = count > 1 ? gsl_stats_sd_m(values, 1, count, center) : 0;
    } else {
        static const double normal_quartiles = 1.3489795; /* between them, in deviations */
        double low = gsl_stats_quantile_from_sorted_data(values, 1, count, 0.25);
        double high = gsl_stats_quantile_from_sorted_data(values, 1, count, 0.75);
        center = gsl_stats_median_from_sorted_data(values, 1, count);
        deviation = (high - low) / normal_quartiles;
        efficiency = M_PI / 2;
    }
    *spread = efficiency * (deviation / center) * (deviation / center);
    return center;
}

/* The mean of the cells' spreads, by their degrees of freedom. */
static double common_spread(const ss_scaling *s)
{
    double sum = 0;
    double freedom = 0;
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        if (!isnan(s->log_error[cell])) {
            sum += (s->count[cell] - 1) * s->spread[cell];
            freedom += s->count[cell] - 1;
        }
    }
    return freedom > 0 ? sum / freedom : 0;
}

static void weigh(ss_scaling *s)
{
    double common = common_spread(s);
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        double own = s->count[cell] - 1;
        double spread = (own * s->spread[cell] + prior_values * common) / (own + prior_values);
        s->weight[cell] = common > 0 ? s->count[cell] / spread : s->count[cell];
    }
}

void ss_scaling_summarise(ss_scaling *s, ss_scaling_statistic statistic, const uint32_t *times)
{
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        size_t count = take_values(s, cell, times);
        double value = count > 0 ? statistic_of(s->values, count, statistic, &s->spread[cell]) : 0;
        s->count[cell] = (double)count;
        s->log_error[cell] = value > 0 ? log(value) : NAN;
    }
    weigh(s);
}

double ss_scaling_value(const ss_scaling *s, int64_t cell)
{
    return exp(s->log_error[cell]);
}

double ss_scaling_standard_error(const ss_scaling *s, int64_t cell)
{
    return s->count[cell] > 1 ? exp(s->log_error[cell]) * sqrt(s->spread[cell] / s->count[cell])
                              : NAN;
}

/* Coefficients of columns (1, log d, log n or log ε, further ones), in this order. */
static ss_scaling_trouble solve(ss_scaling *s, double *coefficients)
{
    size_t independent;
    if (ss_regression_solve(&s->regression, coefficients, &independent)) {
        return SS_SCALING_SOUND;
    }
    return s->regression.rows < s->regression.columns ? SS_SCALING_TOO_FEW : SS_SCALING_TIED;
}

static bool one_value(const ss_scaling *s, const double *values)
{
    double least = INFINITY;
    double most = -INFINITY;
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        if (!isnan(s->log_error[cell])) {
            least = fmin(least, values[cell]);
            most = fmax(most, values[cell]);
        }
    }
    return !(least < most);
}

ss_scaling_axes ss_scaling_axes_of(const ss_scaling *s)
{
    return (ss_scaling_axes){!one_value(s, s->sample.log_d), !one_value(s, s->sample.log_n)};
}

/* The columns of the linear model, before any further ones: how many. */
static size_t fill_row(ss_scaling_axes axes, double x, double y, double row[3])
{
    size_t columns = 0;
    row[columns++] = 1;
    if (axes.d) {
        row[columns++] = x;
    }
    if (axes.n) {
        row[columns++] = -y;
    }
    return columns;
}

static size_t columns_of(ss_scaling_axes axes)
{
    return 1 + (size_t)axes.d + (size_t)axes.n;
}

/* Adds the cells that have a value, with the columns of the linear model and these terms. */
static void add_cells(ss_scaling *s, ss_scaling_axes axes, const bool terms[SS_CURVATURE_TERMS])
{
    size_t columns = columns_of(axes);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        columns += terms[term];
    }
    ss_regression_start(&s->regression, columns);
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        double x = s->sample.log_d[cell] - s->center_d;
        double y = s->sample.log_n[cell] - s->center_n;
        double products[SS_CURVATURE_TERMS] = {x * x, y * y, x * y};
        double row[SS_REGRESSION_COLUMNS];
        size_t filled = fill_row(axes, x, y, row);
        for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
            if (terms[term]) {
                row[filled++] = products[term];
            }
        }
        if (!isnan(s->log_error[cell])) {
            ss_regression_add(&s->regression, row, s->log_error[cell], s->weight[cell]);
        }
    }
}

ss_scaling_trouble ss_scaling_fit_cells(ss_scaling *s, ss_scaling_axes axes, ss_law *law,
                                        double *r_squared)
{
    static const bool none[SS_CURVATURE_TERMS] = {false};
    double b[SS_REGRESSION_COLUMNS];
    add_cells(s, axes, none);
    ss_scaling_trouble trouble = axes.d || axes.n         ? solve(s, b)
                                 : s->regression.rows > 0 ? SS_SCALING_ONE_PLACE
                                                          : SS_SCALING_TOO_FEW;
    if (trouble != SS_SCALING_SOUND) {
        return trouble;
    }
    *law = (ss_law){.c = b[0], .alpha = NAN, .beta = NAN};
    if (axes.d) {
        law->alpha = b[1];
        law->c -= b[1] * s->center_d;
    }
    if (axes.n) {
        law->beta = b[1 + axes.d];
        law->c += law->beta * s->center_n;
    }
    *r_squared = s->regression.r_squared;
    return SS_SCALING_SOUND;
}

/* Those of the wanted terms that are independent of all before them. */
static void choose_terms(ss_scaling *s, ss_scaling_axes axes, const bool wanted[SS_CURVATURE_TERMS],
                         bool chosen[SS_CURVATURE_TERMS])
{
    double b[SS_REGRESSION_COLUMNS];
    memset(chosen, 0, SS_CURVATURE_TERMS * sizeof *chosen);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        chosen[term] = wanted[term];
        add_cells(s, axes, chosen);
        chosen[term] = wanted[term] && solve(s, b) == SS_SCALING_SOUND;
    }
}

void ss_scaling_fit_curvature(ss_scaling *s, ss_scaling_axes axes,
                              const bool wanted[SS_CURVATURE_TERMS],
                              double terms[SS_CURVATURE_TERMS])
{
    bool chosen[SS_CURVATURE_TERMS];
    double b[SS_REGRESSION_COLUMNS];
    memcpy(chosen, wanted, sizeof chosen);
    add_cells(s, axes, chosen);
    bool solved = solve(s, b) == SS_SCALING_SOUND;
    if (!solved) {
        choose_terms(s, axes, wanted, chosen);
        add_cells(s, axes, chosen);
        solved = solve(s, b) == SS_SCALING_SOUND;
    }
    const double *next = b + columns_of(axes);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        terms[term] = solved && chosen[term] ? *next++ : NAN;
    }
}

void ss_scaling_levels(const ss_scaling *s, double log_levels[SS_SCALING_LEVELS])
{
    double least = INFINITY;
    double most = -INFINITY;
    for (int64_t cell = 0; cell < s->sample.cells; cell++) {
        least = fmin(least, s->log_error[cell]); /* passes over NaN */
        most = fmax(most, s->log_error[cell]);
    }
    for (int level = 0; level < SS_SCALING_LEVELS; level++) {
        double part = (level + 0.5) / SS_SCALING_LEVELS;
        log_levels[level] = least <= most ? least + part * (most - least) : NAN;
    }
}

int64_t ss_scaling_curves(const ss_scaling *s)
{
    return s->curves;
}

int64_t ss_scaling_curve_start(const ss_scaling *s, int64_t curve)
{
    return s->curve_start[curve];
}

/* Between a cell above the level and the next one that has a value, at or below it. */
static ss_crossing interpolate(const ss_scaling *s, int64_t above, int64_t after, double log_level)
{
    double error = s->log_error[above];
    double part = (error - log_level) / (error - s->log_error[after]);
    double log_n = s->sample.log_n[above];
    double variance = (1 - part) * (1 - part) / s->weight[above] + part * part / s->weight[after];
    return (ss_crossing){
        .kind = SS_CROSSING_FOUND,
        .log_n = log_n + part * (s->sample.log_n[after] - log_n),
        .weight = 1 / variance,
    };
}

ss_crossing ss_scaling_cross(const ss_scaling *s, int64_t curve, double log_level)
{
    int64_t after = -1;
    for (int64_t cell = s->curve_start[curve + 1] - 1; cell >= s->curve_start[curve]; cell--) {
        if (s->log_error[cell] > log_level) { /* not if it is NaN */
            return after < 0 ? (ss_crossing){.kind = SS_CROSSING_NOT_REACHED}
                             : interpolate(s, cell, after, log_level);
        }
        after = isnan(s->log_error[cell]) ? after : cell;
    }
    return (ss_crossing){.kind = SS_CROSSING_BELOW};
}

ss_scaling_trouble ss_scaling_fit_crossings(ss_scaling *s, ss_scaling_axes axes,
                                            const double log_levels[SS_SCALING_LEVELS], ss_law *law,
                                            double *r_squared)
{
    double b[SS_REGRESSION_COLUMNS];
    ss_scaling_axes columns = {axes.d, true};
    double center = (log_levels[0] + log_levels[SS_SCALING_LEVELS - 1]) / 2;
    ss_regression_start(&s->regression, columns_of(columns));
    for (int64_t curve = 0; curve < s->curves; curve++) {
        double log_d = s->sample.log_d[s->curve_start[curve]] - s->center_d;
        for (int level = 0; level < SS_SCALING_LEVELS; level++) {
            double row[SS_REGRESSION_COLUMNS];
            ss_crossing crossing = ss_scaling_cross(s, curve, log_levels[level]);
            fill_row(columns, log_d, log_levels[level] - center, row);
            if (crossing.kind == SS_CROSSING_FOUND) {
                ss_regression_add(&s->regression, row, crossing.log_n, crossing.weight);
            }
        }
    }
    ss_scaling_trouble trouble = solve(s, b);
    if (trouble != SS_SCALING_SOUND) {
        return trouble;
    }
    double slope = b[1 + axes.d]; /* that of log n in -log ε */
    double log_c = b[0] - (axes.d ? b[1] * s->center_d : 0) + slope * center;
    *law = (ss_law){.c = log_c / slope, .alpha = axes.d ? b[1] / slope : NAN, .beta = 1 / slope};
    *r_squared = s->regression.r_squared;
    return SS_SCALING_SOUND;
}
