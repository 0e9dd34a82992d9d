#include "../base/memory.h"
#include "../base/sort.h"
#include "../base/version.h"
#include "report.h"
#include "verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* JSON has neither NaN nor infinity. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *integer(int64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *interval(const ss_interval *i)
{
    return isnan(i->value) ? json_null()
                           : json_pack("{s:o, s:o, s:o}", "value", number(i->value), "low",
                                       number(i->low), "high", number(i->high));
}

static json_t *count_members(const ss_counts *counts)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "requested", integer(counts->requested),
                     "committed", integer(ss_counts_committed(counts)), "done",
                     integer(counts->done), "diverged", integer(counts->diverged), "failed",
                     integer(counts->failed), "pending", integer(counts->pending), "trapped",
                     integer(counts->trapped));
}

json_t *ss_fit_json_head(const ss_fit_source *source)
{
    char root_seed[32];
    snprintf(root_seed, sizeof root_seed, "%" PRIu64, source->plan->spec->root_seed);
    return json_pack(
        "{s:s, s:i, s:{s:s, s:s}, s:{s:s, s:o, s:s}, s:s, s:o, s:b, s:{s:o, s:o, s:s}, s:s, s:[]}",
        "format", "saddlesweep fit", "format_version", 1, "program", "version", ss_version(),
        "git_commit", ss_version_commit(), "file", "path", source->path, "bytes",
        integer(source->digest.bytes), "xxh128", source->digest.xxh128, "sweep", source->label,
        "runs", count_members(&source->total), "partial", source->total.pending > 0, "intervals",
        "level", number(ss_fit_level), "resamples", integer(source->resamples), "root_seed",
        root_seed, "against", ss_family_letter(source->against), "families");
}

static json_t *levels_of(const ss_fit *fit)
{
    json_t *levels = json_array();
    for (int level = 0; level < SS_SCALING_LEVELS; level++) {
        json_array_append_new(levels, number(exp(fit->log_levels[level])));
    }
    return levels;
}

static json_t *crossings_of(ss_analysis *analysis, const ss_fit *fit)
{
    const ss_observation *o = analysis->observation;
    const ss_scaling *scaling = analysis->scaling[fit->quantity][fit->choice];
    int64_t curves = ss_scaling_curves(scaling);
    json_t *crossings = json_array();
    double *log_n;
    if (ss_allocate((size_t)(curves * SS_SCALING_LEVELS), sizeof *log_n, &log_n) != SS_OK) {
        json_decref(crossings);
        return NULL;
    }
    ss_analysis_crossings(analysis, fit, log_n);
    for (int64_t i = 0; i < curves * SS_SCALING_LEVELS; i++) {
        double log_d = o->log_d[ss_scaling_curve_start(scaling, i / SS_SCALING_LEVELS)];
        if (!isnan(log_n[i])) {
            json_array_append_new(
                crossings, json_pack("{s:o, s:o, s:o}", "d", integer(llround(exp(log_d))), "level",
                                     number(exp(fit->log_levels[i % SS_SCALING_LEVELS])), "n",
                                     number(exp(log_n[i]))));
        }
    }
    free(log_n);
    return crossings;
}

static json_t *fit_members(ss_analysis *analysis, const ss_fit *fit)
{
    json_t *members = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "method",
        ss_fit_method_name(fit->method), "error", ss_fit_quantity_name(fit->quantity), "statistic",
        ss_scaling_statistic_name(fit->statistic), "trapped", ss_fit_choice_name(fit->choice),
        "cells", integer(fit->cells), "runs", integer(fit->runs), "c", interval(&fit->c), "alpha",
        interval(&fit->alpha), "beta", interval(&fit->beta), "a", interval(&fit->a), "b",
        interval(&fit->b), "log_C", interval(&fit->log_c), "r_squared", number(fit->r_squared),
        "resamples_without_fit", integer(fit->resamples_without_fit));
    if (fit->method == SS_METHOD_CROSSINGS) {
        int failed = json_object_set_new(members, "levels", levels_of(fit));
        failed |= json_object_set_new(members, "crossings", crossings_of(analysis, fit));
        failed |= json_object_set_new(members, "not_reached", integer(fit->not_reached));
        failed |= json_object_set_new(members, "below_smallest_n", integer(fit->below));
        if (failed) {
            json_decref(members);
            return NULL;
        }
    }
    return members;
}

static json_t *error_members(const ss_fit_cell *cell, ss_quantity quantity)
{
    return json_pack("{s:o, s:o, s:o}", "mean", number(cell->mean[quantity]), "standard_error",
                     number(cell->standard_error[quantity]), "median",
                     number(cell->median[quantity]));
}

static json_t *marks_of(const ss_counts *counts)
{
    json_t *marks = json_array();
    if (counts->done < SS_FEW_RUNS) {
        json_array_append_new(marks, json_sprintf("fewer than %d runs", SS_FEW_RUNS));
    }
    if (counts->done < counts->requested) {
        json_array_append_new(marks, json_string("runs missing"));
    }
    return marks;
}

static json_t *cell_members(const ss_fit_source *source, const ss_analysis *analysis, int64_t i)
{
    const ss_observation *o = analysis->observation;
    const ss_fit_cell *cell = &analysis->cells[i];
    ss_run run = ss_plan_run(source->plan, o->family->cell[i], 0);
    json_t *members = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "cell",
                                integer(ss_plan_cell_number(source->plan, o->family->cell[i])), "d",
                                integer(run.d), "k", integer(run.k), "k0", integer(run.k0), "n",
                                integer(run.n), "m", integer(run.m));
    json_t *counts = count_members(&o->counts[i]);
    json_object_update(members, counts);
    json_decref(counts);
    json_object_set_new(members, "absolute", error_members(cell, SS_QUANTITY_ERROR));
    json_object_set_new(members, "relative", error_members(cell, SS_QUANTITY_RELATIVE_ERROR));
    json_object_set_new(members, "fitted", number(cell->fitted));
    json_object_set_new(members, "residual", number(cell->residual));
    json_object_set_new(members, "marks", marks_of(&o->counts[i]));
    return members;
}

/* The values of d, or of n, ascending, each once. */
static json_t *distinct(const ss_fit_source *source, const ss_analysis *analysis, bool of_d)
{
    const ss_family *family = analysis->observation->family;
    json_t *values = json_array();
    int64_t *sorted;
    if (ss_allocate((size_t)family->cells, sizeof *sorted, &sorted) != SS_OK) {
        json_decref(values);
        return NULL;
    }
    for (int64_t i = 0; i < family->cells; i++) {
        ss_run run = ss_plan_run(source->plan, family->cell[i], 0);
        sorted[i] = of_d ? run.d : ss_family_samples(source->against, &run);
    }
    ss_sort_integers(sorted, (size_t)family->cells);
    for (int64_t i = 0; i < family->cells; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            json_array_append_new(values, integer(sorted[i]));
        }
    }
    free(sorted);
    return values;
}

static json_t *verdict_of(const ss_analysis *analysis)
{
    int length;
    const char *line;
    int failed;
    json_t *sentences = json_array();
    ss_text verdict = {0};
    ss_verdict(analysis, &verdict);
    failed = verdict.failed;
    const char *rest = failed ? "" : verdict.data;
    while ((line = ss_text_line(&rest, &length))) {
        failed |= json_array_append_new(sentences, json_stringn(line, (size_t)length));
    }
    free(verdict.data);
    if (failed) {
        json_decref(sentences);
        return NULL;
    }
    return sentences;
}

static json_t *curvature_of(const ss_analysis *analysis)
{
    return json_pack("{s:o, s:o, s:o}", "log_d_squared", interval(&analysis->curvature[0]),
                     "log_n_squared", interval(&analysis->curvature[1]), "log_d_log_n",
                     interval(&analysis->curvature[2]));
}

json_t *ss_fit_json_family(const ss_fit_source *source, ss_analysis *analysis)
{
    const ss_family *family = analysis->observation->family;
    ss_bound bound = ss_bound_of(family);
    bool sound = analysis->fits[0].trouble == SS_SCALING_SOUND;
    char why[SS_TROUBLE_TEXT_SIZE];
    ss_trouble_text(analysis, why);
    int failed = 0;
    json_t *fits = json_array();
    for (int64_t i = 0; i < analysis->count && sound; i++) {
        if (analysis->fits[i].trouble == SS_SCALING_SOUND) {
            failed |= json_array_append_new(fits, fit_members(analysis, &analysis->fits[i]));
        }
    }
    json_t *cells = json_array();
    for (int64_t i = 0; i < family->cells; i++) {
        failed |= json_array_append_new(cells, cell_members(source, analysis, i));
    }
    if (failed) {
        json_decref(fits);
        json_decref(cells);
        return NULL;
    }
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:{s:i, s:i}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "label", family->label, "activation", family->activation, "k", family->k, "k0", family->k0,
        "other", family->other, "row_norm", ss_train_row_norm_name(family->row_norm), "bound", "a",
        bound.a, "b", bound.b, "d", distinct(source, analysis, true), "n",
        distinct(source, analysis, false), "reason", sound ? json_null() : json_string(why), "runs",
        count_members(&analysis->observation->total), "fits", fits, "curvature",
        sound ? curvature_of(analysis) : json_null(), "cells", cells, "verdict",
        sound ? verdict_of(analysis) : json_array());
}
