#include "../base/table.h"
#include "report.h"
#include "verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *ss_fit_quantity_name(ss_quantity quantity)
{
    return quantity == SS_QUANTITY_ERROR ? "absolute" : "relative";
}

const char *ss_fit_choice_name(ss_choice choice)
{
    return choice == SS_CHOICE_WITH ? "with" : "without";
}

void ss_fit_print_head(const ss_fit_source *source)
{
    const ss_counts *total = &source->total;
    printf("%s (%" PRId64 " bytes, xxh128 %s)\n", source->path, source->digest.bytes,
           source->digest.xxh128);
    printf("%s: %" PRId64 " runs: %" PRId64 " done, %" PRId64 " diverged, %" PRId64
           " failed, %" PRId64 " pending%s\n",
           source->label, total->requested, total->done, total->diverged, total->failed,
           total->pending, total->pending > 0 ? ": this is what there is of them so far" : "");
    if (source->plan->seeds == 1) {
        printf("intervals: none, as there is one seed\n");
        return;
    }
    printf("intervals: %g %%, %" PRId64 " resamples of the %" PRId64 " seeds, of root seed %" PRIu64
           "\n",
           100 * ss_fit_level, source->resamples, source->plan->seeds,
           source->plan->spec->root_seed);
}

static void add_interval(ss_table *table, const ss_interval *interval)
{
    char text[SS_INTERVAL_TEXT_SIZE];
    ss_table_add(table, "%s", ss_interval_format(interval, text));
}

static void add_fit(ss_table *table, const ss_fit *fit)
{
    bool crossings = fit->method == SS_METHOD_CROSSINGS;
    ss_table_add(table, "%s", ss_fit_method_name(fit->method));
    ss_table_add(table, "%s", ss_fit_quantity_name(fit->quantity));
    ss_table_add(table, "%s", ss_scaling_statistic_name(fit->statistic));
    ss_table_add(table, "%s", ss_fit_choice_name(fit->choice));
    ss_table_add(table, "%" PRId64, crossings ? fit->found : fit->cells);
    ss_table_add(table, "%" PRId64, fit->runs);
    if (fit->trouble != SS_SCALING_SOUND) {
        for (int column = 0; column < 6; column++) {
            ss_table_add(table, "-");
        }
        return;
    }
    add_interval(table, &fit->b);
    add_interval(table, &fit->a);
    add_interval(table, &fit->log_c);
    add_interval(table, &fit->beta);
    add_interval(table, &fit->alpha);
    ss_table_add(table, "%.4f", fit->r_squared);
}

/* Of one n there is nothing to cross. */
static bool can_be_made(const ss_fit *fit)
{
    return fit->method != SS_METHOD_CROSSINGS || fit->axes.n;
}

static ss_error print_fits(const ss_analysis *analysis)
{
    ss_table table = {
        .columns = 12,
        .headings = {"<method", "<error", "<of cells", "<trapped", "points", "runs", "<b", "<a",
                     "<log C", "<beta", "<alpha", "R^2"},
    };
    for (int64_t i = 0; i < analysis->count; i++) {
        if (can_be_made(&analysis->fits[i])) {
            add_fit(&table, &analysis->fits[i]);
        }
    }
    return ss_table_print(&table, "  ");
}

/* Levels that no curve reaches are not extrapolated to, but counted. */
static void print_censored(const ss_analysis *analysis)
{
    for (int64_t i = 0; i < analysis->count; i++) {
        const ss_fit *fit = &analysis->fits[i];
        if (fit->method == SS_METHOD_CROSSINGS && can_be_made(fit)) {
            printf("  crossings: %d levels of the mean absolute error; of %" PRId64
                   " crossings %" PRId64 " lie beyond the largest samples, %" PRId64
                   " before the smallest\n",
                   SS_SCALING_LEVELS, fit->found + fit->not_reached + fit->below, fit->not_reached,
                   fit->below);
            return; /* the primary one's */
        }
    }
}

static void add_cell(ss_table *table, const ss_fit_source *source, const ss_analysis *analysis,
                     int64_t i)
{
    const ss_observation *o = analysis->observation;
    const ss_counts *counts = &o->counts[i];
    const ss_fit_cell *cell = &analysis->cells[i];
    ss_run run = ss_plan_run(source->plan, o->family->cell[i], 0);
    char text[SS_SAMPLES_TEXT_SIZE];
    int64_t sizes[] = {ss_plan_cell_number(source->plan, o->family->cell[i]), run.d, run.k};
    int64_t numbers[] = {counts->requested, ss_counts_committed(counts), counts->diverged,
                         counts->failed, counts->trapped};
    double values[] = {cell->mean[SS_QUANTITY_ERROR], cell->standard_error[SS_QUANTITY_ERROR],
                       cell->mean[SS_QUANTITY_RELATIVE_ERROR], cell->residual};
    for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
        ss_table_add(table, "%" PRId64, sizes[n]);
    }
    ss_table_add(table, "%s", ss_samples_text(run.n, text));
    ss_table_add(table, "%s", ss_samples_text(run.m, text));
    for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
        ss_table_add(table, "%" PRId64, numbers[n]);
    }
    for (int v = 0; v < 4; v++) {
        ss_table_add(table, isnan(values[v]) ? "-" : v < 3 ? "%.4g" : "%+.3f", values[v]);
    }
    ss_table_add(table, "%s%s", counts->done < SS_FEW_RUNS ? "!" : "",
                 counts->done < counts->requested ? "?" : "");
}

static void print_legend(const ss_observation *observation)
{
    bool few = false;
    bool missing = false;
    for (int64_t i = 0; i < observation->family->cells; i++) {
        few = few || observation->counts[i].done < SS_FEW_RUNS;
        missing = missing || observation->counts[i].done < observation->counts[i].requested;
    }
    if (few || missing) {
        printf("  %s%s%s\n", few ? "!: fewer than 5 runs are done" : "", few && missing ? "; " : "",
               missing ? "?: fewer than requested" : "");
    }
}

static ss_error print_cells(const ss_fit_source *source, const ss_analysis *analysis)
{
    ss_table table = {
        .columns = 15,
        .headings = {"cell", "d", "k", "n", "m", "requested", "committed", "diverged", "failed",
                     "trapped", "mean error", "std.err", "relative", "residual", "<"},
    };
    for (int64_t i = 0; i < analysis->observation->family->cells; i++) {
        add_cell(&table, source, analysis, i);
    }
    SS_TRY(ss_table_print(&table, "  "));
    print_legend(analysis->observation);
    return SS_OK;
}

static ss_error print_verdict(const ss_analysis *analysis)
{
    ss_text verdict = {0};
    ss_verdict(analysis, &verdict);
    if (verdict.failed) {
        free(verdict.data);
        return ss_fail(SS_ERR_MEMORY, "no memory for the verdict");
    }
    int length;
    const char *line;
    const char *rest = verdict.data;
    while ((line = ss_text_line(&rest, &length))) {
        printf("  %.*s\n", length, line);
    }
    free(verdict.data);
    return SS_OK;
}

ss_error ss_fit_print_family(const ss_fit_source *source, ss_analysis *analysis)
{
    const ss_family *family = analysis->observation->family;
    ss_bound bound = ss_bound_of(family);
    const char *letter = ss_family_letter(source->against);
    char why[SS_TROUBLE_TEXT_SIZE];
    printf("\n%s: %" PRId64 " cells\n", family->label, family->cells);
    if (analysis->fits[0].trouble != SS_SCALING_SOUND) {
        printf("  not fitted: %s\n", ss_trouble_text(analysis, why));
        return SS_OK;
    }
    if (!analysis->fits[0].axes.n) {
        printf("  log eps = c + alpha log d\n");
    } else if (!analysis->fits[0].axes.d) {
        printf(
            "  log eps = c - beta log %s; %s(eps) = C eps^-b, which Theorem 4 bounds by b = %d\n",
            letter, letter, bound.b);
    } else {
        printf("  log eps = c + alpha log d - beta log %s; %s(d, eps) = C d^a eps^-b, which "
               "Theorem 4 bounds by a = %d, b = %d\n",
               letter, letter, bound.a, bound.b);
    }
    SS_TRY(print_verdict(analysis));
    printf("\n");
    SS_TRY(print_fits(analysis));
    print_censored(analysis);
    printf("\n");
    return print_cells(source, analysis);
}
