#include "path.h"

#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The name in a link, seen from the link's folder; NULL, with errno, if it cannot be read. */
static char *name_in_link(const char *link)
{
    char target[PATH_MAX];
    ss_text name = {0};
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0) {
        return NULL;
    }
    target[length] = '\0';
    const char *slash = target[0] == '/' ? NULL : strrchr(link, '/');
    ss_text_append(&name, "%.*s%s", slash ? (int)(slash - link + 1) : 0, link, target);
    errno = ENOMEM; /* if it has failed */
    return name.data;
}

ss_error ss_path_follow(const char *path, char **real)
{
    enum { MOST_LINKS = 40 }; /* as many as Linux follows */
    struct stat information;
    char *name = strdup(path);
    int links = 0;
    int cause = 0;
    while (name && lstat(name, &information) == 0 && S_ISLNK(information.st_mode)) {
        char *next = links++ < MOST_LINKS ? name_in_link(name) : NULL;
        cause = links > MOST_LINKS ? ELOOP : errno;
        free(name);
        name = next;
    }
    *real = name;
    if (name) {
        return SS_OK;
    }
    return links == 0 || cause == ENOMEM
               ? ss_fail(SS_ERR_MEMORY, "out of memory for a path")
               : ss_fail(SS_ERR_USAGE,
                         "%s: is a symbolic link that leads nowhere: %s; remove it, or "
                         "name another file",
                         path, strerror(cause));
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool ss_path_names(const char *path, int descriptor)
{
    struct stat named;
    struct stat opened;
    return stat(path, &named) == 0 && fstat(descriptor, &opened) == 0 && same(&named, &opened);
}

bool ss_path_same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && same(&first, &second);
}
