/* A folder for the files of a program of MPI tests; it goes when they end. */
#ifndef TESTS_SUPPORT_MPI_FOLDER_H
#define TESTS_SUPPORT_MPI_FOLDER_H

#include "mpi_main.h"
#include "temporary.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE = 2 * TEMPORARY_SIZE + 64 }; /* of the name of a file in the folder */

static int my_rank;
static int ranks;
static char folder[TEMPORARY_SIZE]; /* the same on all ranks */

/* What the folder's name ends with, and the names of files in it begin with: Open MPI names a
 * semaphore of the whole machine after a file it has open, without its folder, and another user who
 * runs the same tests at the same time may not open that. */
static inline const char *tag(void)
{
    return strrchr(folder, '.') + 1;
}

/* Valid until the next call, as that of own_path(). */
static inline const char *path_of(const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s-%s", folder, tag(), name);
    return path;
}

/* Another file on each rank. */
static inline const char *own_path(const char *name)
{
    char own[64];
    snprintf(own, sizeof own, "%s.%d", name, my_rank);
    return path_of(own);
}

/* Group setup and teardown. */
static inline int make_folder(void **state)
{
    (void)state;
    int failed = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &my_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (my_rank == 0) {
        failed = !temporary_folder("test_mpi", folder);
    }
    MPI_Bcast(folder, sizeof folder, MPI_CHAR, 0, MPI_COMM_WORLD);
    MPI_Bcast(&failed, 1, MPI_INT, 0, MPI_COMM_WORLD);
    return failed;
}

static inline int remove_one(const char *path, const struct stat *information, int kind,
                             struct FTW *place)
{
    (void)information;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline int remove_folder(void **state)
{
    (void)state;
    MPI_Barrier(MPI_COMM_WORLD);
    return my_rank == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

#endif
