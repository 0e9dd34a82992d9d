/* Names of files. */
#ifndef SADDLESWEEP_BASE_PATH_H
#define SADDLESWEEP_BASE_PATH_H

#include "saddlesweep/error.h"

#include <stdbool.h>

/* The absolute path, without links in its folder, of a file that need not be there: *absolute,
 * owned by the caller. SS_ERR_USAGE if its folder is not there; SS_ERR_MEMORY. Local. */
ss_error ss_path_absolute(const char *path, char **absolute);

/*
 * Where a name leads that may be a symbolic link: the first name that is none, as it is written in
 * the links. It need not be there (a link may dangle). What is made anew, or put beside a file,
 * belongs there. Links in its folder stay.
 *
 * path  in   NUL-terminated
 * real  out  owned by the caller; NULL after an error
 *
 * SS_ERR_USAGE if the links lead in a circle, or cannot be read; SS_ERR_MEMORY. Local.
 */
ss_error ss_path_follow(const char *path, char **real);

/* Whether a name leads to the file that is open as `descriptor`. Local. */
bool ss_path_names(const char *path, int descriptor);

/* Whether two names lead to one file that is there. Local. */
bool ss_path_same_file(const char *a, const char *b);

#endif
