/* Names of files. */
#ifndef SADDLESWEEP_BASE_PATH_H
#define SADDLESWEEP_BASE_PATH_H

#include "saddlesweep/error.h"

#include <stdbool.h>

/* The absolute path, without links in its folder, of a file that need not be there: *absolute,
 * owned by the caller. SS_ERR_USAGE if its folder is not there; SS_ERR_MEMORY. Local. */
ss_error ss_path_absolute(const char *path, char **absolute);

/* Whether two names lead to one file that is there. Local. */
bool ss_path_same_file(const char *a, const char *b);

#endif
