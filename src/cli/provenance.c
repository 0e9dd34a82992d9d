#include "provenance.h"

#include "../base/memory.h"
#include "../spec/yaml.h"
#include "saddlesweep/sched.h"
#include "saddlesweep/store.h"

#include <gsl/gsl_version.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

ss_error ss_provenance_hosts(MPI_Comm comm, ss_text *hosts)
{
    enum { NAME = MPI_MAX_PROCESSOR_NAME };
    char name[NAME] = "";
    char *names = NULL;
    int length;
    int rank;
    int ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    MPI_Get_processor_name(name, &length);
    SS_TRY(ss_sched_agree(comm, ss_allocate((size_t)ranks, NAME, &names)));
    MPI_Gather(name, NAME, MPI_CHAR, names, NAME, MPI_CHAR, 0, comm);
    ss_text_append(hosts, "%s", "");
    for (int r = 0; rank == 0 && r < ranks; r++) {
        int earlier = 0;
        while (strcmp(names + earlier * NAME, names + r * NAME) != 0) {
            earlier++;
        }
        if (earlier == r) {
            ss_text_append(hosts, "%s%s", r == 0 ? "" : ",", names + r * NAME);
        }
    }
    free(names);
    return hosts->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for host names") : SS_OK;
}

ss_error ss_provenance_libraries(ss_text *libraries)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    char hdf5[64];
    int length;
    unsigned hash = XXH_versionNumber();
    MPI_Get_library_version(mpi, &length);
    mpi[strcspn(mpi, ",")] = '\0'; /* what follows is the build's host and date */
    ss_text_append(libraries, "%s, %s, GSL %s, libfyaml %s, xxHash %u.%u.%u", mpi,
                   ss_store_library(hdf5, sizeof hdf5), gsl_version, ss_yaml_library_version(),
                   hash / 10000, hash / 100 % 100, hash % 100);
    return libraries->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a text") : SS_OK;
}
