#include "truth.h"

#include "../base/memory.h"
#include "reader.h"

#include <inttypes.h>
#include <math.h>

static const char path[] = "truth.matrix";

static const ss_values *values_of(const ss_spec *spec, ss_axis_id axis)
{
    return &spec->axes[spec->axes[axis].root].values;
}

/* The matrix is that of every cell: d is its rows … */
static ss_error check_rows(const ss_yaml_node *matrix, const ss_spec *spec)
{
    const ss_values *d = values_of(spec, SS_AXIS_D);
    for (int64_t i = 0; i < d->count; i++) {
        if (ss_values_at(d, i) != spec->truth_rows) {
            return ss_yaml_fail(SS_ERR_SPEC, &matrix->place,
                                "%s: has %" PRId64 " rows, but grid.d has %" PRId64
                                "; A* has d rows in every cell",
                                path, spec->truth_rows, ss_values_at(d, i));
        }
    }
    return SS_OK;
}

/* … and k at least its columns, of which the first row has some. */
static ss_error check_columns(const ss_yaml_node *matrix, const ss_spec *spec)
{
    int64_t smallest_k = ss_values_smallest(values_of(spec, SS_AXIS_K));
    const ss_yaml_node *row = matrix->items[0];
    int64_t columns = row->kind == SS_YAML_SEQUENCE ? (int64_t)row->count : 0;
    return smallest_k >= columns
               ? SS_OK
               : ss_yaml_fail(SS_ERR_SPEC, &matrix->place,
                              "%s: has %" PRId64 " columns, its k0, but k goes down to %" PRId64
                              "; the generator needs k >= k0 in every cell",
                              path, columns, smallest_k);
}

/* Row i; the first one says how many columns there are. Lists have no place of their own (yaml.c),
 * their first numbers have. */
static ss_error read_row(const ss_yaml_node *row, int64_t i, ss_spec *spec)
{
    bool any = false;
    if (row->kind != SS_YAML_SEQUENCE || row->count == 0) {
        return ss_read_mismatch(row, path, "a list of numbers for each row, e.g. [[1], [1]]");
    }
    if (i == 0) {
        spec->latent = (int64_t)row->count;
        SS_TRY(ss_allocate((size_t)(spec->truth_rows * spec->latent), sizeof(double),
                           &spec->truth_matrix));
    }
    if ((int64_t)row->count != spec->latent) {
        return ss_yaml_fail(SS_ERR_SPEC, &row->items[0]->place,
                            "%s: row %" PRId64 " has %zu numbers, the first one %" PRId64
                            "; all rows have k0",
                            path, i + 1, row->count, spec->latent);
    }
    for (int64_t j = 0; j < spec->latent; j++) {
        double *entry = &spec->truth_matrix[i * spec->latent + j];
        SS_TRY(ss_read_number(row->items[j], path, -INFINITY, false, entry));
        any = any || *entry != 0;
    }
    return any ? SS_OK
               : ss_yaml_fail(SS_ERR_SPEC, &row->items[0]->place,
                              "%s: row %" PRId64 " is zero, and no row of A could be rescaled to "
                              "its norm; leave out that dimension",
                              path, i + 1);
}

ss_error ss_truth_matrix_read(const ss_yaml_node *matrix, ss_spec *spec)
{
    if (matrix->kind != SS_YAML_SEQUENCE || matrix->count == 0) {
        return ss_read_mismatch(matrix, path, "a list of d rows of k0 numbers, e.g. [[1], [1]]");
    }
    spec->truth_rows = (int64_t)matrix->count;
    SS_TRY(check_rows(matrix, spec)); /* before there is memory for it */
    SS_TRY(check_columns(matrix, spec));
    for (int64_t i = 0; i < spec->truth_rows; i++) {
        SS_TRY(read_row(matrix->items[i], i, spec));
    }
    return SS_OK;
}
