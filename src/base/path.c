#include "path.h"

#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* *folder and *name (the caller's to free) of a path; the folder of a bare name is ".". */
static void split(const char *path, char **folder, char **name)
{
    const char *slash = strrchr(path, '/');
    *name = strdup(slash ? slash + 1 : path);
    if (!slash) {
        *folder = strdup(".");
    } else {
        *folder = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
    }
}

ss_error ss_path_absolute(const char *path, char **absolute)
{
    char *folder;
    char *name;
    ss_text whole = {0};
    *absolute = NULL;
    split(path, &folder, &name);
    char *real = folder ? realpath(folder, NULL) : NULL;
    ss_error error = SS_OK;
    if (!folder || !name) {
        error = ss_fail(SS_ERR_MEMORY, "out of memory for a path");
    } else if (!real) {
        error = ss_fail(SS_ERR_USAGE, "%s: its folder cannot be used: %s; make it with mkdir -p",
                        path, strerror(errno));
    } else {
        ss_text_append(&whole, "%s/%s", strcmp(real, "/") == 0 ? "" : real, name);
        error = whole.failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a path") : SS_OK;
    }
    *absolute = whole.data;
    free(real);
    free(folder);
    free(name);
    return error;
}

bool ss_path_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}
