/* A folder in memory for the files of a fuzz target. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include "fuzz.h"

#include <string.h>

/* Created anew; the name is valid for ever. */
static inline const char *make_folder(void)
{
    static char folder[64];
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/saddlesweep-fuzz.XXXXXX"
                                                 : "/tmp/saddlesweep-fuzz.XXXXXX");
    REQUIRE(mkdtemp(folder));
    return folder;
}

static inline const char *path_in(const char *folder, const char *name)
{
    static char path[192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

#endif
