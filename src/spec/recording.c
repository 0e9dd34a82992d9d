#include "recording.h"

#include "../base/memory.h"
#include "../base/text.h"
#include "checkpoints.h"
#include "reader.h"
#include "saddlesweep/closed_form.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_CHECKPOINT_COUNT = 1000000 };
static const double most_iterate_values = 1 << 27; /* of a run: 1 GiB */

static const char *const answers[] = {"false", "true"};

static ss_error read_listed_checkpoints(const ss_yaml_node *at, ss_spec *spec)
{
    if (at->kind != SS_YAML_SEQUENCE) {
        return ss_read_mismatch(at, "record.at", "a list of iterations, e.g. [0, 10, 50]");
    }
    int64_t *list = NULL;
    SS_TRY(ss_allocate(at->count, sizeof *list, &list));
    ss_error error = SS_OK;
    for (size_t i = 0; i < at->count && error == SS_OK; i++) {
        error = ss_read_integer(at->items[i], "record.at", 0, spec->iterations, &list[i]);
    }
    if (error == SS_OK) {
        error = ss_checkpoints_listed(spec, list, at->count);
    }
    free(list);
    return error;
}

static ss_error no_closed_form(const ss_yaml_node *node)
{
    const char *names[SS_ACTIVATION_KINDS];
    char listing[256];
    size_t count = 0;
    for (int kind = 0; kind < SS_ACTIVATION_KINDS; kind++) {
        ss_activation activation = {.kind = (ss_activation_kind)kind};
        if (ss_closed_form_exists(activation)) {
            names[count++] = ss_activation_name(activation.kind);
        }
    }
    return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                        "record.certificate: found true, but no activation of this sweep has a "
                        "closed form F; %s have",
                        ss_text_listing(names, count, "and", listing, sizeof listing));
}

/* record.certificate; of no use if no activation of the sweep has a closed form. */
static ss_error read_certificate(const ss_yaml_node *record, ss_spec *spec)
{
    const ss_yaml_node *node = ss_yaml_find(record, "certificate");
    int answer = 0;
    if (!node) {
        return SS_OK;
    }
    SS_TRY(ss_read_choice(node, "record.certificate", answers, 2, &answer));
    spec->certificate = answer == 1;
    if (spec->certificate && ss_spec_trains(spec, SS_TRAIN_ROW_NORM_FREE)) {
        return ss_yaml_fail(
            SS_ERR_SPEC, &node->place,
            "record.certificate: found true, but a certificate is of A with rows of "
            "given norms, which train.row_norm: free has not; leave one of them out");
    }
    if (spec->certificate && spec->algorithm == SS_ALGORITHM_MARGINAL) {
        return ss_yaml_fail(SS_ERR_SPEC, &node->place,
                            "record.certificate: found true, but a certificate is of Algorithm 1's "
                            "risk on fixed norms, and algorithm: marginal learns the norms; leave "
                            "it out");
    }
    bool any = false;
    for (int64_t i = 0; i < spec->axes[SS_AXIS_ACTIVATION].values.count; i++) {
        any = any || ss_closed_form_exists(spec->activations[i]);
    }
    return any || !spec->certificate ? SS_OK : no_closed_form(node);
}

/* record.KEY: true or false, which is the default. */
static ss_error read_switch(const ss_yaml_node *record, const char *key, bool *out)
{
    char path[64];
    const ss_yaml_node *node = ss_yaml_find(record, key);
    int answer = 0;
    snprintf(path, sizeof path, "record.%s", key);
    SS_TRY(node ? ss_read_choice(node, path, answers, 2, &answer) : SS_OK);
    *out = answer == 1;
    return SS_OK;
}

/* Whether runs go on process grids from wide.from_d on: see ss_plan_is_wide. */
static bool has_samples_to_share(const ss_spec *spec)
{
    return spec->algorithm == SS_ALGORITHM_SGDA &&
           (ss_spec_trains(spec, SS_TRAIN_ROW_NORM_KNOWN) ||
            ss_spec_trains(spec, SS_TRAIN_ROW_NORM_FREE)) &&
           ss_values_largest(&spec->axes[spec->axes[SS_AXIS_N].root].values) > 0 &&
           ss_values_largest(&spec->axes[spec->axes[SS_AXIS_M].root].values) > 0;
}

/* Of a switch that is on: its runs are on one rank each. */
static ss_error check_one_rank(const ss_yaml_node *record, const char *key, const char *reason,
                               const ss_spec *spec)
{
    int64_t d = ss_values_largest(&spec->axes[spec->axes[SS_AXIS_D].root].values);
    if (d < spec->wide_from_d || !has_samples_to_share(spec)) {
        return SS_OK;
    }
    return ss_yaml_fail(SS_ERR_SPEC, &ss_yaml_find(record, key)->place,
                        "record.%s: found true, but runs with d from %" PRId64
                        " on go on process grids, which %s; use smaller d, or a wide.from_d above "
                        "%" PRId64,
                        key, spec->wide_from_d, reason, d);
}

/* A run's record of A fits in its memory. */
static ss_error check_iterates(const ss_yaml_node *record, const ss_spec *spec)
{
    int64_t d = ss_values_largest(&spec->axes[spec->axes[SS_AXIS_D].root].values);
    int64_t k = ss_values_largest(&spec->axes[spec->axes[SS_AXIS_K].root].values);
    return (double)spec->checkpoint_count * (double)d * (double)k <= most_iterate_values
               ? SS_OK
               : ss_yaml_fail(SS_ERR_SPEC, &ss_yaml_find(record, "iterate")->place,
                              "record.iterate: %" PRId64 " iterates of %" PRId64 " x %" PRId64
                              " are more than 2^27 numbers a run; record fewer points",
                              spec->checkpoint_count, d, k);
}

static ss_error check_lemma(const ss_yaml_node *record, const char *key, const ss_spec *spec)
{
    if (spec->algorithm == SS_ALGORITHM_MARGINAL) {
        return ss_yaml_fail(SS_ERR_SPEC, &ss_yaml_find(record, key)->place,
                            "record.%s: found true, but it is of Algorithm 1, and this sweep "
                            "learns marginals; leave it out",
                            key);
    }
    return check_one_rank(record, key, "do not measure it", spec);
}

ss_error ss_recording_check(const ss_yaml_node *root, const ss_spec *spec)
{
    const ss_yaml_node *record = ss_yaml_find(root, "record");
    if (spec->iterate) {
        SS_TRY(check_one_rank(record, "iterate", "do not gather A", spec));
        SS_TRY(check_iterates(record, spec));
    }
    SS_TRY(spec->covariance_error ? check_lemma(record, "covariance_error", spec) : SS_OK);
    return spec->gradient_bias ? check_lemma(record, "gradient_bias", spec) : SS_OK;
}

ss_error ss_recording_read(const ss_yaml_node *root, ss_spec *spec)
{
    static const char *const keys[] = {"points",  "spacing",          "at",           "certificate",
                                       "iterate", "covariance_error", "gradient_bias"};
    static const char *const spacings[] = {"log", "linear"};
    const ss_yaml_node *record = ss_yaml_find(root, "record");
    int64_t points = 100;
    int spacing = SS_SPACING_LOG;
    if (record) {
        SS_TRY(ss_read_keys(record, "record", keys, sizeof keys / sizeof keys[0]));
        SS_TRY(read_certificate(record, spec));
        SS_TRY(read_switch(record, "iterate", &spec->iterate));
        SS_TRY(read_switch(record, "covariance_error", &spec->covariance_error));
        SS_TRY(read_switch(record, "gradient_bias", &spec->gradient_bias));
        const ss_yaml_node *at = ss_yaml_find(record, "at");
        const ss_yaml_node *points_node = ss_yaml_find(record, "points");
        const ss_yaml_node *spacing_node = ss_yaml_find(record, "spacing");
        if (at && (points_node || spacing_node)) {
            return ss_yaml_fail(SS_ERR_SPEC, &at->place,
                                "record: either at, or points and spacing; not both");
        }
        if (at) {
            return read_listed_checkpoints(at, spec);
        }
        if (points_node) {
            SS_TRY(ss_read_integer(points_node, "record.points", 2, LARGEST_CHECKPOINT_COUNT,
                                   &points));
        }
        if (spacing_node) {
            SS_TRY(ss_read_choice(spacing_node, "record.spacing", spacings, 2, &spacing));
        }
    }
    return ss_checkpoints_spaced(spec, points, (ss_spacing)spacing);
}
