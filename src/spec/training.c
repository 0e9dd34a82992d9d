#include "training.h"

#include "../base/memory.h"
#include "axes.h"
#include "reader.h"

#include <stdio.h>

static const char *const row_norm_names[SS_TRAIN_ROW_NORMS] = {"known", "free", "learned"};

const char *ss_train_row_norm_name(ss_train_row_norm row_norm)
{
    return row_norm_names[row_norm];
}

bool ss_spec_trains(const ss_spec *spec, ss_train_row_norm row_norm)
{
    const ss_values *values = &spec->axes[SS_AXIS_ROW_NORM].values;
    bool found = false;
    for (int64_t i = 0; i < values->count; i++) {
        found = found || ss_values_at(values, i) == (int64_t)row_norm;
    }
    return found;
}

bool ss_spec_knows_norms(const ss_spec *spec)
{
    return !ss_spec_compares_row_norms(spec) && ss_spec_trains(spec, SS_TRAIN_ROW_NORM_KNOWN);
}

const char *ss_spec_row_norms_text(const ss_spec *spec, char buffer[SS_ROW_NORMS_TEXT_SIZE])
{
    const ss_values *values = &spec->axes[SS_AXIS_ROW_NORM].values;
    int used = 0;
    for (int64_t i = 0; i < values->count; i++) {
        used += snprintf(buffer + used, SS_ROW_NORMS_TEXT_SIZE - (size_t)used, "%s%s",
                         i > 0 ? ", " : "", row_norm_names[ss_values_at(values, i)]);
    }
    return buffer;
}

/* path: "train.step" or longer. */
static ss_error read_step(const ss_yaml_node *step, const char *path, double *size, double *decay)
{
    static const char *const keys[] = {"size", "decay"};
    char inner[64];
    const ss_yaml_node *node;
    snprintf(inner, sizeof inner, "%s.size", path);
    *decay = 0;
    if (step->kind == SS_YAML_SCALAR && step->text[0] != '\0') {
        return ss_read_number(step, inner, 0, false, size); /* step: 0.5 */
    }
    SS_TRY(ss_read_keys(step, path, keys, 2));
    SS_TRY(ss_read_required(step, path, "size", &node));
    SS_TRY(ss_read_number(node, inner, 0, false, size));
    snprintf(inner, sizeof inner, "%s.decay", path);
    node = ss_yaml_find(step, "decay");
    return node ? ss_read_number(node, inner, 0, false, decay) : SS_OK;
}

static ss_error read_row_norm(const ss_yaml_node *node, int64_t *out)
{
    int choice;
    SS_TRY(ss_read_choice(node, "train.row_norm", row_norm_names, SS_TRAIN_ROW_NORMS, &choice));
    *out = choice;
    return SS_OK;
}

/* Several make an axis of the grid, the fastest. */
static ss_error read_row_norms(const ss_yaml_node *node, ss_spec *spec)
{
    ss_values *values = &spec->axes[SS_AXIS_ROW_NORM].values;
    if (node->kind == SS_YAML_MAPPING) {
        return ss_read_mismatch(node, "train.row_norm", "known, free, learned or a list of them");
    }
    if (node->kind != SS_YAML_SEQUENCE) {
        return read_row_norm(node, &values->first);
    }
    if (node->count == 0) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "train.row_norm: the list is empty, so the grid is; give at least one");
    }
    SS_TRY(ss_allocate(node->count, sizeof *values->list, &values->list));
    values->count = 0;
    for (size_t i = 0; i < node->count; i++) {
        int64_t row_norm;
        SS_TRY(read_row_norm(node->items[i], &row_norm));
        if (ss_spec_trains(spec, (ss_train_row_norm)row_norm)) {
            return ss_yaml_fail(SS_ERR_SPEC, &node->items[i]->place,
                                "train.row_norm: %s appears twice; list each value once",
                                row_norm_names[row_norm]);
        }
        values->list[values->count++] = row_norm;
    }
    return ss_axes_check_size(node->items[0], spec);
}

/* train.marginal: how norms are learned; all of it has defaults. */
static ss_error read_stage(const ss_yaml_node *marginal, ss_spec *spec)
{
    static const char *const keys[] = {"discriminator", "iterations", "step"};
    enum { AUTO = 2 };
    const char *const discriminators[] = {
        ss_discriminator_name(SS_DISCRIMINATOR_LINEAR),
        ss_discriminator_name(SS_DISCRIMINATOR_RECTIFIED_LINEAR),
        "auto",
    };
    const ss_yaml_node *node;
    int discriminator = AUTO;
    SS_TRY(ss_read_keys(marginal, "train.marginal", keys, 3));
    if ((node = ss_yaml_find(marginal, "discriminator"))) {
        SS_TRY(ss_read_choice(node, "train.marginal.discriminator", discriminators, 3,
                              &discriminator));
    }
    spec->discriminator_follows = discriminator == AUTO;
    spec->stage.discriminator =
        spec->discriminator_follows ? SS_DISCRIMINATOR_LINEAR : (ss_discriminator)discriminator;
    if ((node = ss_yaml_find(marginal, "iterations"))) {
        SS_TRY(ss_read_integer(node, "train.marginal.iterations", 1, INT32_MAX,
                               &spec->stage.iterations));
    }
    node = ss_yaml_find(marginal, "step");
    return node ? read_step(node, "train.marginal.step", &spec->stage.step_size,
                            &spec->stage.step_decay)
                : SS_OK;
}

static ss_error read_norms(const ss_yaml_node *train, ss_spec *spec)
{
    static const ss_norm_stage defaults = {.iterations = 4000, .step_size = 10, .step_decay = 400};
    const ss_yaml_node *row_norm = ss_yaml_find(train, "row_norm");
    const ss_yaml_node *marginal = ss_yaml_find(train, "marginal");
    spec->axes[SS_AXIS_ROW_NORM] = (ss_axis){
        .root = SS_AXIS_ROW_NORM,
        .values = {.first = SS_TRAIN_ROW_NORM_KNOWN, .step = 1, .count = 1},
    };
    if (row_norm && spec->algorithm == SS_ALGORITHM_MARGINAL) {
        return ss_yaml_fail(SS_ERR_SPEC, &row_norm->place,
                            "train.row_norm: is about Algorithm 1's projection, which algorithm: "
                            "marginal does not have; leave it out");
    }
    if (marginal && spec->algorithm == SS_ALGORITHM_MARGINAL) {
        return ss_yaml_fail(SS_ERR_SPEC, &marginal->place,
                            "train.marginal: is about norms that Algorithm 1 learns first; with "
                            "algorithm: marginal write it in train itself");
    }
    SS_TRY(row_norm ? read_row_norms(row_norm, spec) : SS_OK);
    if (!ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED)) {
        return marginal
                   ? ss_yaml_fail(SS_ERR_SPEC, &marginal->place,
                                  "train.marginal: says how norms are learned, but no run "
                                  "learns them; write train.row_norm: learned, or leave it out")
                   : SS_OK;
    }
    spec->stage = defaults;
    spec->discriminator_follows = true;
    return marginal ? read_stage(marginal, spec) : SS_OK;
}

ss_error ss_training_read(const ss_yaml_node *root, ss_spec *spec)
{
    static const char *const keys[] = {"iterations", "step",     "ascent_step",
                                       "noise",      "row_norm", "marginal"};
    const ss_yaml_node *train;
    const ss_yaml_node *node;
    SS_TRY(ss_read_required(root, "the sweep file", "train", &train));
    SS_TRY(ss_read_keys(train, "train", keys, sizeof keys / sizeof keys[0]));
    SS_TRY(ss_read_required(train, "train", "iterations", &node));
    SS_TRY(ss_read_integer(node, "train.iterations", 1, INT32_MAX, &spec->iterations));
    SS_TRY(ss_read_required(train, "train", "step", &node));
    SS_TRY(read_step(node, "train.step", &spec->step_size, &spec->step_decay));
    spec->ascent_step = 1;
    spec->noise = 1;
    spec->noise_is_default = !ss_yaml_find(train, "noise");
    if ((node = ss_yaml_find(train, "ascent_step"))) {
        SS_TRY(ss_read_number(node, "train.ascent_step", 0, false, &spec->ascent_step));
    }
    if ((node = ss_yaml_find(train, "noise"))) {
        SS_TRY(ss_read_number(node, "train.noise", 0, true, &spec->noise));
    }
    return read_norms(train, spec);
}
