/* What the file says about itself: attributes, cells, and whether it belongs to a plan. */
#include "../base/memory.h"
#include "store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reads `count` int64 values from `first` on of a one-dimensional dataset. */
static ss_error read_values(const ss_store *store, const char *name, int64_t first, int64_t count,
                            int64_t *values)
{
    hid_t dataset = -1;
    hid_t space = -1;
    hsize_t extent = 0;
    hsize_t start = (hsize_t)first;
    hsize_t size = (hsize_t)count;
    ss_error error = ss_store_open_dataset(store, name, 1, &dataset, &space, &extent);
    if (error == SS_OK &&
        (start + size > extent ||
         ss_store_read_box(dataset, space, H5T_NATIVE_INT64, 1, &start, &size, values) < 0)) {
        error = ss_store_damaged(store, "a dataset of the cells cannot be read");
    }
    if (space >= 0) {
        H5Sclose(space);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return error;
}

/* A cell's entry of a dataset of names, copied into `name` as far as it fits. */
static ss_error read_name(const ss_store *store, const char *dataset_name, int64_t cell,
                          char name[SS_ACTIVATION_TEXT_SIZE])
{
    hid_t dataset = -1;
    hid_t space = -1;
    hsize_t extent = 0;
    hsize_t start = (hsize_t)cell;
    hsize_t size = 1;
    char *text = NULL;
    ss_error error = ss_store_open_dataset(store, dataset_name, 1, &dataset, &space, &extent);
    if (error == SS_OK &&
        (start >= extent ||
         ss_store_read_box(dataset, space, store->string_type, 1, &start, &size, &text) < 0 ||
         !text)) {
        char what[64];
        snprintf(what, sizeof what, "/%s cannot be read", dataset_name);
        error = ss_store_damaged(store, what);
    }
    snprintf(name, SS_ACTIVATION_TEXT_SIZE, "%s", error == SS_OK ? text : "");
    H5free_memory(text);
    if (space >= 0) {
        H5Sclose(space);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return error;
}

/* One cell's own parameters as the file has them (d, k, k0, n, m, activation); the rest of *run is
 * zero. */
static ss_error read_cell(const ss_store *store, int64_t cell, ss_run *run)
{
    int64_t *fields[SS_CELL_PARAMETERS] = {&run->d, &run->k, &run->k0, &run->n, &run->m};
    *run = (ss_run){0};
    for (int parameter = 0; parameter < SS_CELL_PARAMETERS; parameter++) {
        SS_TRY(read_values(store, ss_layout_cell_names[parameter], cell, 1, fields[parameter]));
    }
    char name[SS_ACTIVATION_TEXT_SIZE];
    SS_TRY(read_name(store, "activation", cell, name));
    return ss_activation_parse(name, &run->activation) == SS_OK
               ? SS_OK
               : ss_store_damaged(store, "/activation holds an unknown name");
}

ss_error ss_store_read_cell_numbers(const ss_store *store, int64_t *numbers)
{
    return read_values(store, "cell", 0, store->shape.cells, numbers);
}

ss_error ss_store_read_attribute(const ss_store *store, const char *name, char **text)
{
    *text = NULL;
    char *found = ss_store_read_text(store, name);
    if (!found) {
        return ss_fail(SS_ERR_FORMAT,
                       "%s: is damaged: its attribute \"%s\" is missing; restore the file from a "
                       "copy, or run the sweep into a new one",
                       store->path, name);
    }
    ss_error error = ss_allocate(strlen(found) + 1, 1, text);
    if (error == SS_OK) {
        strcpy(*text, found);
    }
    H5free_memory(found);
    return error;
}

ss_error ss_store_read_shard(const ss_store *store, ss_shard *shard)
{
    ss_error error = SS_OK;
    char *text = ss_store_read_text(store, "shard");
    *shard = SS_SHARD_WHOLE;
    if (text && ss_shard_parse(text, shard) != SS_OK) {
        error = ss_store_damaged(store, "its attribute \"shard\" is no I/N");
    }
    H5free_memory(text);
    return error;
}

/* A difference alone: what it means, and what to do, is said by explain(). */
static ss_error differs(const char *what, const char *found, const char *expected)
{
    return ss_fail(SS_ERR_PLAN_DIFFERS, "%s is %s in the file, %s in the sweep", what, found,
                   expected);
}

static ss_error match_number(const char *what, int64_t found, int64_t expected)
{
    char in_file[32];
    char in_sweep[32];
    if (found == expected) {
        return SS_OK;
    }
    snprintf(in_file, sizeof in_file, "%" PRId64, found);
    snprintf(in_sweep, sizeof in_sweep, "%" PRId64, expected);
    return differs(what, in_file, in_sweep);
}

static ss_error match_samples(const char *what, int64_t found, int64_t expected)
{
    char in_file[SS_SAMPLES_TEXT_SIZE];
    char in_sweep[SS_SAMPLES_TEXT_SIZE];
    return found == expected ? SS_OK
                             : differs(what, ss_samples_text(found, in_file),
                                       ss_samples_text(expected, in_sweep));
}

static ss_error match_shape(const ss_store *store, const ss_plan *plan)
{
    SS_TRY(match_number("the number of cells", store->shape.cells, plan->cells));
    SS_TRY(match_number("the number of seeds", store->shape.seeds, plan->seeds));
    SS_TRY(match_number("the number of recorded iterations", store->shape.checkpoints,
                        plan->checkpoints));
    SS_TRY(match_number("the number of multipliers", store->shape.multipliers, plan->multipliers));
    SS_TRY(match_number("the number of rows of /iterate", store->shape.iterate_rows,
                        plan->iterate_rows));
    SS_TRY(match_number("the number of columns of /iterate", store->shape.iterate_columns,
                        plan->iterate_columns));
    SS_TRY(match_number("whether there are covariance errors", store->shape.covariances,
                        plan->spec->covariance_error));
    return match_number("whether there are gradient errors", store->shape.gradients,
                        plan->spec->gradient_bias);
}

static ss_error match_scale(const ss_store *store, const char *name, int64_t index,
                            int64_t expected)
{
    int64_t found;
    char what[64];
    snprintf(what, sizeof what, "%s number %" PRId64, name, index);
    SS_TRY(read_values(store, name, index, 1, &found));
    return match_number(what, found, expected);
}

/* Of sweeps whose cells differ in it. */
static ss_error match_row_norm(const ss_store *store, int64_t cell, int64_t number,
                               const ss_run *expected)
{
    char found[SS_ACTIVATION_TEXT_SIZE];
    char what[64];
    SS_TRY(read_name(store, "row_norm", cell, found));
    if (strcmp(found, ss_train_row_norm_name(expected->train_row_norm)) == 0) {
        return SS_OK;
    }
    snprintf(what, sizeof what, "row norms of cell %" PRId64, number);
    return differs(what, found, ss_train_row_norm_name(expected->train_row_norm));
}

static ss_error match_cells(const ss_store *store, const ss_plan *plan)
{
    for (int64_t cell = 0; cell < plan->cells; cell++) {
        ss_run found;
        int64_t number = ss_plan_cell_number(plan, cell);
        ss_run expected = ss_plan_run(plan, cell, 0);
        int64_t in_file[SS_CELL_PARAMETERS];
        int64_t in_sweep[SS_CELL_PARAMETERS];
        SS_TRY(match_scale(store, "cell", cell, number));
        SS_TRY(read_cell(store, cell, &found));
        ss_layout_cell_values(&found, in_file);
        ss_layout_cell_values(&expected, in_sweep);
        char what[64];
        for (int p = 0; p < SS_CELL_PARAMETERS; p++) {
            snprintf(what, sizeof what, "%s of cell %" PRId64, ss_layout_cell_names[p], number);
            SS_TRY(p < SS_CELL_SAMPLES ? match_number(what, in_file[p], in_sweep[p])
                                       : match_samples(what, in_file[p], in_sweep[p]));
        }
        char found_name[SS_ACTIVATION_TEXT_SIZE];
        char expected_name[SS_ACTIVATION_TEXT_SIZE];
        ss_activation_format(found.activation, found_name);
        ss_activation_format(expected.activation, expected_name);
        if (strcmp(found_name, expected_name) != 0) {
            snprintf(what, sizeof what, "activation of cell %" PRId64, number);
            return differs(what, found_name, expected_name);
        }
        if (ss_spec_compares_row_norms(plan->spec)) {
            SS_TRY(match_row_norm(store, cell, number, &expected));
        }
    }
    return SS_OK;
}

static ss_error match_labels(const ss_store *store, const ss_plan *plan)
{
    SS_TRY(match_shape(store, plan));
    for (int64_t i = 0; i < plan->seeds; i++) {
        SS_TRY(match_scale(store, "seed", i, ss_plan_seed(plan, i)));
    }
    for (int64_t i = 0; i < plan->checkpoints; i++) {
        SS_TRY(match_scale(store, "iteration", i, plan->spec->checkpoints[i]));
    }
    return match_cells(store, plan);
}

static ss_error match_settings(const ss_store *store, const ss_plan *plan)
{
    char settings[SS_SETTINGS_SIZE];
    ss_difference d;
    char *found = ss_store_read_text(store, "settings");
    if (!found) {
        return ss_store_damaged(store, "its attribute \"settings\" is missing");
    }
    bool differ = ss_settings_differ(found, ss_plan_settings(plan, settings), &d);
    H5free_memory(found);
    return differ ? differs(d.what, d.first, d.second) : SS_OK;
}

/* "shard 2/5 of its sweep", into `buffer`, which is returned. */
static const char *part_of(ss_shard shard, char *buffer, size_t size)
{
    char text[SS_SHARD_TEXT_SIZE];
    if (shard.count == 1) {
        return "the whole sweep";
    }
    snprintf(buffer, size, "shard %s of its sweep", ss_shard_format(shard, text));
    return buffer;
}

static ss_error match_shard(const ss_store *store, const ss_plan *plan)
{
    ss_shard found;
    char in_file[96];
    char wanted[96];
    SS_TRY(ss_store_read_shard(store, &found));
    if (ss_shard_same(found, plan->shard)) {
        return SS_OK;
    }
    return ss_fail(SS_ERR_PLAN_DIFFERS,
                   "%s: was made for %s, not for %s; name another output file, or the shard that "
                   "this one is of",
                   store->path, part_of(found, in_file, sizeof in_file),
                   part_of(plan->shard, wanted, sizeof wanted));
}

/* What else a plan_digest covers. */
static ss_error match_rest(const ss_store *store, const ss_plan *plan)
{
    SS_TRY(match_labels(store, plan));
    if (plan->shard.count > 1) {
        return differs("the set of cells or seeds that other shards have", "another", "this");
    }
    /* nothing differs, but the digest does: the attribute itself is damaged */
    return differs("plan_digest", "damaged", "intact");
}

static bool same_digest(const ss_store *store, const ss_plan *plan)
{
    char digest[SS_DIGEST_SIZE];
    ss_plan_digest(plan, digest);
    char *found = ss_store_read_text(store, "plan_digest");
    bool same = found && strcmp(found, digest) == 0;
    H5free_memory(found);
    return same;
}

/* What a difference means, and what to do about it. */
typedef struct explanation {
    const char *meaning, *remedy;
} explanation;

/* The plan is that of a sweep to be run … */
static const explanation of_given = {
    "was made for another plan",
    "name another output file (`--reuse` takes over the runs that both have)"};

/* … or of the sweep file in the result file. */
static const explanation of_own = {"does not agree with the sweep file in it",
                                   "undo what was changed in the file, or restore it from a copy"};

static ss_error explain(const ss_store *store, const explanation *e, ss_error error)
{
    char difference[512];
    if (error != SS_ERR_PLAN_DIFFERS) {
        return error;
    }
    snprintf(difference, sizeof difference, "%s", ss_error_text());
    return ss_fail(error, "%s: %s; first difference: %s; %s", store->path, e->meaning, difference,
                   e->remedy);
}

static ss_error match(const ss_store *store, const ss_plan *plan, const explanation *e)
{
    if (same_digest(store, plan)) {
        return explain(store, e, match_shape(store, plan));
    }
    SS_TRY(explain(store, e, match_settings(store, plan))); /* the clearest first */
    SS_TRY(match_shard(store, plan));
    return explain(store, e, match_rest(store, plan));
}

ss_error ss_store_match(const ss_store *store, const ss_plan *plan)
{
    return match(store, plan, &of_given);
}

ss_error ss_store_match_own(const ss_store *store, const ss_plan *plan)
{
    return match(store, plan, &of_own);
}

ss_error ss_store_match_labels(const ss_store *store, const ss_plan *plan)
{
    return explain(store, &of_own, match_labels(store, plan));
}
