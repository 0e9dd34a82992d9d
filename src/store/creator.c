#include "creator.h"

#include "../base/phase.h"

#include <hdf5_hl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

ss_error ss_creator_fail(const ss_creator *c, const char *what)
{
    return ss_layout_fail(SS_ERR_IO, c->path, what);
}

ss_error ss_creator_write_text(const ss_creator *c, hid_t object, const char *name,
                               const char *text)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, c->string, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t status = attribute < 0 ? -1 : H5Awrite(attribute, c->string, &text);
    ss_error error = status < 0 ? ss_creator_fail(c, name) : SS_OK;
    if (attribute >= 0) {
        H5Aclose(attribute);
    }
    H5Sclose(space);
    return error;
}

ss_error ss_creator_write_integer(const ss_creator *c, const char *name, int64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(c->file, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t status = attribute < 0 ? -1 : H5Awrite(attribute, H5T_NATIVE_INT64, &value);
    ss_error error = status < 0 ? ss_creator_fail(c, name) : SS_OK;
    if (attribute >= 0) {
        H5Aclose(attribute);
    }
    H5Sclose(space);
    return error;
}

/* All space is allocated now, but HDF5 fills none of it: ss_space_fill does that. */
static hid_t contiguous_properties(hid_t type, const double *fill)
{
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_layout(properties, H5D_CONTIGUOUS);
    H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
    /* strings in a heap cannot do without; there are few */
    bool string = H5Tis_variable_str(type) > 0;
    H5Pset_fill_time(properties, string ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER);
    if (fill) {
        H5Pset_fill_value(properties, type, fill);
    }
    return properties;
}

void ss_creator_sizes(const ss_creator *c, int64_t sizes[SS_DIMENSIONS])
{
    const ss_plan *plan = c->plan;
    const ss_spec *spec = plan->spec;
    const int64_t found[SS_DIMENSIONS] = {
        plan->cells,           plan->seeds,       plan->checkpoints,
        SS_EXECUTION_ROWS,     plan->multipliers, plan->iterate_rows,
        plan->iterate_columns, spec->truth_rows,  spec->truth_matrix ? spec->latent : 0,
    };
    memcpy(sizes, found, sizeof found);
}

hid_t ss_creator_dataset(const ss_creator *c, const char *name, hid_t type, int dimensions,
                         const double *fill, ss_labels labels)
{
    int64_t sizes[SS_DIMENSIONS];
    hsize_t shape[SS_DIMENSIONS];
    int rank = 0;
    ss_creator_sizes(c, sizes);
    for (int dimension = 0; dimension < SS_DIMENSIONS; dimension++) {
        if (dimensions & 1 << dimension) {
            shape[rank++] = (hsize_t)sizes[dimension];
        }
    }
    hid_t space = H5Screate_simple(rank, shape, NULL);
    hid_t properties = contiguous_properties(type, fill);
    hid_t dataset = c->cause != 0 ? -1
                                  : H5Dcreate2(c->file, name, type, space, H5P_DEFAULT, properties,
                                               H5P_DEFAULT);
    H5Pclose(properties);
    H5Sclose(space);
    bool good = dataset >= 0 &&
                ss_creator_write_text(c, dataset, "long_name", labels.long_name) == SS_OK &&
                ss_creator_write_text(c, dataset, "units", labels.units) == SS_OK &&
                ss_creator_write_text(c, dataset, "description", labels.description) == SS_OK;
    for (int dimension = 0, position = 0; good && dimension < SS_DIMENSIONS; dimension++) {
        if (dimensions & 1 << dimension && c->scales[dimension] > 0) {
            good = H5DSattach_scale(dataset, c->scales[dimension], (unsigned)position++) >= 0;
        }
    }
    if (!good && dataset >= 0) {
        H5Dclose(dataset);
        dataset = -1;
    }
    return dataset;
}

static herr_t write_piece(hid_t dataset, hid_t type, hsize_t first, hsize_t count,
                          const void *values)
{
    hid_t file_space = H5Dget_space(dataset);
    hid_t memory_space = H5Screate_simple(1, &count, NULL);
    H5Sselect_hyperslab(file_space, H5S_SELECT_SET, &first, NULL, &count, NULL);
    herr_t status = H5Dwrite(dataset, type, memory_space, file_space, H5P_DEFAULT, values);
    H5Sclose(memory_space);
    H5Sclose(file_space);
    return status;
}

ss_error ss_creator_write_column(const ss_creator *c, hid_t dataset, int64_t count,
                                 const ss_creator_column *column)
{
    ss_error error = SS_OK;
    ss_phase phase = ss_phase_begin("writing the cells of the new file", count);
    for (int64_t first = 0; first < count && error == SS_OK; first += column->most) {
        int64_t size = count - first < column->most ? count - first : column->most;
        column->fill(column->context, c->plan, first, size, column->values);
        if (write_piece(dataset, column->type, (hsize_t)first, (hsize_t)size, column->values) < 0) {
            error = ss_creator_fail(c, "cannot write to the end of a dataset");
        } else {
            error = ss_phase_step(&phase, first);
        }
    }
    ss_phase_end(&phase);
    return error;
}

ss_error ss_creator_group(const ss_creator *c, const char *name)
{
    hid_t group = H5Gcreate2(c->file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0) {
        return ss_creator_fail(c, name);
    }
    H5Gclose(group);
    return SS_OK;
}

ss_error ss_creator_close(const ss_creator *c, hid_t dataset, herr_t status, const char *name)
{
    ss_error error = SS_OK;
    if (status < 0) {
        char what[128];
        snprintf(what, sizeof what, "cannot create /%s", name);
        error = ss_creator_fail(c, what);
    }
    if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return error;
}

void ss_creator_note_range(ss_creator *c, hid_t dataset, bool nan)
{
    ss_space_range range = ss_layout_range(dataset);
    c->range[c->ranges++] = range;
    if (nan) {
        c->nan_range[c->nan_ranges++] = range;
    }
}
