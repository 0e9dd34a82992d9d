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
    SS_RANGE_PARTS, /* … as may each of these; then it has no bytes */
    SS_RANGES = SS_RANGE_PARTS + RESULT_PARTS
};

/* Of the widest dataset: /iterate over cell, seed, iteration, row and column. */
enum { SS_STORE_MOST_DIMENSIONS = 5 };

static inline int ss_range_of_band(ss_quantity quantity, int band)
{
    return SS_RANGE_BANDS + (int)quantity * BAND_DATASETS + band;
}

/* A dataset that H5Dwrite writes to. */
typedef struct ss_store_target {
    hid_t dataset; /* 0: the file does not have it, or is written past HDF5 */
    hid_t type;
    hid_t space;
    hid_t memory; /* a dataspace of memory_sizes elements */
    hsize_t memory_sizes[SS_STORE_MOST_DIMENSIONS];
    int rank;
    hsize_t sizes[SS_STORE_MOST_DIMENSIONS];
    size_t element_bytes;
} ss_store_target;

/* Committed runs of consecutive seeds of a cell that are still to be written. */
typedef struct ss_store_group {
    int64_t cell;
    int64_t seed_index; /* of the first */
    int64_t count;
    int64_t most;
    ss_record *records;
    double *trajectories; /* most x checkpoints; NULL: none was ever needed */
} ss_store_group;

struct ss_store {
    char *path;
    ss_store_shape shape;
    int64_t version; /* format_version */
    hid_t file;
    hid_t record_type;
    hid_t string_type;

    MPI_Comm comm;    /* of the ranks that have it open for writing; MPI_COMM_NULL: for reading */
    bool direct;      /* HDF5 only reads */
    bool hdf5_failed; /* to write: it writes no more, and must not close the file */
    bool warned_of_sync; /* its file system knows none */
    int descriptor;      /* for syncing, and for what HDF5 does not write */
    ss_space_range ranges[SS_RANGES];
    ss_store_target targets[SS_RANGES];
    ss_store_group group;
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

/* Finds where their data are (plain stretches of the file, as it was created), and opens them for
 * H5Dwrite if that is to write. SS_ERR_FORMAT names the dataset that is none, or of another type.
 */
ss_error ss_store_find_ranges(ss_store *store);

/* What a dataset has for each run: so many boxes of rows × columns. */
typedef struct ss_boxes {
    int64_t boxes;
    int64_t rows;
    int64_t columns;
} ss_boxes;

static inline int64_t ss_boxes_values(ss_boxes b)
{
    return b.boxes * b.rows * b.columns;
}

/* The shape of a plan's file. */
ss_store_shape ss_store_shape_for(const ss_plan *plan);

/* The room for a part of a run's results; no values: files of this shape do not have it. */
ss_boxes ss_store_part_room(const ss_store_shape *shape, int part);

/* The values from one run's results to the next one's. */
int64_t ss_store_results_stride(const ss_store *store);

/* Reads or writes all parts of one run's results, which lie behind its trajectory (run.h). To read,
 * `values` has the store's room for them. Local; SS_ERR_IO. */
ss_error ss_store_read_parts(const ss_store *store, int64_t cell, int64_t seed_index,
                             const ss_run *run, double *values);
ss_error ss_store_write_parts(ss_store *store, int64_t cell, int64_t seed_index, const ss_run *run,
                              const double *values);

/* Writes bytes of a range in place, from `start` on in it: whole elements, that are a box of the
 * dataset. Local; SS_ERR_IO, saying `what`. */
ss_error ss_store_write_in_place(ss_store *store, const char *what, int range, off_t start,
                                 const void *data, size_t bytes);
#define SS_STORE_RUN_NOT_WRITTEN "a run cannot be written"

/* Reads a box of a dataset; independent, one piece. */
herr_t ss_store_read_box(hid_t dataset, hid_t file_space, hid_t type, int rank,
                         const hsize_t *start, const hsize_t *count, void *memory);

/* A string attribute of `/` (released with H5free_memory), or NULL. */
char *ss_store_read_text(const ss_store *store, const char *name);

/* An integer attribute of `/`; false if there is none. */
bool ss_store_read_integer(const ss_store *store, const char *name, int64_t *value);

#endif
