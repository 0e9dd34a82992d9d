/* Where and with what a sweep runs, for its result file. */
#ifndef SADDLESWEEP_EXECUTION_PROVENANCE_H
#define SADDLESWEEP_EXECUTION_PROVENANCE_H

#include "../base/text.h"
#include "saddlesweep/execution_record.h"

#include <mpi.h>

/* The distinct host names of all ranks, comma-separated, in rank order. Collective; rank 0 gets
 * the text. */
ss_error ss_provenance_hosts(MPI_Comm comm, ss_text *hosts);

/* What Slurm says of the job of this process, if it is one: the fields job_id, cluster, nodes and
 * restarts. `hosts` (comma-separated): the nodes of a process outside Slurm, counted in any case.
 * Local. */
void ss_provenance_job(const char *hosts, ss_execution_record *record);

enum { SS_PROVENANCE_MODEL_SIZE = 80 };

/* The model of this processor (/proc/cpuinfo; "unknown" where that does not say). Local. */
void ss_provenance_model(char model[SS_PROVENANCE_MODEL_SIZE]);

/* The model of rank 0's processor, and how many other models the ranks have, into a field of `size`
 * bytes. Collective, each rank with its own model; rank 0 gets the text. SS_ERR_MEMORY. */
ss_error ss_provenance_cpu(MPI_Comm comm, const char model[SS_PROVENANCE_MODEL_SIZE], char *field,
                           size_t size);

/* "Open MPI v4.1.4, HDF5 1.10.8, …": the libraries that this process uses. Local. */
ss_error ss_provenance_libraries(ss_text *libraries);

#endif
