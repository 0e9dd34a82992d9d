/* Reading and writing pieces of an open result file, as store_private.h declares it. */
#include "store_private.h"

#include <stdio.h>

ss_error ss_store_damaged(const ss_store *store, const char *what)
{
    return ss_layout_fail(SS_ERR_FORMAT, store->path, what);
}

ss_error ss_store_open_dataset(const ss_store *store, const char *name, int rank, hid_t *dataset,
                               hid_t *space, hsize_t *sizes)
{
    *dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    *space = *dataset < 0 ? -1 : H5Dget_space(*dataset);
    if (*space < 0 || H5Sget_simple_extent_ndims(*space) != rank ||
        H5Sget_simple_extent_dims(*space, sizes, NULL) < 0) {
        char what[128];
        snprintf(what, sizeof what, "the dataset /%s is missing or has another shape", name);
        return ss_store_damaged(store, what);
    }
    return SS_OK;
}

/* What H5Dwrite needs; the dataset is the target's from then on. */
static void aim(hid_t dataset, ss_store_target *target)
{
    target->dataset = dataset;
    target->type = H5Dget_type(dataset);
    target->element_bytes = H5Tget_size(target->type);
    target->space = H5Dget_space(dataset);
    target->rank = H5Sget_simple_extent_dims(target->space, target->sizes, NULL);
    target->memory = H5Screate(H5S_SIMPLE);
}

static ss_error find_range(ss_store *store, const char *name, hid_t type, int range)
{
    hid_t dataset = H5Dopen2(store->file, name, H5P_DEFAULT);
    hid_t found = dataset < 0 ? -1 : H5Dget_type(dataset);
    bool plain = found >= 0 && H5Tequal(found, type) > 0 && H5Dget_offset(dataset) != HADDR_UNDEF;
    if (plain) {
        store->ranges[range] = ss_layout_range(dataset);
    }
    if (found >= 0) {
        H5Tclose(found);
    }
    if (plain && store->comm != MPI_COMM_NULL && !store->direct) {
        aim(dataset, &store->targets[range]);
    } else if (dataset >= 0) {
        H5Dclose(dataset);
    }
    return plain ? SS_OK
                 : ss_fail(SS_ERR_FORMAT, "%s: %s is not laid out as at its creation", store->path,
                           name);
}

static ss_error find_executions(ss_store *store)
{
    if (store->version < 3) {
        return SS_OK;
    }
    hid_t type = ss_layout_execution_type();
    ss_error error = find_range(store, "/execution", type, SS_RANGE_EXECUTION);
    H5Tclose(type);
    if (error == SS_OK && store->ranges[SS_RANGE_EXECUTION].bytes !=
                              SS_EXECUTION_ROWS * sizeof(ss_execution_record)) {
        error = ss_fail(SS_ERR_FORMAT, "%s: /execution has another shape than at its creation",
                        store->path);
    }
    return error;
}

static ss_error find_part(ss_store *store, int part)
{
    const char *name = ss_layout_part_names[part];
    int64_t runs = store->shape.cells * store->shape.seeds;
    int64_t values = ss_boxes_values(ss_store_part_room(&store->shape, part));
    if (values == 0) {
        return SS_OK;
    }
    SS_TRY(find_range(store, name, H5T_NATIVE_DOUBLE, SS_RANGE_PARTS + part));
    return store->ranges[SS_RANGE_PARTS + part].bytes == (size_t)(runs * values) * sizeof(double)
               ? SS_OK
               : ss_fail(SS_ERR_FORMAT, "%s: %s has another shape than at its creation",
                         store->path, name);
}

ss_error ss_store_find_ranges(ss_store *store)
{
    SS_TRY(find_range(store, "/error", H5T_NATIVE_DOUBLE, SS_RANGE_ERROR));
    SS_TRY(find_range(store, "/run", store->record_type, SS_RANGE_RUN));
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        for (int band = 0; band < BAND_DATASETS; band++) {
            hid_t type = band == SS_STATISTIC_COUNT ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
            char name[64];
            ss_layout_band_name((ss_quantity)quantity, band, name, sizeof name);
            SS_TRY(find_range(store, name, type, ss_range_of_band((ss_quantity)quantity, band)));
        }
    }
    SS_TRY(find_executions(store));
    for (int part = 0; part < RESULT_PARTS; part++) {
        SS_TRY(find_part(store, part));
    }
    return SS_OK;
}

herr_t ss_store_read_box(hid_t dataset, hid_t file_space, hid_t type, int rank,
                         const hsize_t *start, const hsize_t *count, void *memory)
{
    hid_t memory_space = H5Screate_simple(rank, count, NULL);
    herr_t status = H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (status >= 0) {
        status = H5Dread(dataset, type, memory_space, file_space, H5P_DEFAULT, memory);
    }
    H5Sclose(memory_space);
    return status;
}

char *ss_store_read_text(const ss_store *store, const char *name)
{
    char *text = NULL;
    hid_t attribute = H5Aopen(store->file, name, H5P_DEFAULT);
    if (attribute < 0) {
        return NULL;
    }
    hid_t type = H5Aget_type(attribute);
    hid_t space = H5Aget_space(attribute);
    if (H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_npoints(space) == 1 &&
        H5Aread(attribute, store->string_type, &text) < 0) {
        text = NULL;
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
}

bool ss_store_read_integer(const ss_store *store, const char *name, int64_t *value)
{
    hid_t attribute = H5Aopen(store->file, name, H5P_DEFAULT);
    if (attribute < 0) {
        return false;
    }
    hid_t space = H5Aget_space(attribute);
    bool good = H5Sget_simple_extent_npoints(space) == 1 &&
                H5Aread(attribute, H5T_NATIVE_INT64, value) >= 0;
    H5Sclose(space);
    H5Aclose(attribute);
    return good;
}
