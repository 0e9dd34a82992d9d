/* Names, types and small HDF5 steps shared by the creation of result files and their use. */
#ifndef SADDLESWEEP_STORE_LAYOUT_H
#define SADDLESWEEP_STORE_LAYOUT_H

#include "saddlesweep/store.h"
#include "space.h"

#include <hdf5.h>

/* The five int64 parameters of a cell, in the order of ss_layout_cell_values. */
enum { SS_CELL_SAMPLES = 3, SS_CELL_PARAMETERS = 5 }; /* n and m are the last two */
extern const char *const ss_layout_cell_names[SS_CELL_PARAMETERS];
void ss_layout_cell_values(const ss_run *run, int64_t values[SS_CELL_PARAMETERS]);

extern const char *const ss_layout_quantity_groups[SS_QUANTITIES]; /* "/bands/error", … */

/* The bands of a quantity: its statistics, then "count". */
enum { BAND_DATASETS = SS_STATISTIC_COUNT + 1 };

/* The parts of a run's results beside its trajectory, in their order there: of a certificate two
 * numbers a run and a vector of d, then the iterates, a matrix a checkpoint, then numbers a run
 * that lemmas are about. */
enum {
    SS_PART_ITERATE = SS_CERTIFICATE_MULTIPLIERS + 1,
    SS_PART_COVARIANCE,
    SS_PART_GRADIENT = SS_PART_COVARIANCE + SS_COVARIANCE_VALUES,
    RESULT_PARTS = SS_PART_GRADIENT + SS_GRADIENT_VALUES
};
extern const char *const ss_layout_part_names[RESULT_PARTS]; /* "/certificate/…", "/iterate", … */

/* "/bands/error/mean", … into `buffer`, which is returned. */
const char *ss_layout_band_name(ss_quantity quantity, int band, char *buffer, size_t size);

/* The compound type of ss_record, in memory and in the files of a format_version. Caller closes. */
hid_t ss_layout_record_type(int64_t version);

/* The compound type of ss_execution_record, likewise. Caller closes. */
hid_t ss_layout_execution_type(void);

/* Variable-length UTF-8 strings. Caller closes. */
hid_t ss_layout_string_type(void);

/* Where the data of a contiguous dataset are in the file. */
ss_space_range ss_layout_range(hid_t dataset);

/* The reason that HDF5 gives for the last call that failed, "" for none. Any other call of HDF5
 * forgets it. */
enum { SS_LAYOUT_REASON_SIZE = 1024 };
const char *ss_layout_reason(char buffer[SS_LAYOUT_REASON_SIZE]);

/* ss_fail(code, "path: what: <the reason that HDF5 gives>"). */
ss_error ss_layout_fail(ss_error code, const char *path, const char *what);

#endif
