#include "analysis.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <math.h>
#include <stdlib.h>

static const char *const method_names[] = {
#define METHOD_NAME(code, name) [code] = name,
    SS_FIT_METHODS(METHOD_NAME)
#undef METHOD_NAME
};

const char *ss_fit_method_name(ss_fit_method method)
{
    return method_names[method];
}

enum { COEFFICIENTS = 3 }; /* of a law: c, α, β */

/* The values of all estimates in all resamples. */
typedef struct resampling {
    ss_analysis *analysis;
    int64_t resamples;
    int64_t estimates;
    int64_t runs_a_cell; /* mean, for the width of intervals */
    double *values;      /* [estimates][resamples]: COEFFICIENTS of each fit, then the curvature */
    double *derived;     /* [resamples] */
    uint32_t *times;     /* [seeds] */
    bool terms[SS_CURVATURE_TERMS];
} resampling;

static ss_scaling *scaling_of(const ss_analysis *a, const ss_fit *fit)
{
    return a->scaling[fit->quantity][fit->choice];
}

/* Without trapped runs there is nothing to leave out. */
static int choices_of(const ss_analysis *a)
{
    return a->observation->total.trapped > 0 ? SS_CHOICES : 1;
}

/* The methods over the same errors lie one after the other, so that the cells are summarised once
 * for both. */
static void list_fits(ss_analysis *a)
{
    int choices = choices_of(a);
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int statistic = 0; statistic < SS_SCALING_STATISTIC_COUNT; statistic++) {
            for (int choice = 0; choice < choices; choice++) {
                for (int method = 0; method < SS_FIT_METHOD_COUNT; method++) {
                    a->fits[a->count++] = (ss_fit){
                        .method = (ss_fit_method)method,
                        .quantity = (ss_quantity)quantity,
                        .statistic = (ss_scaling_statistic)statistic,
                        .choice = (ss_choice)choice,
                    };
                }
            }
        }
    }
}

static ss_error create_scalings(ss_analysis *a)
{
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int choice = 0; choice < choices_of(a); choice++) {
            ss_scaling_sample sample =
                ss_observation_sample(a->observation, (ss_quantity)quantity, (ss_choice)choice);
            SS_TRY(ss_scaling_create(&sample, &a->scaling[quantity][choice]));
        }
    }
    return SS_OK;
}

static ss_scaling_trouble apply(const ss_analysis *a, const ss_fit *fit, ss_law *law,
                                double *r_squared)
{
    ss_scaling *scaling = scaling_of(a, fit);
    return fit->method == SS_METHOD_CELLS
               ? ss_scaling_fit_cells(scaling, fit->axes, law, r_squared)
               : ss_scaling_fit_crossings(scaling, fit->axes, fit->log_levels, law, r_squared);
}

static void count_crossings(const ss_analysis *a, ss_fit *fit)
{
    const ss_scaling *scaling = scaling_of(a, fit);
    for (int64_t curve = 0; curve < ss_scaling_curves(scaling); curve++) {
        for (int level = 0; level < SS_SCALING_LEVELS; level++) {
            ss_crossing_kind kind = ss_scaling_cross(scaling, curve, fit->log_levels[level]).kind;
            fit->found += kind == SS_CROSSING_FOUND;
            fit->not_reached += kind == SS_CROSSING_NOT_REACHED;
            fit->below += kind == SS_CROSSING_BELOW;
        }
    }
}

static void count_cells(const ss_analysis *a, ss_fit *fit)
{
    const ss_counts *counts = a->observation->counts;
    for (int64_t i = 0; i < a->observation->family->cells; i++) {
        bool has_value = !isnan(ss_scaling_value(scaling_of(a, fit), i));
        int64_t left_out = fit->choice == SS_CHOICE_WITHOUT ? counts[i].trapped : 0;
        fit->cells += has_value;
        fit->runs += has_value ? counts[i].done - left_out : 0;
    }
}

/* The estimate itself, from every run once. The cells have been summarised. */
static void estimate(ss_analysis *a, ss_fit *fit)
{
    ss_law law = {0};
    fit->axes = ss_scaling_axes_of(scaling_of(a, fit));
    if (fit->method == SS_METHOD_CROSSINGS) {
        ss_scaling_levels(scaling_of(a, fit), fit->log_levels);
        count_crossings(a, fit);
    }
    fit->trouble = apply(a, fit, &law, &fit->r_squared);
    fit->c.value = law.c;
    fit->alpha.value = law.alpha;
    fit->beta.value = law.beta;
    count_cells(a, fit);
}

/* The curvature's terms are those that the cells tell apart. */
static void estimate_curvature(ss_analysis *a, bool terms[SS_CURVATURE_TERMS])
{
    static const bool all[SS_CURVATURE_TERMS] = {true, true, true};
    double values[SS_CURVATURE_TERMS];
    ss_scaling_fit_curvature(scaling_of(a, &a->fits[0]), a->fits[0].axes, all, values);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        terms[term] = !isnan(values[term]);
        a->curvature[term] = (ss_interval){values[term], NAN, NAN};
    }
}

/* After the primary fit, of the same summary. */
static void describe_cells(ss_analysis *a)
{
    const ss_observation *o = a->observation;
    const ss_fit *primary = &a->fits[0];
    bool sound = primary->trouble == SS_SCALING_SOUND;
    ss_law law = {sound ? primary->c.value : NAN, primary->alpha.value, primary->beta.value};
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        ss_scaling *scaling = a->scaling[quantity][SS_CHOICE_WITH];
        ss_scaling_summarise(scaling, SS_SCALING_MEDIAN, NULL);
        for (int64_t i = 0; i < o->family->cells; i++) {
            a->cells[i].median[quantity] = ss_scaling_value(scaling, i);
        }
        ss_scaling_summarise(scaling, SS_SCALING_MEAN, NULL);
        for (int64_t i = 0; i < o->family->cells; i++) {
            a->cells[i].mean[quantity] = ss_scaling_value(scaling, i);
            a->cells[i].standard_error[quantity] = ss_scaling_standard_error(scaling, i);
        }
    }
    for (int64_t i = 0; i < o->family->cells; i++) {
        ss_fit_cell *cell = &a->cells[i];
        cell->fitted = exp(ss_law_log_error(law, o->log_d[i], o->log_n[i]));
        cell->residual = log(cell->mean[SS_QUANTITY_ERROR] / cell->fitted);
    }
}

static void summarise_for(const ss_analysis *a, int64_t fit, const uint32_t *times)
{
    if (a->fits[fit].method == 0) { /* the first method over these errors */
        ss_scaling_summarise(scaling_of(a, &a->fits[fit]), a->fits[fit].statistic, times);
    }
}

static void estimate_all(ss_analysis *a, bool terms[SS_CURVATURE_TERMS])
{
    for (int64_t fit = 0; fit < a->count; fit++) {
        summarise_for(a, fit, NULL);
        estimate(a, &a->fits[fit]);
        if (fit == 0) {
            estimate_curvature(a, terms);
        }
    }
}

static double *values_of(const resampling *r, int64_t estimate)
{
    return r->values + estimate * r->resamples;
}

static void take_resample(resampling *r, int64_t resample)
{
    ss_analysis *a = r->analysis;
    for (int64_t fit = 0; fit < a->count; fit++) {
        ss_law law = {NAN, NAN, NAN};
        double r_squared;
        summarise_for(a, fit, r->times);
        if (a->fits[fit].trouble == SS_SCALING_SOUND) {
            apply(a, &a->fits[fit], &law, &r_squared); /* in trouble, it leaves NaN */
        }
        double *values = values_of(r, COEFFICIENTS * fit) + resample;
        values[0] = law.c;
        values[r->resamples] = law.alpha;
        values[2 * r->resamples] = law.beta;
        if (fit == 0) {
            double terms[SS_CURVATURE_TERMS];
            ss_scaling_fit_curvature(scaling_of(a, &a->fits[0]), a->fits[0].axes, r->terms, terms);
            for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
                values_of(r, COEFFICIENTS * a->count + term)[resample] = terms[term];
            }
        }
    }
}

/* Every rank takes its share; rank 0 gets all (sums of one value and zeros). */
static void take_resamples(MPI_Comm comm, uint64_t root_seed, resampling *r)
{
    int rank;
    int ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int64_t seeds = r->analysis->observation->drawn;
    for (int64_t resample = rank; resample < r->resamples; resample += ranks) {
        ss_bootstrap_draw(root_seed, resample, seeds, r->times);
        take_resample(r, resample);
    }
    for (int64_t estimate = 0; estimate < r->estimates; estimate++) {
        double *values = values_of(r, estimate);
        MPI_Reduce(rank == 0 ? MPI_IN_PLACE : values, values, (int)r->resamples, MPI_DOUBLE,
                   MPI_SUM, 0, comm);
    }
}

/* n(d, ε)'s parameter from one of a law's: none, if more samples hardly help. */
static double over_beta(double numerator, double beta)
{
    return beta >= ss_fit_least_beta ? numerator / beta : NAN;
}

/* In a resample: beyond all bounds then. */
static double over_resampled_beta(double numerator, double beta)
{
    return beta > 0 || isnan(beta) ? numerator / beta : copysign(INFINITY, numerator);
}

static ss_interval interval_of(const resampling *r, double value, double *values)
{
    return isnan(value) ? (ss_interval){NAN, NAN, NAN}
                        : ss_bootstrap_interval(value, values, (size_t)r->resamples, r->runs_a_cell,
                                                ss_fit_level);
}

/* The interval of numerator / β. */
static ss_interval derive(const resampling *r, double value, const double *numerators,
                          const double *betas)
{
    for (int64_t i = 0; i < r->resamples; i++) {
        r->derived[i] = over_resampled_beta(numerators ? numerators[i] : 1, betas[i]);
    }
    return interval_of(r, value, r->derived);
}

/* Sorts the values, so those that are derived from them come first. */
static void conclude_fit(const resampling *r, int64_t number)
{
    ss_fit *fit = &r->analysis->fits[number];
    double *c = values_of(r, COEFFICIENTS * number);
    double *alpha = c + r->resamples;
    double *beta = alpha + r->resamples;
    for (int64_t i = 0; i < r->resamples; i++) {
        fit->resamples_without_fit += isnan(c[i]);
    }
    double slope = fit->beta.value;
    fit->a = derive(r, over_beta(fit->alpha.value, slope), alpha, beta);
    fit->b = derive(r, over_beta(1, slope), NULL, beta);
    fit->log_c = derive(r, over_beta(fit->c.value, slope), c, beta);
    fit->c = interval_of(r, fit->c.value, c);
    fit->alpha = interval_of(r, fit->alpha.value, alpha);
    fit->beta = interval_of(r, fit->beta.value, beta);
}

static void conclude(const resampling *r)
{
    ss_analysis *a = r->analysis;
    for (int64_t fit = 0; fit < a->count; fit++) {
        if (a->fits[fit].trouble == SS_SCALING_SOUND) {
            conclude_fit(r, fit);
        }
    }
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        if (r->terms[term]) {
            a->curvature[term] = interval_of(r, a->curvature[term].value,
                                             values_of(r, COEFFICIENTS * a->count + term));
        }
    }
}

static ss_error resample(MPI_Comm comm, uint64_t root_seed, resampling *r)
{
    const ss_fit *primary = &r->analysis->fits[0];
    r->runs_a_cell = primary->runs / primary->cells;
    r->estimates = COEFFICIENTS * r->analysis->count + SS_CURVATURE_TERMS;
    ss_error error =
        ss_allocate((size_t)(r->estimates * r->resamples), sizeof *r->values, &r->values);
    if (error == SS_OK) {
        error = ss_allocate((size_t)r->resamples, sizeof *r->derived, &r->derived);
    }
    if (error == SS_OK) {
        error = ss_allocate((size_t)r->analysis->observation->seeds, sizeof *r->times, &r->times);
    }
    error = ss_sched_agree(comm, error);
    if (error == SS_OK) {
        take_resamples(comm, root_seed, r);
        conclude(r); /* of use on rank 0 */
    }
    free(r->values);
    free(r->derived);
    free(r->times);
    return error;
}

ss_error ss_analysis_of(MPI_Comm comm, const ss_observation *observation, uint64_t root_seed,
                        int64_t resamples, ss_analysis *out)
{
    resampling r = {.analysis = out, .resamples = resamples};
    *out = (ss_analysis){.observation = observation};
    list_fits(out);
    ss_error error = create_scalings(out);
    if (error == SS_OK) {
        error = ss_allocate((size_t)observation->family->cells, sizeof *out->cells, &out->cells);
    }
    SS_TRY(ss_sched_agree(comm, error));
    estimate_all(out, r.terms);
    describe_cells(out);
    return out->fits[0].trouble == SS_SCALING_SOUND ? resample(comm, root_seed, &r) : SS_OK;
}

void ss_analysis_release(ss_analysis *a)
{
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int choice = 0; choice < SS_CHOICES; choice++) {
            ss_scaling_destroy(&a->scaling[quantity][choice]);
        }
    }
    free(a->cells);
    *a = (ss_analysis){0};
}

void ss_analysis_crossings(ss_analysis *a, const ss_fit *fit, double *log_n)
{
    ss_scaling *scaling = scaling_of(a, fit);
    ss_scaling_summarise(scaling, fit->statistic, NULL);
    for (int64_t curve = 0; curve < ss_scaling_curves(scaling); curve++) {
        for (int level = 0; level < SS_SCALING_LEVELS; level++, log_n++) {
            ss_crossing crossing = ss_scaling_cross(scaling, curve, fit->log_levels[level]);
            *log_n = crossing.kind == SS_CROSSING_FOUND ? crossing.log_n : NAN;
        }
    }
}
