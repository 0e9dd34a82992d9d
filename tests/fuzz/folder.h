/* A folder for the files of a fuzz target: in $TMPDIR, which fuzz.sh puts into memory. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include "fuzz.h"

#include <stdlib.h>

enum { FOLDER_SIZE = 512, PATH_SIZE = FOLDER_SIZE + 64 };

/* Created anew; the name is valid for ever. */
static inline const char *make_folder(void)
{
    static char folder[FOLDER_SIZE];
    const char *parent = getenv("TMPDIR");
    int length = snprintf(folder, sizeof folder, "%s/saddlesweep-fuzz.XXXXXX",
                          parent && parent[0] ? parent : "/tmp");
    REQUIRE(length < FOLDER_SIZE && mkdtemp(folder));
    return folder;
}

static inline const char *path_in(const char *folder, const char *name)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

#endif
