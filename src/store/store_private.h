/* The inside of an open result file, for the files of src/store/. */
#ifndef SADDLESWEEP_STORE_PRIVATE_H
#define SADDLESWEEP_STORE_PRIVATE_H

#include "layout.h"

/* The datasets whose data change after creation. */
enum {
    SS_RANGE_ERROR,
    SS_RANGE_RUN,
    SS_RANGE_BANDS,
    SS_RANGE_EXECUTION = SS_RANGE_BANDS + SS_QUANTITIES * BAND_DATASETS, /* may be missing, … */
    SS_RANGE_CERTIFICATE,                                                /* … as may these */
    SS_RANGES = SS_RANGE_CERTIFICATE + CERTIFICATE_DATASETS
};

static inline int ss_range_of_band(ss_quantity quantity, int band)
{
    return SS_RANGE_BANDS + (int)quantity * BAND_DATASETS + band;
}

struct ss_store {
    char *path;
    ss_store_shape shape;
    int64_t version; /* format_version */
    hid_t file;
    hid_t record_type;
    hid_t string_type;
    hid_t error;
    hid_t run;
    hid_t error_space;
    hid_t run_space;

    /* Past HDF5, which only reads. */
    MPI_File raw;   /* for writing; MPI_FILE_NULL: open for reading only */
    int descriptor; /* for bands, fdatasync, and for what MPI cannot write */
    ss_space_range ranges[SS_RANGES];
};

/* ss_layout_fail(SS_ERR_FORMAT, …) with the store's path. */
ss_error ss_store_damaged(const ss_store *store, const char *what);

/* Opens a dataset and checks its rank; *space is its dataspace, sizes (rank, out) its extent. Both
 * are the caller's to close, even after an error, when not negative. */
ss_error ss_store_open_dataset(const ss_store *store, const char *name, int rank, hid_t *dataset,
                               hid_t *space, hsize_t *sizes);

/* Whether files of this format_version can be used. */
static inline bool ss_store_knows(int64_t version)
{
    return version >= SS_STORE_OLDEST_VERSION && version <= SS_STORE_FORMAT_VERSION;
}

/* How many of the ranges a file of the store's format_version and shape has. */
static inline int ss_store_range_count(const ss_store *store)
{
    return store->version < 3              ? SS_RANGE_EXECUTION
           : store->shape.multipliers == 0 ? SS_RANGE_CERTIFICATE
                                           : SS_RANGES;
}

/* Where their data are: plain stretches of the file, as it was created. SS_ERR_FORMAT names the
 * dataset that is none, or of another type. */
ss_error ss_store_find_ranges(const ss_store *store, ss_space_range ranges[SS_RANGES]);

/* Reads a box of a dataset; independent, one piece. */
herr_t ss_store_read_box(hid_t dataset, hid_t file_space, hid_t type, int rank,
                         const hsize_t *start, const hsize_t *count, void *memory);

/* A string attribute of `/` (released with H5free_memory), or NULL. */
char *ss_store_read_text(const ss_store *store, const char *name);

/* An integer attribute of `/`; false if there is none. */
bool ss_store_read_integer(const ss_store *store, const char *name, int64_t *value);

#endif
