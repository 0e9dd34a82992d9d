/* Where and with what a sweep runs, for the attributes of its result file. */
#ifndef SADDLESWEEP_CLI_PROVENANCE_H
#define SADDLESWEEP_CLI_PROVENANCE_H

#include "../base/text.h"

#include <mpi.h>

/* The distinct host names of all ranks, comma-separated, in rank order. Collective; rank 0 gets
 * the text. */
ss_error ss_provenance_hosts(MPI_Comm comm, ss_text *hosts);

/* "Open MPI v4.1.4, HDF5 1.10.8, …": the libraries that this process uses. Local. */
ss_error ss_provenance_libraries(ss_text *libraries);

#endif
