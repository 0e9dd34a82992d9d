#include "failures.h"

#include "../base/memory.h"
#include "../base/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The axes of a cell, then the seed. */
enum { SEED = SS_AXES, PARAMETERS, MOST_ROWS = 8 };

static const char *const names[PARAMETERS] = {
    [SS_AXIS_D] = "d",
    [SS_AXIS_K] = "k",
    [SS_AXIS_N] = "n",
    [SS_AXIS_M] = "m",
    [SS_AXIS_ACTIVATION] = "activation",
    [SS_AXIS_ROW_NORM] = "row norms",
    [SEED] = "seed",
};

/* One value of a parameter. */
typedef struct value {
    char text[SS_ACTIVATION_TEXT_SIZE];
    int64_t runs;
    int64_t failed;
    size_t place; /* in the order in which it was met */
} value;

typedef struct values {
    value *list;
    size_t count;
    size_t capacity;
    size_t latest; /* of the list: cells mostly have the value of the one before */
} values;

typedef struct survey {
    values of[PARAMETERS];
    int64_t runs;
    int64_t failed;
} survey;

static ss_error find(values *v, const char *text, value **found)
{
    for (size_t i = 0; i < v->count; i++) {
        size_t at = (v->latest + i) % v->count;
        if (strcmp(v->list[at].text, text) == 0) {
            v->latest = at;
            *found = &v->list[at];
            return SS_OK;
        }
    }
    SS_TRY(ss_grow(&v->list, &v->capacity, v->count + 1, sizeof *v->list));
    *found = &v->list[v->count];
    **found = (value){.place = v->count};
    snprintf((*found)->text, sizeof(*found)->text, "%s", text);
    v->latest = v->count++;
    return SS_OK;
}

static ss_error add(survey *s, int parameter, const char *text, int64_t runs, int64_t failed)
{
    value *found;
    SS_TRY(find(&s->of[parameter], text, &found));
    found->runs += runs;
    found->failed += failed;
    return SS_OK;
}

static ss_error add_cell(survey *s, const ss_run *run, int64_t runs, int64_t failed)
{
    const int64_t numbers[] = {
        [SS_AXIS_D] = run->d,
        [SS_AXIS_K] = run->k,
        [SS_AXIS_N] = run->n,
        [SS_AXIS_M] = run->m,
    };
    char text[SS_ACTIVATION_TEXT_SIZE];
    for (int axis = 0; axis < SS_AXIS_ACTIVATION; axis++) { /* d and k are never 0 */
        SS_TRY(add(s, axis, ss_samples_text(numbers[axis], text), runs, failed));
    }
    SS_TRY(add(s, SS_AXIS_ROW_NORM, ss_train_row_norm_name(run->train_row_norm), runs, failed));
    return add(s, SS_AXIS_ACTIVATION, ss_activation_format(run->activation, text), runs, failed);
}

/* All seeds of the plan, in its order: their places are seed indices. */
static ss_error add_seeds(survey *s, const ss_plan *plan)
{
    values *v = &s->of[SEED];
    SS_TRY(ss_grow(&v->list, &v->capacity, (size_t)plan->seeds, sizeof *v->list));
    for (int64_t i = 0; i < plan->seeds; i++) {
        value *at = &v->list[v->count];
        *at = (value){.place = v->count++};
        snprintf(at->text, sizeof at->text, "%" PRId64, ss_plan_run(plan, 0, i).seed);
    }
    return SS_OK;
}

/* All runs of the grid count; where seeds are added, those that there are. */
static ss_error survey_cell(const ss_store *store, const ss_plan *plan, int64_t cell,
                            ss_record *records, survey *s)
{
    int64_t runs = 0;
    int64_t failed = 0;
    bool all = !(plan->spec->until_se > 0);
    ss_run run = ss_plan_run(plan, cell, 0);
    SS_TRY(ss_store_read_records(store, cell, 0, plan->seeds, records));
    for (int64_t i = 0; i < plan->seeds; i++) {
        value *seed = &s->of[SEED].list[i];
        bool committed = ss_record_committed(&records[i]);
        bool bad = committed && records[i].status != SS_RUN_DONE;
        seed->runs += all || committed;
        seed->failed += bad;
        runs += all || committed;
        failed += bad;
    }
    s->runs += runs;
    s->failed += failed;
    return add_cell(s, &run, runs, failed);
}

static ss_error survey_all(const ss_store *store, const ss_plan *plan, survey *s)
{
    ss_record *records = NULL;
    SS_TRY(add_seeds(s, plan));
    SS_TRY(ss_allocate((size_t)plan->seeds, sizeof *records, &records));
    ss_error error = SS_OK;
    for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
        error = survey_cell(store, plan, cell, records, s);
    }
    free(records);
    return error;
}

static double share_failed(const value *at)
{
    return at->runs > 0 ? (double)at->failed / (double)at->runs : 0;
}

/* By descending share of failed runs, then as they were met. */
static int compare(const void *a, const void *b)
{
    const value *first = a;
    const value *second = b;
    double shares[] = {share_failed(first), share_failed(second)};
    if (shares[0] != shares[1]) {
        return shares[0] < shares[1] ? 1 : -1;
    }
    return (first->place > second->place) - (first->place < second->place);
}

static void add_rows(ss_table *table, const char *name, values *v, int64_t failed)
{
    size_t shown = 0;
    qsort(v->list, v->count, sizeof *v->list, compare);
    for (; shown < v->count && shown < MOST_ROWS && v->list[shown].failed > 0; shown++) {
        const value *at = &v->list[shown];
        ss_table_add(table, "%s", shown == 0 ? name : "");
        ss_table_add(table, "%s", at->text);
        ss_table_add(table, "%" PRId64 " of %" PRId64, at->failed, at->runs);
        if (at->failed == failed) {
            ss_table_add(table, "all of them");
        } else {
            ss_table_add(table, "%.0f %% of them", 100 * (double)at->failed / (double)failed);
        }
    }
    int64_t more = 0;
    for (size_t i = shown; i < v->count && v->list[i].failed > 0; i++) {
        more++;
    }
    if (more > 0) {
        ss_table_add(table, "%s", "");
        ss_table_add(table, "%" PRId64 " more", more);
        ss_table_add(table, "%s", "");
        ss_table_add(table, "...");
    }
}

/* Tied axes say the same again. */
static ss_error print(survey *s, const ss_plan *plan)
{
    ss_table table = {
        .columns = 4,
        .headings = {"<parameter", "<value", "such runs", "<that is"},
    };
    for (int parameter = 0; parameter < PARAMETERS; parameter++) {
        bool tied = parameter < SS_AXES && plan->spec->axes[parameter].tied;
        if (s->of[parameter].count > 1 && !tied) {
            add_rows(&table, names[parameter], &s->of[parameter], s->failed);
        }
    }
    printf("in the grid they are:\n");
    return ss_table_print(&table, "  ");
}

ss_error ss_failures_print(const ss_store *store, const ss_plan *plan, const ss_tally *tally)
{
    survey s = {0};
    if (ss_tally_failures(tally) == 0) {
        return SS_OK;
    }
    ss_error error = survey_all(store, plan, &s);
    if (error == SS_OK && s.failed > 0) {
        printf("%" PRId64 "%s diverged or failed:\n", s.failed, s.failed == 1 ? " run" : " runs");
        ss_tally_print_reasons(tally);
        if (s.failed < s.runs) {
            error = print(&s, plan);
        } else {
            printf("these are all runs of the sweep\n");
        }
    }
    for (int parameter = 0; parameter < PARAMETERS; parameter++) {
        free(s.of[parameter].list);
    }
    return error;
}
