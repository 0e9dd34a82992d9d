/* The final errors of a family's runs, as a result file has them. */
#ifndef SADDLESWEEP_FIT_OBSERVATION_H
#define SADDLESWEEP_FIT_OBSERVATION_H

#include "family.h"
#include "saddlesweep/scaling.h"
#include "saddlesweep/store.h"

#include <mpi.h>

/* Absolute errors ‖A Aᵀ − Z*‖_F, and relative ones, over ‖Z*‖_F: ss_quantity names them. */

/* A run is trapped if its final relative error is over so many times the median of its cell. */
static const double ss_trapped_factor = 5;

/* Below so many runs a cell is marked. */
enum { SS_FEW_RUNS = 5 };

/* The runs of a cell. */
typedef struct ss_counts {
    int64_t requested; /* committed and pending */
    int64_t done;
    int64_t diverged;
    int64_t failed;
    int64_t pending;
    int64_t trapped; /* of those done */
} ss_counts;

static inline int64_t ss_counts_committed(const ss_counts *counts)
{
    return counts->done + counts->diverged + counts->failed;
}

/* Adds one cell's, or family's, to a total. */
void ss_counts_add(ss_counts *total, const ss_counts *counts);

/* Final errors with all runs that are done, and without the trapped ones. */
typedef enum ss_choice { SS_CHOICE_WITH, SS_CHOICE_WITHOUT, SS_CHOICES } ss_choice;

typedef struct ss_observation {
    const ss_family *family;
    int64_t seeds;
    int64_t drawn; /* of them, up to the last that any run is done of: resamples draw from these */
    ss_counts *counts; /* [cells], in the family's order, as all here */
    ss_counts total;
    int64_t damaged; /* of those pending: records that vouch for something else */
    double *log_d;   /* [cells] */
    double *log_n;   /* [cells] */
    double *values[SS_QUANTITIES][SS_CHOICES]; /* [cells][seeds]; NaN where there is none */
} ss_observation;

/* Reads a family (borrowed) from the file, trusting what ss_record_trusted trusts; rank 0 does, the
 * others (whose store is NULL) are given it. Release it even after an error: SS_ERR_MEMORY,
 * SS_ERR_IO. Collective. */
ss_error ss_observation_read(MPI_Comm comm, const ss_store *store, const ss_plan *plan,
                             const ss_family *family, ss_observation *out);
void ss_observation_release(ss_observation *observation);

/* One of its samples, borrowing its arrays. */
ss_scaling_sample ss_observation_sample(const ss_observation *observation, ss_quantity quantity,
                                        ss_choice choice);

#endif
