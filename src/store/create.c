/*
 * Creating a result file: serially, with all metadata and all space, under a temporary name; then
 * sealed, synced and renamed. Superblock version 0 (no "open for writing" mark that a kill could
 * leave).
 */
#include "creator.h"
#include "disk.h"
#include "quiet_driver.h"
#include "store_private.h"

#include "../base/version.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "result files are little-endian");

/* Columns of integers, a piece of them at a time. */
typedef int64_t integer_at(int kind, const ss_plan *plan, int64_t index);

typedef struct integers {
    integer_at *at;
    int kind;
    int64_t piece[8192];
} integers;

static void fill_integers(void *context, const ss_plan *plan, int64_t first, int64_t count,
                          void *values)
{
    const integers *of = context;
    int64_t *piece = values;
    for (int64_t i = 0; i < count; i++) {
        piece[i] = of->at(of->kind, plan, first + i);
    }
}

static ss_error write_integers(const ss_creator *c, hid_t dataset, int64_t count, integer_at *at,
                               int kind)
{
    integers of = {.at = at, .kind = kind};
    const ss_creator_column column = {
        .type = H5T_NATIVE_INT64,
        .most = sizeof of.piece / sizeof of.piece[0],
        .values = of.piece,
        .fill = fill_integers,
        .context = &of,
    };
    return ss_creator_write_column(c, dataset, count, &column);
}

static int64_t scale_value(int dimension, const ss_plan *plan, int64_t index)
{
    switch (1 << dimension) {
    case SS_DIMENSION_CELL:
        return ss_plan_cell_number(plan, index);
    case SS_DIMENSION_SEED:
        return ss_plan_seed(plan, index);
    case SS_DIMENSION_ITERATION:
        return plan->spec->checkpoints[index];
    default:
        return index;
    }
}

static ss_error create_scales(ss_creator *c)
{
    static const struct {
        const char *name;
        ss_labels labels;
    } scales[SS_DIMENSIONS] = {
        {"cell", {"cell of the grid", "1", "number of the cell, in the order of the sweep file"}},
        {"seed", {"seed", "1", "value of the seed"}},
        {"iteration", {"iteration", "1", "recorded iterations t; 0 is the start"}},
        {"execution_row", {"row of /execution", "1", "number of the row, from 0 on"}},
        {"certificate/row", {"row of A", "1", "number i of the row, from 0 on"}},
        {"iterate_row", {"row of A", "1", "number i of the row, from 0 on"}},
        {"iterate_column", {"column of A", "1", "number of the column, from 0 on"}},
        {"truth_row", {"row of A*", "1", "number i of the row, from 0 on"}},
        {"truth_column", {"column of A*", "1", "number of the column, from 0 on"}},
    };
    int64_t counts[SS_DIMENSIONS];
    ss_creator_sizes(c, counts);
    for (int i = 0; i < SS_DIMENSIONS; i++) {
        if (counts[i] == 0) {
            continue;
        }
        hid_t scale =
            ss_creator_dataset(c, scales[i].name, H5T_STD_I64LE, 1 << i, NULL, scales[i].labels);
        c->scales[i] = scale;
        if (scale < 0 || H5DSset_scale(scale, scales[i].name) < 0) {
            return ss_creator_fail(c, "cannot create a dimension scale");
        }
        SS_TRY(write_integers(c, scale, counts[i], scale_value, i));
    }
    return SS_OK;
}

/* Closes a dataset after it has been written. */
static ss_error close_column(const ss_creator *c, hid_t dataset, ss_error error, const char *name)
{
    ss_error closed = ss_creator_close(c, dataset, dataset < 0 ? -1 : 0, name);
    return error != SS_OK ? error : closed;
}

static int64_t cell_parameter(int parameter, const ss_plan *plan, int64_t cell)
{
    int64_t values[SS_CELL_PARAMETERS];
    ss_run run = ss_plan_run(plan, cell, 0);
    ss_layout_cell_values(&run, values);
    return values[parameter];
}

static ss_error create_cell_parameter(const ss_creator *c, int parameter)
{
    static const ss_labels labels[SS_CELL_PARAMETERS] = {
        {"dimension of the data", "1", "rows d of A and A*"},
        {"latents of the generator", "1", "columns k of A"},
        {"latents of the target", "1", "columns k0 of A*"},
        {"samples in X_n", "1", "number n of fixed samples in X_n; 0 means infinity"},
        {"samples in a batch", "1",
         "number m of generator samples in an iteration; 0 means "
         "infinity"},
    };
    const char *name = ss_layout_cell_names[parameter];
    hid_t dataset =
        ss_creator_dataset(c, name, H5T_STD_I64LE, SS_DIMENSION_CELL, NULL, labels[parameter]);
    ss_error error =
        dataset < 0 ? SS_OK : write_integers(c, dataset, c->plan->cells, cell_parameter, parameter);
    return close_column(c, dataset, error, name);
}

/* A*, where the sweep gives it. */
static ss_error create_truth(const ss_creator *c)
{
    ss_labels labels = {"truth", "1", "A*, the target of all runs: truth.matrix"};
    const double *A_star = c->plan->spec->truth_matrix;
    if (!A_star) {
        return SS_OK;
    }
    hid_t dataset =
        ss_creator_dataset(c, "truth", H5T_IEEE_F64LE,
                           SS_DIMENSION_TRUTH_ROW | SS_DIMENSION_TRUTH_COLUMN, NULL, labels);
    herr_t status =
        dataset < 0 ? -1
                    : H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, A_star);
    return ss_creator_close(c, dataset, status, "truth");
}

/* Of a cell's run; a name may lie in the buffer that it is given. */
typedef const char *name_of(const ss_run *run, char buffer[SS_ACTIVATION_TEXT_SIZE]);

enum { NAMES = 512 };

typedef struct names {
    name_of *of;
    const char *piece[NAMES];
    char texts[NAMES][SS_ACTIVATION_TEXT_SIZE];
} names;

static void fill_names(void *context, const ss_plan *plan, int64_t first, int64_t count,
                       void *values)
{
    names *names = context;
    const char **piece = values;
    for (int64_t i = 0; i < count; i++) {
        ss_run run = ss_plan_run(plan, first + i, 0);
        piece[i] = names->of(&run, names->texts[i]);
    }
}

static ss_error create_names(const ss_creator *c, const char *name, ss_labels labels, name_of *of)
{
    names names = {.of = of};
    const ss_creator_column column = {
        .type = c->string,
        .most = NAMES,
        .values = names.piece,
        .fill = fill_names,
        .context = &names,
    };
    hid_t dataset = ss_creator_dataset(c, name, c->string, SS_DIMENSION_CELL, NULL, labels);
    ss_error error =
        dataset < 0 ? SS_OK : ss_creator_write_column(c, dataset, c->plan->cells, &column);
    return close_column(c, dataset, error, name);
}

static const char *name_of_activation(const ss_run *run, char buffer[SS_ACTIVATION_TEXT_SIZE])
{
    return ss_activation_format(run->activation, buffer);
}

static const char *name_of_row_norm(const ss_run *run, char buffer[SS_ACTIVATION_TEXT_SIZE])
{
    (void)buffer;
    return ss_train_row_norm_name(run->train_row_norm);
}

static ss_error create_all_names(const ss_creator *c)
{
    const ss_labels activation = {"activation", "1", "activation phi, as a sweep file writes it"};
    const ss_labels row_norm = {"row norms", "1",
                                "what A is projected onto: train.row_norm of the sweep file"};
    SS_TRY(create_names(c, "activation", activation, name_of_activation));
    return ss_spec_compares_row_norms(c->plan->spec)
               ? create_names(c, "row_norm", row_norm, name_of_row_norm)
               : SS_OK;
}

/* What /error and the bands are of, and what a relative error is relative to. */
typedef struct measure {
    const char *names[SS_QUANTITIES];
    const char *definitions[SS_QUANTITIES];
    const char *truth_norm;
} measure;

static const measure *measure_of(const ss_creator *c)
{
    static const measure measures[] = {
        [SS_ALGORITHM_SGDA] =
            {
                {"recovery error", "relative recovery error"},
                {"||A A^T - Z*||_F", "||A A^T - Z*||_F / ||Z*||_F"},
                "||Z*||_F",
            },
        [SS_ALGORITHM_MARGINAL] =
            {
                {"error of the row norms", "relative error of the row norms"},
                {"max_i | ||a_i|| - ||a*_i|| |, a_i and a*_i the rows of A and A*",
                 "max_i | ||a_i|| - ||a*_i|| | / max_i ||a*_i||"},
                "max_i ||a*_i||",
            },
    };
    return &measures[c->plan->spec->algorithm];
}

static ss_error create_results(ss_creator *c)
{
    double nan = NAN;
    const measure *measure = measure_of(c);
    char definition[160];
    char contents[256];
    snprintf(definition, sizeof definition,
             "%s (absolute); NaN where not yet committed, and from divergence on",
             measure->definitions[SS_QUANTITY_ERROR]);
    snprintf(contents, sizeof contents,
             "64 bytes a run: status, rank, iterations, truth_norm = %s, seconds, identity, XXH3 "
             "checksums of trajectory and record, reason, kernel, ranks of its process grid",
             measure->truth_norm);
    ss_labels error_labels = {measure->names[SS_QUANTITY_ERROR], "1", definition};
    ss_labels run_labels = {"records of the runs", "1", contents};
    hid_t record = ss_layout_record_type(SS_STORE_FORMAT_VERSION);
    hid_t error = ss_creator_dataset(c, "error", H5T_IEEE_F64LE,
                                     SS_DIMENSION_CELL | SS_DIMENSION_SEED | SS_DIMENSION_ITERATION,
                                     &nan, error_labels);
    hid_t run = error < 0
                    ? -1
                    : ss_creator_dataset(c, "run", record, SS_DIMENSION_CELL | SS_DIMENSION_SEED,
                                         NULL, run_labels);
    H5Tclose(record);
    if (error >= 0) {
        ss_creator_note_range(c, error, true);
        H5Dclose(error);
    }
    if (run < 0) {
        return ss_creator_fail(c, "cannot create /error and /run");
    }
    ss_creator_note_range(c, run, false);
    H5Dclose(run);
    return SS_OK;
}

static ss_error create_band(ss_creator *c, const char *group, const char *statistic,
                            const char *meaning, ss_quantity quantity)
{
    char name[64];
    char long_name[128];
    char description[256];
    double nan = NAN;
    bool count = strcmp(statistic, "count") == 0;
    snprintf(name, sizeof name, "%s/%s", group, statistic);
    snprintf(long_name, sizeof long_name, "%s of the %s", count ? "count" : meaning,
             measure_of(c)->names[quantity]);
    snprintf(description, sizeof description,
             "%s over the seeds whose runs are DONE, of %s; NaN (count 0) until reduced", meaning,
             measure_of(c)->definitions[quantity]);
    ss_labels labels = {long_name, "1", description};
    hid_t type = count ? H5T_STD_I64LE : H5T_IEEE_F64LE;
    hid_t dataset = ss_creator_dataset(c, name, type, SS_DIMENSION_CELL | SS_DIMENSION_ITERATION,
                                       count ? NULL : &nan, labels);
    if (dataset < 0) {
        return ss_creator_fail(c, name);
    }
    ss_creator_note_range(c, dataset, !count);
    H5Dclose(dataset);
    return SS_OK;
}

static ss_error create_bands(ss_creator *c)
{
    SS_TRY(ss_creator_group(c, "/bands"));
    for (int q = 0; q < SS_QUANTITIES; q++) {
        const char *group = ss_layout_quantity_groups[q];
        SS_TRY(ss_creator_group(c, group));
        for (int s = 0; s < SS_STATISTIC_COUNT; s++) {
            SS_TRY(create_band(c, group, ss_statistic_name((ss_statistic)s),
                               ss_statistic_description((ss_statistic)s), (ss_quantity)q));
        }
        SS_TRY(create_band(c, group, "count", "number of values", (ss_quantity)q));
    }
    return SS_OK;
}

/* After ss_layout_part_names. */
static ss_error create_parts(ss_creator *c)
{
    static const ss_labels labels[RESULT_PARTS] = {
        {"residual", "1", "||S A||_F / ||A||_F at the end of the run; NaN: there is none"},
        {"smallest eigenvalue", "1", "of S = grad g(A A^T) - diag(lambda); NaN: there is none"},
        {"multipliers", "1",
         "lambda_i of the rows of A; NaN from i = d on, and where there is none"},
        {"iterates", "1",
         "A at the recorded iterations; NaN behind its own d rows and k columns, where not yet "
         "committed, and from divergence on"},
        {"spectral covariance error", "1", "||X_n - X||_2, X = F(Z*) (Lemma 3)"},
        {"covariance error", "1", "||X_n - X||_F"},
        {"gradient error of n samples", "1", "||grad g_n - grad g||_F at the start A0 (Lemma 4)"},
        {"squared bias of a batch's gradient", "1",
         "||E grad g_{m,n} - grad g_n||_F^2 at A0 (Lemma 5), an unbiased estimate from 1000 "
         "batches: below 0 where their noise is larger"},
        {"standard error of bias_squared", "1", "by the jackknife over 20 groups of batches"},
    };
    static const int dimensions[RESULT_PARTS] = {
        [SS_CERTIFICATE_MULTIPLIERS] = SS_DIMENSION_ROW,
        [SS_PART_ITERATE] =
            SS_DIMENSION_ITERATION | SS_DIMENSION_ITERATE_ROW | SS_DIMENSION_ITERATE_COLUMN,
    };
    ss_store_shape shape = ss_store_shape_for(c->plan);
    double nan = NAN;
    for (int part = 0; part < RESULT_PARTS; part++) {
        const char *name = ss_layout_part_names[part];
        if (ss_boxes_values(ss_store_part_room(&shape, part)) == 0) {
            continue;
        }
        hid_t dataset = ss_creator_dataset(c, name, H5T_IEEE_F64LE,
                                           SS_DIMENSION_CELL | SS_DIMENSION_SEED | dimensions[part],
                                           &nan, labels[part]);
        if (dataset < 0) {
            return ss_creator_fail(c, name);
        }
        ss_creator_note_range(c, dataset, true);
        H5Dclose(dataset);
    }
    return SS_OK;
}

/* The last of all, at the end of the file: what is read often stays together. */
static ss_error create_executions(ss_creator *c)
{
    ss_labels labels = {
        "executions", "1",
        "800 bytes for each `run` that opened this file for writing: when, where, with what, how "
        "it ended; number 0: none"};
    hid_t type = ss_layout_execution_type();
    hid_t dataset = ss_creator_dataset(c, "execution", type, SS_DIMENSION_EXECUTION, NULL, labels);
    H5Tclose(type);
    if (dataset < 0) {
        return ss_creator_fail(c, "cannot create /execution");
    }
    ss_creator_note_range(c, dataset, false);
    H5Dclose(dataset);
    return SS_OK;
}

static ss_error write_provenance(const ss_creator *c, const ss_provenance *provenance)
{
    char settings[SS_SETTINGS_SIZE];
    char digest[SS_DIGEST_SIZE];
    char created[32];
    char shard[SS_SHARD_TEXT_SIZE];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    ss_plan_digest(c->plan, digest);
    SS_TRY(ss_creator_write_text(c, c->file, "format", SS_STORE_FORMAT));
    SS_TRY(ss_creator_write_integer(c, "format_version", SS_STORE_FORMAT_VERSION));
    SS_TRY(ss_creator_write_text(c, c->file, "name", c->plan->spec->name));
    SS_TRY(ss_creator_write_text(c, c->file, "spec", provenance->spec_text));
    SS_TRY(ss_creator_write_text(c, c->file, "overrides", provenance->overrides));
    SS_TRY(ss_creator_write_text(c, c->file, "shard", ss_shard_format(c->plan->shard, shard)));
    SS_TRY(ss_creator_write_text(c, c->file, "settings", ss_plan_settings(c->plan, settings)));
    SS_TRY(ss_creator_write_text(c, c->file, "plan_digest", digest));
    SS_TRY(ss_creator_write_text(c, c->file, "created", created));
    SS_TRY(ss_creator_write_text(c, c->file, "version", ss_version()));
    SS_TRY(ss_creator_write_text(c, c->file, "git_commit", ss_version_commit()));
    SS_TRY(ss_creator_write_text(c, c->file, "compiler", ss_version_compiler()));
    SS_TRY(ss_creator_write_text(c, c->file, "library_versions", provenance->libraries));
    SS_TRY(ss_creator_write_text(c, c->file, "kernel", provenance->kernel));
    SS_TRY(ss_creator_write_text(c, c->file, "hosts", provenance->hosts));
    return ss_creator_write_integer(c, "ranks", provenance->ranks);
}

static ss_error fill_file(ss_creator *c, const ss_provenance *provenance)
{
    SS_TRY(write_provenance(c, provenance));
    if (c->plan->spec->covariance_error) {
        SS_TRY(ss_creator_group(c, "/covariance_error"));
    }
    if (c->plan->spec->gradient_bias) {
        SS_TRY(ss_creator_group(c, "/gradient_error"));
    }
    if (c->plan->multipliers > 0) {
        SS_TRY(ss_creator_group(c, "/certificate"));
    }
    SS_TRY(create_scales(c));
    for (int parameter = 0; parameter < SS_CELL_PARAMETERS; parameter++) {
        SS_TRY(create_cell_parameter(c, parameter));
    }
    SS_TRY(create_all_names(c));
    SS_TRY(create_truth(c));
    SS_TRY(create_results(c));
    SS_TRY(create_bands(c));
    SS_TRY(create_parts(c));
    return create_executions(c);
}

static ss_error write_file(ss_creator *c, const ss_provenance *provenance)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST);
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(creation, SS_SEAL_BYTES);
    ss_quiet_driver_set(access, &c->cause);
    c->file = H5Fcreate(c->path, H5F_ACC_TRUNC, creation, access);
    H5Pclose(creation);
    H5Pclose(access);
    if (c->file < 0) {
        return c->cause != 0 ? ss_disk_failed(c->path, "cannot be created", c->cause)
                             : ss_creator_fail(c, "cannot be created");
    }
    c->string = ss_layout_string_type();
    ss_error error = fill_file(c, provenance);
    for (int i = 0; i < SS_DIMENSIONS; i++) {
        if (c->scales[i] > 0) {
            H5Dclose(c->scales[i]);
        }
    }
    H5Tclose(c->string);
    if (H5Fclose(c->file) < 0 && error == SS_OK) {
        error = ss_creator_fail(c, "cannot be written to its end");
    }
    return c->cause != 0 ? ss_disk_failed(c->path, "cannot be created", c->cause) : error;
}

/* Where there are no locks another process may have made it meanwhile: that one stays. */
static int name_file(const char *temporary, const char *path)
{
    int status = renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE);
    if (status != 0 && errno == EEXIST) {
        return unlink(temporary);
    }
    if (status != 0 && (errno == EINVAL || errno == ENOSYS)) { /* NFS knows it not, but links */
        status = link(temporary, path) == 0 || errno == EEXIST ? unlink(temporary)
                                                               : rename(temporary, path);
    }
    return status;
}

ss_error ss_store_create(const char *path, const ss_plan *plan, const ss_provenance *provenance,
                         bool alone)
{
    char temporary[PATH_MAX];
    char folder[PATH_MAX];
    char own[24] = "";
    if (!alone) {
        snprintf(own, sizeof own, ".%ld", (long)getpid());
    }
    if (snprintf(temporary, sizeof temporary, "%s.creating%s", path, own) >=
        (int)sizeof temporary) {
        return ss_fail(SS_ERR_USAGE, "%s: the name is too long", path);
    }
    snprintf(folder, sizeof folder, "%s", path);
    ss_store_begin();
    ss_creator c = {.path = temporary, .plan = plan};
    ss_error error = ss_space_try(temporary, ss_store_predicted_bytes(plan));
    if (error == SS_OK) {
        error = write_file(&c, provenance);
    }
    if (error == SS_OK) {
        error = ss_seal_write(temporary, SS_STORE_FORMAT_VERSION, c.range, c.ranges);
    }
    if (error == SS_OK) {
        error = ss_space_fill(temporary, c.nan_range, c.nan_ranges);
    }
    if (error == SS_OK && name_file(temporary, path) != 0) {
        error = ss_disk_failed(path, "cannot be named so", errno);
    }
    if (error != SS_OK) {
        unlink(temporary);
        return error;
    }
    return ss_space_sync(dirname(folder));
}

double ss_store_predicted_bytes(const ss_plan *plan)
{
    double cells = (double)plan->cells;
    double runs = cells * (double)plan->seeds;
    double checkpoints = (double)plan->checkpoints;
    double names = ss_spec_compares_row_norms(plan->spec) ? 2 : 1;
    double per_cell = 8 * (1 + SS_CELL_PARAMETERS) + names * (16 + 32); /* a name and its heap */
    double bands = SS_QUANTITIES * (SS_STATISTIC_COUNT + 1) * checkpoints * 8;
    double multipliers = (double)plan->multipliers;
    double iterate_rows = (double)plan->iterate_rows;
    double iterate_columns = (double)plan->iterate_columns;
    double parts = 0;
    ss_store_shape shape = ss_store_shape_for(plan);
    for (int part = 0; part < RESULT_PARTS; part++) {
        parts += 8 * (double)ss_boxes_values(ss_store_part_room(&shape, part));
    }
    double metadata = 40e3 + SS_EXECUTION_ROWS * (sizeof(ss_execution_record) + 8);
    double truth = (double)(plan->spec->truth_rows * plan->spec->latent);
    metadata += plan->spec->truth_matrix ? 8 * truth : 0;
    return metadata + cells * (per_cell + bands) +
           runs * (sizeof(ss_record) + 8 * checkpoints + parts) +
           8 * ((double)plan->seeds + checkpoints + multipliers + iterate_rows + iterate_columns);
}
