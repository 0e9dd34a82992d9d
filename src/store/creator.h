/*
 * What create.c makes a result file with: datasets over named dimensions, with labels and scales,
 * whose space is all there from the start. Serial. Every ss_error is SS_ERR_IO, with the path.
 */
#ifndef SADDLESWEEP_STORE_CREATOR_H
#define SADDLESWEEP_STORE_CREATOR_H

#include "layout.h"
#include "seal.h"
#include "space.h"

/* The dimension scales of a dataset, in order. */
enum { SS_DIMENSIONS = 9 };
enum {
    SS_DIMENSION_CELL = 1,
    SS_DIMENSION_SEED = 2,
    SS_DIMENSION_ITERATION = 4,
    SS_DIMENSION_EXECUTION = 8,
    SS_DIMENSION_ROW = 16, /* of A; only with certificates */
    SS_DIMENSION_ITERATE_ROW = 32,
    SS_DIMENSION_ITERATE_COLUMN = 64,
    SS_DIMENSION_TRUTH_ROW = 128, /* of A*, if the sweep gives it */
    SS_DIMENSION_TRUTH_COLUMN = 256
};

/* The data of /error, /run, the bands, /execution, /certificate and /iterate change after creation.
 */
enum { SS_CREATOR_RANGES = 3 + SS_QUANTITIES * (SS_STATISTIC_COUNT + 1) + RESULT_PARTS };
_Static_assert((int)SS_CREATOR_RANGES <= (int)SS_SEAL_MOST_RANGES, "a seal holds that many");

typedef struct ss_creator {
    const char *path; /* the temporary one */
    const ss_plan *plan;
    hid_t file;
    int cause; /* the errno of a write that failed; HDF5 has not noticed */
    hid_t string;
    hid_t scales[SS_DIMENSIONS]; /* /cell, /seed, /iteration, /execution_row, /certificate/row,
                                 /iterate_row, /iterate_column, /truth_row, /truth_column */
    int ranges;
    ss_space_range range[SS_CREATOR_RANGES]; /* that the seal leaves out */
    int nan_ranges;                          /* to be filled once HDF5 has closed the file */
    ss_space_range nan_range[SS_CREATOR_RANGES];
} ss_creator;

typedef struct ss_labels {
    const char *long_name;
    const char *units;
    const char *description;
} ss_labels;

/* Where the elements of a long dataset come from: they are never all in memory. */
typedef struct ss_creator_column {
    hid_t type;
    int64_t most; /* elements that there is room for in … */
    void *values; /* … these, which fill() fills from element `first` on */
    void (*fill)(void *context, const ss_plan *plan, int64_t first, int64_t count, void *values);
    void *context;
} ss_creator_column;

/* The error of what could not be done, with HDF5's reason. */
ss_error ss_creator_fail(const ss_creator *c, const char *what);

/* A text attribute of an object, a number of the root. */
ss_error ss_creator_write_text(const ss_creator *c, hid_t object, const char *name,
                               const char *text);

ss_error ss_creator_write_integer(const ss_creator *c, const char *name, int64_t value);

/* Creates a dataset over some of the dimensions, labels it, and attaches the scales (which exist by
 * then, unless this is one). */
hid_t ss_creator_dataset(const ss_creator *c, const char *name, hid_t type, int dimensions,
                         const double *fill, ss_labels labels);

/* Writes the `count` elements of a one-dimensional dataset. SS_ERR_STOPPED. */
ss_error ss_creator_write_column(const ss_creator *c, hid_t dataset, int64_t count,
                                 const ss_creator_column *column);

/* A group, by its whole path. */
ss_error ss_creator_group(const ss_creator *c, const char *name);

/* Closes a dataset that was to be created and written with this status. */
ss_error ss_creator_close(const ss_creator *c, hid_t dataset, herr_t status, const char *name);

/* Notes that a new dataset will change, and whether it is to be filled with NaN until then. */
void ss_creator_note_range(ss_creator *c, hid_t dataset, bool nan);

/* How long each dimension is; 0: the file does not have it. */
void ss_creator_sizes(const ss_creator *c, int64_t sizes[SS_DIMENSIONS]);

#endif
