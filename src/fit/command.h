/* `fit`: from a result file to scaling laws, with intervals and a verdict. */
#ifndef SADDLESWEEP_FIT_COMMAND_H
#define SADDLESWEEP_FIT_COMMAND_H

#include "../execution/session.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_fit_options {
    const char *json_path; /* NULL: none is written */
    const char *against;   /* "n" or "m"; NULL: as ss_families_axis has it */
    int64_t resamples;
    bool partial; /* whether runs may be pending */
} ss_fit_options;

/*
 * Fits all families of a result file and writes what comes of it to stdout and, whole or not at
 * all, as JSON. SS_ERR_USAGE if runs are pending (unless `partial`), if no family can be fitted, or
 * if the options are wrong; errors of reading. Collective.
 */
ss_error ss_fit_file(const ss_session *session, const char *path, const ss_fit_options *options);

#endif
