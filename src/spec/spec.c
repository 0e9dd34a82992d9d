#include "saddlesweep/spec.h"

#include "../base/memory.h"
#include "../base/text.h"
#include "axes.h"
#include "reader.h"
#include "recording.h"
#include "saddlesweep/closed_form.h"
#include "training.h"
#include "truth.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const row_norm_names[] = {"unit", "gaussian"};
static const char *const algorithm_names[] = {"sgda", "marginal"};
static const char *const discriminator_names[] = {"linear", "rectified_linear"};
static const char *const precision_names[] = {"single", "double"};

const char *ss_row_norm_name(ss_row_norm row_norm)
{
    return row_norm_names[row_norm];
}

const char *ss_algorithm_name(ss_algorithm algorithm)
{
    return algorithm_names[algorithm];
}

const char *ss_discriminator_name(ss_discriminator discriminator)
{
    return discriminator_names[discriminator];
}

const char *ss_precision_name(ss_precision precision)
{
    return precision_names[precision];
}

static ss_error read_name(const ss_yaml_node *node, ss_spec *spec)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._-";
    if (node->kind != SS_YAML_SCALAR || node->text[0] == '\0' || node->text[0] == '.' ||
        node->text[strspn(node->text, letters)] != '\0' || strlen(node->text) > 200) {
        return ss_read_mismatch(node, "name",
                                "a word of letters, digits, '.', '_' and '-' (it names files)");
    }
    SS_TRY(ss_allocate(strlen(node->text) + 1, 1, &spec->name));
    strcpy(spec->name, node->text);
    return SS_OK;
}

/* A* says k0 and the norms of its rows by itself. */
static ss_error read_given_truth(const ss_yaml_node *truth, ss_spec *spec)
{
    static const char *const drawn[] = {"latent", "row_norm"};
    for (int i = 0; i < 2; i++) {
        const ss_yaml_node *node = ss_yaml_find(truth, drawn[i]);
        if (node) {
            return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                                "truth.%s: not beside truth.matrix, whose columns are k0 and whose "
                                "rows have the norms; leave it out",
                                drawn[i]);
        }
    }
    return ss_truth_matrix_read(ss_yaml_find(truth, "matrix"), spec);
}

/* algorithm and discriminator: the second belongs to marginal, which does not go without it. */
static ss_error read_algorithm(const ss_yaml_node *root, ss_spec *spec)
{
    const ss_yaml_node *algorithm = ss_yaml_find(root, "algorithm");
    const ss_yaml_node *discriminator = ss_yaml_find(root, "discriminator");
    int choice = SS_ALGORITHM_SGDA;
    if (algorithm) {
        SS_TRY(ss_read_choice(algorithm, "algorithm", algorithm_names, 2, &choice));
    }
    spec->algorithm = (ss_algorithm)choice;
    if (spec->algorithm == SS_ALGORITHM_SGDA) {
        return discriminator ? ss_yaml_fail(SS_ERR_SPEC, &discriminator->place,
                                            "discriminator: belongs to algorithm: marginal, but "
                                            "this sweep is of sgda, whose discriminator is "
                                            "quadratic; write algorithm: marginal, or leave it out")
                             : SS_OK;
    }
    if (!discriminator) {
        return ss_yaml_fail(
            SS_ERR_SPEC, &algorithm->place,
            "algorithm: marginal needs a discriminator as well: linear (for activations with "
            "an even part, as leaky_relu) or rectified_linear (for odd ones plus a constant, as "
            "tanh)");
    }
    SS_TRY(ss_read_choice(discriminator, "discriminator", discriminator_names, 2, &choice));
    spec->discriminator = (ss_discriminator)choice;
    return SS_OK;
}

static ss_error read_truth(const ss_yaml_node *root, const ss_yaml_node *grid, ss_spec *spec)
{
    static const char *const keys[] = {"latent", "row_norm", "matrix"};
    const ss_yaml_node *truth = ss_yaml_find(root, "truth");
    int choice = SS_ROW_NORM_UNIT;
    if (truth) {
        SS_TRY(ss_read_keys(truth, "truth", keys, 3));
        if (ss_yaml_find(truth, "matrix")) {
            return read_given_truth(truth, spec);
        }
        const ss_yaml_node *row_norm = ss_yaml_find(truth, "row_norm");
        if (row_norm) {
            SS_TRY(ss_read_choice(row_norm, "truth.row_norm", row_norm_names, 2, &choice));
        }
    }
    spec->row_norm = (ss_row_norm)choice;
    return ss_latent_read(truth ? ss_yaml_find(truth, "latent") : NULL, grid, spec);
}

static ss_error read_wide(const ss_yaml_node *root, ss_spec *spec)
{
    static const char *const keys[] = {"from_d", "ranks", "block"};
    const ss_yaml_node *wide = ss_yaml_find(root, "wide");
    const ss_yaml_node *node;
    spec->wide_from_d = 512;
    spec->wide_ranks = 0;
    spec->wide_block = 64;
    if (!wide) {
        return SS_OK;
    }
    SS_TRY(ss_read_keys(wide, "wide", keys, 3));
    if ((node = ss_yaml_find(wide, "from_d"))) {
        SS_TRY(ss_read_integer(node, "wide.from_d", 1, INT32_MAX, &spec->wide_from_d));
    }
    if ((node = ss_yaml_find(wide, "block"))) {
        SS_TRY(ss_read_integer(node, "wide.block", 1, INT32_MAX, &spec->wide_block));
    }
    node = ss_yaml_find(wide, "ranks");
    if (!node || (node->kind == SS_YAML_SCALAR && strcmp(node->text, "auto") == 0)) {
        return SS_OK;
    }
    return ss_read_integer(node, "wide.ranks", 1, INT32_MAX, &spec->wide_ranks);
}

static ss_error read_sweep(const ss_yaml_node *root, ss_spec *spec)
{
    static const char *const keys[] = {"name",  "root_seed", "algorithm", "discriminator", "grid",
                                       "truth", "train",     "record",    "precision",     "wide"};
    const ss_yaml_node *node;
    const ss_yaml_node *grid;
    int precision = SS_PRECISION_SINGLE;
    SS_TRY(ss_read_keys(root, "the sweep file", keys, sizeof keys / sizeof keys[0]));
    SS_TRY(ss_read_required(root, "the sweep file", "name", &node));
    SS_TRY(read_name(node, spec));
    SS_TRY(ss_read_required(root, "the sweep file", "root_seed", &node));
    SS_TRY(ss_read_unsigned(node, "root_seed", &spec->root_seed));
    SS_TRY(read_algorithm(root, spec));
    SS_TRY(ss_read_required(root, "the sweep file", "grid", &grid));
    SS_TRY(ss_axes_read(grid, spec));
    SS_TRY(read_truth(root, grid, spec));
    SS_TRY(ss_training_read(root, spec));
    SS_TRY(ss_recording_read(root, spec));
    if ((node = ss_yaml_find(root, "precision"))) {
        SS_TRY(ss_read_choice(node, "precision", precision_names, 2, &precision));
    }
    spec->precision = (ss_precision)precision;
    SS_TRY(read_wide(root, spec));
    return ss_recording_check(root, spec);
}

/* Applies one "path=value". `value_source` must outlive the tree. */
static ss_error apply_override(ss_yaml_node *root, const char *override,
                               const ss_yaml_source *value_source)
{
    const char *equals = strchr(override, '=');
    char path[256];
    ss_yaml_node *value = NULL;
    size_t length = equals ? (size_t)(equals - override) : 0;
    if (length == 0 || length >= sizeof path) {
        return ss_fail(SS_ERR_USAGE,
                       "%s: expected path=value, e.g. --set grid.n=[500,1000] or "
                       "--set train.iterations=10",
                       value_source->name);
    }
    if (strchr(override, '\n')) { /* the result file keeps them one a line */
        return ss_fail(SS_ERR_USAGE, "%s: write the value on one line, e.g. {at: [0, 10]}",
                       value_source->name);
    }
    memcpy(path, override, length);
    path[length] = '\0';
    SS_TRY(ss_yaml_parse(value_source, &value));
    ss_yaml_place place = {.source = value_source, .line = 1, .column = 1};
    ss_error error = ss_yaml_set(root, path, place, value);
    if (error != SS_OK) {
        ss_yaml_destroy(&value);
    }
    return error;
}

static ss_error read_text(const ss_yaml_source *file, const ss_yaml_source *override_sources,
                          const char *const *overrides, size_t count, ss_spec *spec)
{
    ss_yaml_node *root = NULL;
    SS_TRY(ss_yaml_parse(file, &root));
    ss_error error = SS_OK;
    for (size_t i = 0; i < count && error == SS_OK; i++) {
        error = apply_override(root, overrides[i], &override_sources[i]);
    }
    if (error == SS_OK) {
        error = read_sweep(root, spec);
    }
    ss_yaml_destroy(&root);
    return error;
}

/* Errors call an override "--set path=value", and count columns in path=value. */
static ss_error name_overrides(const char *const *overrides, size_t count, ss_yaml_source *sources)
{
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(overrides[i], '=');
        const char *end = overrides[i] + strlen(overrides[i]);
        size_t size = strlen(overrides[i]) + sizeof "--set ";
        char *name = NULL;
        SS_TRY(ss_allocate(size, 1, &name));
        snprintf(name, size, "--set %s", overrides[i]);
        sources[i].name = name;
        sources[i].text = overrides[i];
        sources[i].offset = (size_t)((equals ? equals + 1 : end) - overrides[i]);
    }
    return SS_OK;
}

ss_error ss_spec_parse(const char *name, const char *text, const char *const *overrides,
                       size_t count, ss_spec **out)
{
    ss_yaml_source file = {.name = name, .text = text};
    ss_yaml_source *sources = NULL;
    *out = NULL;
    SS_TRY(ss_allocate(count, sizeof *sources, &sources));
    ss_error error = name_overrides(overrides, count, sources);
    if (error == SS_OK) {
        error = ss_allocate(1, sizeof **out, out);
    }
    if (error == SS_OK) {
        error = read_text(&file, sources, overrides, count, *out);
    }
    for (size_t i = 0; i < count; i++) {
        free((char *)sources[i].name);
    }
    free(sources);
    if (error != SS_OK) {
        ss_spec_destroy(out);
    }
    return error;
}

void ss_spec_destroy(ss_spec **spec)
{
    ss_spec *s = *spec;
    *spec = NULL;
    if (!s) {
        return;
    }
    for (int axis = 0; axis < SS_AXES; axis++) {
        free(s->axes[axis].values.list);
    }
    free(s->activations);
    free(s->seeds.list);
    free(s->truth_matrix);
    free(s->checkpoints);
    free(s->name);
    free(s);
}
