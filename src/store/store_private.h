/* The inside of an open result file, for the files of src/store/. */
#ifndef SADDLESWEEP_STORE_PRIVATE_H
#define SADDLESWEEP_STORE_PRIVATE_H

#include "layout.h"

enum { BAND_DATASETS = SS_STATISTIC_COUNT + 1 }; /* the last is count */

struct ss_store {
    char *path;
    ss_store_shape shape;
    hid_t file;
    hid_t record_type;
    hid_t string_type;
    hid_t error;
    hid_t run;
    hid_t error_space;
    hid_t run_space;
    hid_t bands[SS_QUANTITIES][BAND_DATASETS]; /* opened when first written; 0: not yet */
    int descriptor;                            /* for fdatasync, and for what MPI cannot write */

    /* For all writes to a file that is open for writing. MPI_FILE_NULL: they go through HDF5,
     * because a dataset is not (or no longer: h5repack) one plain stretch of the file. */
    MPI_File raw;
    MPI_Offset error_at; /* where the data of /error, /run and the bands begin */
    MPI_Offset run_at;
    MPI_Offset bands_at[SS_QUANTITIES][BAND_DATASETS];
};

/* ss_layout_fail(SS_ERR_FORMAT, …) with the store's path. */
ss_error ss_store_damaged(const ss_store *store, const char *what);

/* Opens a dataset and checks its rank; *space is its dataspace, sizes (rank, out) its extent. Both
 * are the caller's to close, even after an error, when not negative. */
ss_error ss_store_open_dataset(const ss_store *store, const char *name, int rank, hid_t *dataset,
                               hid_t *space, hsize_t *sizes);

typedef enum ss_direction { SS_READ, SS_WRITE } ss_direction;

/* Moves a box of a dataset between file and memory; independent, one piece. */
herr_t ss_store_move(ss_direction direction, hid_t dataset, hid_t file_space, hid_t type, int rank,
                     const hsize_t *start, const hsize_t *count, void *memory);

/* A string attribute of `/` (released with H5free_memory), or NULL. */
char *ss_store_read_text(const ss_store *store, const char *name);

/* An integer attribute of `/`; false if there is none. */
bool ss_store_read_integer(const ss_store *store, const char *name, int64_t *value);

#endif
