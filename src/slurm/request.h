/* What a sweep asks of Slurm: given by the user, or proposed from the prediction. */
#ifndef SADDLESWEEP_SLURM_REQUEST_H
#define SADDLESWEEP_SLURM_REQUEST_H

#include "../base/text.h"
#include "partition.h"

/* All texts borrowed. What is 0 or NULL is the user's wish to have it proposed, or the cluster's
 * default. */
typedef struct ss_slurm_request {
    int64_t nodes;
    int64_t ntasks_per_node;
    int64_t seconds;   /* time limit of a start */
    int64_t mebibytes; /* a node */
    const char *partition;
    const char *account;
    const char *qos;
    const char *const *extra; /* further options of sbatch, a word each */
    size_t extra_count;
    int64_t starts;       /* out: expected, the first among them */
    int64_t max_restarts; /* out */
} ss_slurm_request;

/* What the cost model says of a sweep on the ranks of a request. */
typedef struct ss_slurm_demand {
    int64_t runs;
    double wall_seconds;
    double iteration_seconds; /* of the largest run: how long a rank may need to stop */
    double bytes_per_rank;
} ss_slurm_demand;

/*
 * Chooses nodes (one) and ranks a node (one a core) where the request leaves them open, and adds to
 * `notes` (a line each) where that comes from. SS_ERR_USAGE names the option that the partition
 * cannot fulfil. Local, as the next.
 */
ss_error ss_slurm_request_shape(ss_slurm_request *request, const ss_slurm_partition *partition,
                                ss_text *notes);

/*
 * Proposes time and memory where the request leaves them open (half as much again as predicted, and
 * what starting, draining and restarting take), and sets the restarts; adds to `notes` what does
 * not fit well. SS_ERR_USAGE if the sweep cannot fit the request or the partition.
 */
ss_error ss_slurm_request_fit(ss_slurm_request *request, const ss_slurm_partition *partition,
                              const ss_slurm_demand *demand, ss_text *notes);

#endif
