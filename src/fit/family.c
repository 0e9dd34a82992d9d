#include "family.h"

#include "../base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell: what tells its family from others (0 where the sweep ties the axis to d or n), then its
 * place in it. */
enum { KEY = 5, KEY_AND_PLACE = KEY + 3 };

typedef struct entry {
    double alpha;
    int64_t order[KEY_AND_PLACE]; /* activation kind, row norm, k, k0, other; d, n, cell */
} entry;

static ss_axis_id root_of(const ss_spec *spec, ss_axis_id axis)
{
    return spec->axes[axis].root;
}

/* The first of `leaders` that an axis with this root follows; SS_AXES: it is free. */
static ss_axis_id leader_of(const ss_spec *spec, ss_axis_id root, const ss_axis_id leaders[],
                            int count)
{
    for (int i = 0; i < count; i++) {
        if (root == root_of(spec, leaders[i])) {
            return leaders[i];
        }
    }
    return SS_AXES;
}

typedef struct rules {
    ss_axis_id against;
    ss_axis_id other;
    ss_axis_id k_leader;
    ss_axis_id k0_leader;
    ss_axis_id other_leader;
    bool compares_row_norms;
} rules;

static rules rules_of(const ss_spec *spec, ss_axis_id against)
{
    ss_axis_id other = against == SS_AXIS_N ? SS_AXIS_M : SS_AXIS_N;
    const ss_axis_id of_k[] = {SS_AXIS_D, against};
    const ss_axis_id of_k0[] = {SS_AXIS_K, SS_AXIS_D, against};
    const ss_axis_id of_other[] = {against, SS_AXIS_D};
    return (rules){
        .against = against,
        .other = other,
        .k_leader = leader_of(spec, root_of(spec, SS_AXIS_K), of_k, 2),
        .k0_leader = spec->latent_is_axis
                         ? leader_of(spec, root_of(spec, spec->latent_axis), of_k0, 3)
                         : SS_AXES,
        .other_leader = leader_of(spec, root_of(spec, other), of_other, 2),
        .compares_row_norms = ss_spec_compares_row_norms(spec),
    };
}

static entry entry_of(const ss_plan *plan, const rules *rules, int64_t cell)
{
    ss_run run = ss_plan_run(plan, cell, 0);
    return (entry){
        .alpha = run.activation.alpha,
        .order = {run.activation.kind, run.train_row_norm, rules->k_leader == SS_AXES ? run.k : 0,
                  rules->k0_leader == SS_AXES ? run.k0 : 0,
                  rules->other_leader == SS_AXES ? ss_family_samples(rules->other, &run) : 0, run.d,
                  ss_family_samples(rules->against, &run), cell},
    };
}

static int compare_first(const entry *a, const entry *b, int count)
{
    int order = (a->alpha > b->alpha) - (a->alpha < b->alpha);
    for (int i = 0; i < count && order == 0; i++) {
        order = (a->order[i] > b->order[i]) - (a->order[i] < b->order[i]);
    }
    return order;
}

static int compare_entries(const void *a, const void *b)
{
    return compare_first(a, b, KEY_AND_PLACE);
}

static int compare_families(const void *a, const void *b)
{
    int64_t first = ((const ss_family *)a)->first_cell;
    int64_t second = ((const ss_family *)b)->first_cell;
    return (first > second) - (first < second);
}

static const char *const axis_names[SS_AXES] = {
    [SS_AXIS_D] = "d", [SS_AXIS_K] = "k", [SS_AXIS_N] = "n", [SS_AXIS_M] = "m"};

/* "k = d", or "k = 2"; 0 stands for infinity. */
static void write_rule(char *rule, const char *name, ss_axis_id leader, int64_t value)
{
    if (leader != SS_AXES) {
        snprintf(rule, SS_FAMILY_RULE_SIZE, "%s = %s", name, axis_names[leader]);
    } else if (value == 0) {
        snprintf(rule, SS_FAMILY_RULE_SIZE, "%s = inf", name);
    } else {
        snprintf(rule, SS_FAMILY_RULE_SIZE, "%s = %" PRId64, name, value);
    }
}

static void describe(const rules *rules, const ss_run *run, ss_family *f)
{
    f->against = rules->against;
    f->theorem = rules->k_leader == SS_AXIS_D;
    f->row_norm = run->train_row_norm;
    ss_activation_format(run->activation, f->activation);
    write_rule(f->k, "k", rules->k_leader, run->k);
    write_rule(f->k0, "k0", rules->k0_leader, run->k0);
    write_rule(f->other, axis_names[rules->other], rules->other_leader,
               ss_family_samples(rules->other, run));
    bool compares = rules->compares_row_norms;
    snprintf(f->label, sizeof f->label, "%s, %s, %s, %s%s%s", f->activation, f->k, f->k0, f->other,
             compares ? ", row norms " : "", compares ? ss_train_row_norm_name(f->row_norm) : "");
}

/* A family of these entries, at the end of the list. */
static ss_error add_family(const ss_plan *plan, const rules *rules, const entry *entries,
                           int64_t count, size_t *capacity, ss_families *families)
{
    SS_TRY(ss_grow(&families->families, capacity, (size_t)families->count + 1,
                   sizeof *families->families));
    ss_family *f = &families->families[families->count++];
    *f = (ss_family){.cells = count};
    SS_TRY(ss_allocate((size_t)count, sizeof *f->cell, &f->cell));
    f->first_cell = entries[0].order[KEY_AND_PLACE - 1];
    for (int64_t i = 0; i < count; i++) {
        f->cell[i] = entries[i].order[KEY_AND_PLACE - 1];
        f->first_cell = f->cell[i] < f->first_cell ? f->cell[i] : f->first_cell;
    }
    ss_run run = ss_plan_run(plan, f->first_cell, 0);
    describe(rules, &run, f);
    return SS_OK;
}

ss_axis_id ss_families_axis(const ss_plan *plan)
{
    const ss_spec *spec = plan->spec;
    ss_axis_id n = root_of(spec, SS_AXIS_N);
    ss_axis_id m = root_of(spec, SS_AXIS_M);
    return spec->axes[n].values.count == 1 && spec->axes[m].values.count > 1 ? SS_AXIS_M
                                                                             : SS_AXIS_N;
}

/* Cells of finitely many samples, sorted; how many into *count. */
static ss_error sort_cells(const ss_plan *plan, const rules *rules, entry **entries, int64_t *count)
{
    *count = 0;
    SS_TRY(ss_allocate((size_t)plan->cells, sizeof **entries, entries));
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        entry entry = entry_of(plan, rules, cell);
        if (entry.order[KEY + 1] > 0) {
            (*entries)[(*count)++] = entry;
        }
    }
    qsort(*entries, (size_t)*count, sizeof **entries, compare_entries);
    return SS_OK;
}

ss_error ss_families_of(const ss_plan *plan, ss_axis_id against, ss_families *out)
{
    rules rules = rules_of(plan->spec, against);
    entry *entries;
    int64_t count;
    size_t capacity = 0;
    *out = (ss_families){.against = against};
    ss_error error = sort_cells(plan, &rules, &entries, &count);
    for (int64_t first = 0, next; first < count && error == SS_OK; first = next) {
        next = first + 1;
        while (next < count && compare_first(&entries[first], &entries[next], KEY) == 0) {
            next++;
        }
        error = add_family(plan, &rules, entries + first, next - first, &capacity, out);
    }
    free(entries);
    if (error == SS_OK && out->count > 0) {
        qsort(out->families, (size_t)out->count, sizeof *out->families, compare_families);
    }
    return error;
}

void ss_families_release(ss_families *families)
{
    for (int64_t i = 0; i < families->count; i++) {
        free(families->families[i].cell);
    }
    free(families->families);
    *families = (ss_families){0};
}
