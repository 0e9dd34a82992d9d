#include "axes.h"

#include "../base/memory.h"
#include "../base/sort.h"
#include "reader.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Largest sizes: beyond these a matrix or a batch could not be addressed anyway. */
enum { LARGEST_DIMENSION = 1 << 20, LARGEST_SAMPLE_COUNT = INT32_MAX };
#define LARGEST_GRID ((int64_t)1 << 31)
enum { MOST_BY_FACTOR = 1000000 }; /* values of a range that are stored one by one */

static const char *const axis_names[SS_AXES] = {
    [SS_AXIS_D] = "d",
    [SS_AXIS_K] = "k",
    [SS_AXIS_N] = "n",
    [SS_AXIS_M] = "m",
    [SS_AXIS_ACTIVATION] = "activation",
    [SS_AXIS_ROW_NORM] = "train.row_norm", /* no key of the grid */
};

int64_t ss_values_at(const ss_values *values, int64_t index)
{
    return values->list ? values->list[index] : values->first + index * values->step;
}

int64_t ss_values_smallest(const ss_values *values)
{
    int64_t smallest = ss_values_at(values, 0);
    for (int64_t i = 1; values->list && i < values->count; i++) {
        smallest = values->list[i] < smallest ? values->list[i] : smallest;
    }
    return smallest; /* a progression ascends */
}

int64_t ss_values_largest(const ss_values *values)
{
    int64_t largest = ss_values_at(values, values->count - 1);
    for (int64_t i = 0; values->list && i < values->count; i++) {
        largest = values->list[i] > largest ? values->list[i] : largest;
    }
    return largest;
}

const char *ss_samples_text(int64_t samples, char *buffer)
{
    if (samples == 0) {
        return strcpy(buffer, "inf");
    }
    snprintf(buffer, SS_SAMPLES_TEXT_SIZE, "%" PRId64, samples);
    return buffer;
}

typedef struct axis_rule {
    int64_t least;
    int64_t most;
    bool may_be_infinite; /* n and m: the population limits, as 0 */
} axis_rule;

static axis_rule rule_of(ss_axis_id axis)
{
    bool samples = axis == SS_AXIS_N || axis == SS_AXIS_M;
    return (axis_rule){1, samples ? LARGEST_SAMPLE_COUNT : LARGEST_DIMENSION, samples};
}

static bool is_infinity(const ss_yaml_node *node)
{
    return node->kind == SS_YAML_SCALAR && !node->quoted &&
           (strcmp(node->text, "inf") == 0 || strcmp(node->text, ".inf") == 0);
}

static ss_error read_size(const ss_yaml_node *node, const char *path, axis_rule rule, int64_t *out)
{
    if (rule.may_be_infinite && is_infinity(node)) {
        *out = 0; /* the population limit */
        return SS_OK;
    }
    return ss_read_integer(node, path, rule.least, rule.most, out);
}

static ss_error check_distinct(const ss_yaml_node *node, const char *path, axis_rule rule,
                               const ss_values *values)
{
    size_t count = (size_t)values->count;
    int64_t *sorted = NULL;
    SS_TRY(ss_allocate(count, sizeof *sorted, &sorted));
    memcpy(sorted, values->list, count * sizeof *sorted);
    ss_sort_integers(sorted, count);
    ss_error error = SS_OK;
    for (size_t i = 1; i < count && error == SS_OK; i++) {
        if (sorted[i] == sorted[i - 1]) {
            char text[SS_SAMPLES_TEXT_SIZE] = "0"; /* a seed may be that */
            bool named = sorted[i] > 0 || rule.may_be_infinite;
            error = ss_yaml_fail(SS_ERR_SPEC, &node->place,
                                 "%s: %s appears twice; list each value once", path,
                                 named ? ss_samples_text(sorted[i], text) : text);
        }
    }
    free(sorted);
    return error;
}

static ss_error read_list(const ss_yaml_node *node, const char *path, axis_rule rule,
                          ss_values *values)
{
    if (node->count == 0) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "%s: the list is empty, so the grid is; give at least one value", path);
    }
    SS_TRY(ss_allocate(node->count, sizeof *values->list, &values->list));
    values->count = (int64_t)node->count;
    for (size_t i = 0; i < node->count; i++) {
        SS_TRY(read_size(node->items[i], path, rule, &values->list[i]));
    }
    return check_distinct(node, path, rule, values);
}

/* from, from·factor, from·factor², … rounded to integers, up to `to`. */
static ss_error read_geometric(const ss_yaml_node *node, const char *path, int64_t to,
                               ss_values *values)
{
    double factor;
    char factor_path[64];
    size_t capacity = 0;
    snprintf(factor_path, sizeof factor_path, "%s.factor", path);
    const ss_yaml_node *written = ss_yaml_find(node, "factor");
    SS_TRY(ss_read_number(written, factor_path, 1, false, &factor));
    double exact = (double)values->first;
    int64_t latest = 0;
    for (int64_t i = 0; llround(exact) <= to; i++) {
        int64_t value = llround(exact);
        if (value == latest) {
            return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                                "%s: factor %.200s gives %" PRId64
                                " twice; use a larger factor or a "
                                "step",
                                path, written->text, value);
        }
        if (i == MOST_BY_FACTOR) {
            return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                                "%s: factor %.200s gives more than %d values; use a larger factor "
                                "or a step",
                                path, written->text, MOST_BY_FACTOR);
        }
        SS_TRY(ss_grow(&values->list, &capacity, (size_t)i + 1, sizeof *values->list));
        values->list[i] = latest = value;
        values->count = i + 1;
        exact = (double)values->first * pow(factor, (double)(i + 1));
    }
    return SS_OK;
}

static ss_error read_range(const ss_yaml_node *node, const char *path, axis_rule rule,
                           ss_values *values)
{
    static const char *const keys[] = {"from", "to", "step", "factor"};
    const ss_yaml_node *from;
    const ss_yaml_node *to;
    const ss_yaml_node *step = ss_yaml_find(node, "step");
    int64_t last;
    char inner[64];
    SS_TRY(ss_read_keys(node, path, keys, 4));
    SS_TRY(ss_read_required(node, path, "from", &from));
    SS_TRY(ss_read_required(node, path, "to", &to));
    snprintf(inner, sizeof inner, "%s.from", path);
    SS_TRY(ss_read_integer(from, inner, rule.least, rule.most, &values->first));
    snprintf(inner, sizeof inner, "%s.to", path);
    SS_TRY(ss_read_integer(to, inner, rule.least, rule.most, &last));
    if ((step != NULL) == (ss_yaml_find(node, "factor") != NULL)) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "%s: a range has either a step or a factor, e.g. "
                            "{from: 500, to: 8000, factor: 2}",
                            path);
    }
    if (last < values->first) {
        return ss_yaml_fail(SS_ERR_SPEC, &to->place,
                            "%s: the range is empty: to (%" PRId64 ") is below from (%" PRId64 ")",
                            path, last, values->first);
    }
    if (!step) {
        return read_geometric(node, path, last, values);
    }
    snprintf(inner, sizeof inner, "%s.step", path);
    SS_TRY(ss_read_integer(step, inner, 1, rule.most, &values->step));
    values->count = (last - values->first) / values->step + 1;
    return SS_OK;
}

/* The one of the first `count` axes that has this name, or SS_AXES. */
static ss_axis_id axis_with_name(const char *name, int count)
{
    for (int axis = 0; axis < count; axis++) {
        if (strcmp(name, axis_names[axis]) == 0) {
            return (ss_axis_id)axis;
        }
    }
    return SS_AXES;
}

/* The size axis that an unquoted word names, or SS_AXES. */
static ss_axis_id axis_named(const ss_yaml_node *node)
{
    bool word = node->kind == SS_YAML_SCALAR && !node->quoted;
    return word ? axis_with_name(node->text, SS_AXIS_ACTIVATION) : SS_AXES;
}

static ss_error read_size_axis(const ss_yaml_node *node, ss_axis_id id, ss_axis *axis)
{
    char path[32];
    snprintf(path, sizeof path, "grid.%s", axis_names[id]);
    axis->root = id;
    if (node->kind == SS_YAML_SEQUENCE) {
        return read_list(node, path, rule_of(id), &axis->values);
    }
    if (node->kind == SS_YAML_MAPPING) {
        return read_range(node, path, rule_of(id), &axis->values);
    }
    ss_axis_id other = axis_named(node);
    if (other == id) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "%s: the axis is tied to itself; give values or another axis", path);
    }
    if (other != SS_AXES) {
        axis->tied = true;
        axis->root = other;
        return SS_OK;
    }
    if (!node->quoted && !is_infinity(node) && isalpha((unsigned char)node->text[0])) {
        char expected[128];
        const char small[] = {(char)tolower((unsigned char)node->text[0]), '\0'};
        bool meant = node->text[1] == '\0' && axis_with_name(small, SS_AXIS_ACTIVATION) != SS_AXES;
        snprintf(expected, sizeof expected,
                 "an integer, a list, a range, or the name of another axis (d, k, n or m)%s%s%s",
                 meant ? "; did you mean " : "", meant ? small : "", meant ? "?" : "");
        return ss_read_mismatch(node, path, expected);
    }
    axis->values.step = 1;
    axis->values.count = 1;
    return read_size(node, path, rule_of(id), &axis->values.first);
}

/* The values that an axis has from the one that it is tied to. */
static ss_error check_tied_values(const ss_yaml_node *node, ss_axis_id id, const ss_spec *spec)
{
    axis_rule rule = rule_of(id);
    ss_axis_id root = spec->axes[id].root;
    const ss_values *values = &spec->axes[root].values;
    if (ss_values_largest(values) > rule.most) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "grid.%s: tied to %s, which reaches %" PRId64
                            ", above the most allowed, %" PRId64,
                            axis_names[id], axis_names[root], ss_values_largest(values), rule.most);
    }
    if (ss_values_smallest(values) == 0 && !rule.may_be_infinite) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "grid.%s: tied to %s, which has inf; give it numbers of its own",
                            axis_names[id], axis_names[root]);
    }
    return SS_OK;
}

/* Follows ties to the free axis at their end. */
static ss_error resolve_ties(const ss_yaml_node *grid, ss_spec *spec)
{
    for (int id = 0; id < SS_AXIS_ACTIVATION; id++) {
        ss_axis_id root = spec->axes[id].root;
        for (int hops = 0; spec->axes[root].tied; hops++) {
            if (hops == SS_AXES) {
                return ss_yaml_fail(SS_ERR_SPEC, &ss_yaml_find(grid, axis_names[id])->place,
                                    "grid.%s: the ties go in a circle; give one of the axes values",
                                    axis_names[id]);
            }
            root = spec->axes[root].root;
        }
        spec->axes[id].root = root;
    }
    for (int id = 0; id < SS_AXIS_ACTIVATION; id++) {
        SS_TRY(check_tied_values(ss_yaml_find(grid, axis_names[id]), (ss_axis_id)id, spec));
    }
    return SS_OK;
}

static ss_error read_activation(const ss_yaml_node *node, ss_activation *out)
{
    if (node->kind != SS_YAML_SCALAR) {
        return ss_read_mismatch(node, "grid.activation", "the name of an activation");
    }
    ss_error error = ss_activation_parse(node->text, out);
    if (error != SS_OK) {
        char reason[512];
        snprintf(reason, sizeof reason, "%s", ss_error_text());
        return ss_yaml_fail(error, &node->place, "grid.activation: %s", reason);
    }
    return SS_OK;
}

static bool same_activation(ss_activation a, ss_activation b)
{
    return a.kind == b.kind && !(a.alpha < b.alpha) && !(a.alpha > b.alpha);
}

static ss_error read_activations(const ss_yaml_node *node, ss_spec *spec)
{
    bool list = node->kind == SS_YAML_SEQUENCE;
    size_t count = list ? node->count : 1;
    if (count == 0) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "grid.activation: the list is empty, so the grid is; give at least "
                            "one activation");
    }
    SS_TRY(ss_allocate(count, sizeof *spec->activations, &spec->activations));
    for (size_t i = 0; i < count; i++) {
        const ss_yaml_node *item = list ? node->items[i] : node;
        SS_TRY(read_activation(item, &spec->activations[i]));
        for (size_t j = 0; j < i; j++) {
            if (same_activation(spec->activations[i], spec->activations[j])) {
                return ss_yaml_fail(SS_ERR_SPEC, &item->place,
                                    "grid.activation: %s appears twice; list each activation once",
                                    item->text);
            }
        }
    }
    spec->axes[SS_AXIS_ACTIVATION] = (ss_axis){
        .root = SS_AXIS_ACTIVATION,
        .values = {.step = 1, .count = (int64_t)count},
    };
    return SS_OK;
}

/* grid.seed.max and grid.seed.until_se, beside a count that has been read. */
static ss_error read_added_seeds(const ss_yaml_node *max, const ss_yaml_node *until_se,
                                 ss_spec *spec)
{
    if (!max) {
        return ss_yaml_fail(SS_ERR_SPEC, &until_se->place,
                            "grid.seed.until_se: needs grid.seed.max (--max-seeds) as well, the "
                            "most seeds that a cell may get");
    }
    if (!until_se) {
        return ss_yaml_fail(SS_ERR_SPEC, &max->place,
                            "grid.seed.max: needs grid.seed.until_se (--until-se) as well, the "
                            "relative standard error that ends a cell, e.g. 0.05");
    }
    SS_TRY(
        ss_read_integer(max, "grid.seed.max", spec->first_seeds, LARGEST_GRID, &spec->seeds.count));
    SS_TRY(ss_read_number(until_se, "grid.seed.until_se", 0, false, &spec->until_se));
    return spec->until_se < 1 ? SS_OK
                              : ss_read_mismatch(until_se, "grid.seed.until_se",
                                                 "a number above 0 and below 1, e.g. 0.05");
}

static ss_error read_counted_seeds(const ss_yaml_node *node, ss_spec *spec)
{
    static const char *const keys[] = {"count", "max", "until_se"};
    const ss_yaml_node *count;
    const ss_yaml_node *max = ss_yaml_find(node, "max");
    const ss_yaml_node *until_se = ss_yaml_find(node, "until_se");
    int64_t least = max || until_se ? 2 : 1; /* a standard error needs two */
    SS_TRY(ss_read_keys(node, "grid.seed", keys, 3));
    SS_TRY(ss_read_required(node, "grid.seed", "count", &count));
    SS_TRY(ss_read_integer(count, "grid.seed.count", least, LARGEST_GRID, &spec->first_seeds));
    spec->seeds.count = spec->first_seeds;
    return max || until_se ? read_added_seeds(max, until_se, spec) : SS_OK;
}

static ss_error read_seeds(const ss_yaml_node *node, ss_spec *spec)
{
    axis_rule rule = {0, INT64_MAX, false};
    ss_values *seeds = &spec->seeds;
    seeds->step = 1;
    seeds->count = 1;
    if (node->kind == SS_YAML_MAPPING) {
        return read_counted_seeds(node, spec);
    }
    SS_TRY(node->kind == SS_YAML_SEQUENCE
               ? read_list(node, "grid.seed", rule, seeds)
               : ss_read_integer(node, "grid.seed", 0, INT64_MAX, &seeds->first));
    spec->first_seeds = seeds->count;
    return SS_OK;
}

ss_error ss_axes_check_size(const ss_yaml_node *node, const ss_spec *spec)
{
    int64_t runs = spec->seeds.count;
    for (int id = 0; id < SS_AXES; id++) {
        const ss_axis *axis = &spec->axes[id];
        if (axis->tied || axis->values.count == 0) { /* or not read yet */
            continue;
        }
        if (axis->values.count > LARGEST_GRID / runs) {
            return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                                "grid: more than 2^31 points (cells times seeds); split the sweep");
        }
        runs *= axis->values.count;
    }
    return SS_OK;
}

ss_error ss_axes_read(const ss_yaml_node *grid, ss_spec *spec)
{
    static const char *const keys[] = {"d", "k", "n", "m", "activation", "seed"};
    const ss_yaml_node *node;
    SS_TRY(ss_read_keys(grid, "grid", keys, 6));
    for (int id = 0; id < SS_AXIS_ACTIVATION; id++) {
        SS_TRY(ss_read_required(grid, "grid", axis_names[id], &node));
        SS_TRY(read_size_axis(node, (ss_axis_id)id, &spec->axes[id]));
    }
    SS_TRY(ss_read_required(grid, "grid", "activation", &node));
    SS_TRY(read_activations(node, spec));
    SS_TRY(ss_read_required(grid, "grid", "seed", &node));
    SS_TRY(read_seeds(node, spec));
    SS_TRY(resolve_ties(grid, spec));
    int position = 0;
    for (size_t i = 0; i < grid->count; i++) {
        ss_axis_id id = axis_with_name(grid->keys[i]->text, SS_AXES);
        if (id != SS_AXES) {
            spec->order[position++] = id;
        }
    }
    spec->order[position] = SS_AXIS_ROW_NORM;
    return ss_axes_check_size(grid, spec);
}

ss_error ss_latent_read(const ss_yaml_node *latent, const ss_yaml_node *grid, ss_spec *spec)
{
    ss_axis_id k_root = spec->axes[SS_AXIS_K].root;
    int64_t smallest_k = ss_values_smallest(&spec->axes[k_root].values);
    int64_t largest_k0;
    spec->latent_is_axis = true;
    spec->latent_axis = SS_AXIS_K;
    if (latent) {
        spec->latent_axis = axis_named(latent);
        spec->latent_is_axis = spec->latent_axis != SS_AXES;
        char first = latent->kind == SS_YAML_SCALAR ? latent->text[0] : '\0';
        if (!spec->latent_is_axis && first >= 'a' && first <= 'z') {
            return ss_read_mismatch(latent, "truth.latent",
                                    "an integer, or the name of an axis (d, k, n or m)");
        }
    }
    if (spec->latent_is_axis) {
        ss_axis_id root = spec->axes[spec->latent_axis].root;
        if (root == k_root) {
            return SS_OK;
        }
        largest_k0 = ss_values_largest(&spec->axes[root].values);
        if (ss_values_smallest(&spec->axes[root].values) == 0) {
            return ss_yaml_fail(SS_ERR_SPEC, &latent->place,
                                "truth.latent: %s has inf; give a number or another axis",
                                axis_names[spec->latent_axis]);
        }
    } else {
        SS_TRY(ss_read_integer(latent, "truth.latent", 1, LARGEST_DIMENSION, &spec->latent));
        largest_k0 = spec->latent;
    }
    if (smallest_k < largest_k0) {
        const ss_yaml_node *place = latent ? latent : ss_yaml_find(grid, "k");
        return ss_yaml_fail(SS_ERR_SPEC, &place->place,
                            "truth.latent: k0 reaches %" PRId64 " but k goes down to %" PRId64
                            "; the generator needs k >= k0 in every cell",
                            largest_k0, smallest_k);
    }
    return SS_OK;
}
