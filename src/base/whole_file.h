/* A file that appears under its name whole, or not at all: written under another one, then renamed.
 * Where a symbolic link leads, also if nothing is there yet. */
#ifndef SADDLESWEEP_BASE_WHOLE_FILE_H
#define SADDLESWEEP_BASE_WHOLE_FILE_H

#include "text.h"

#include <stdio.h>

typedef struct ss_whole_file {
    FILE *out;         /* to write to; its errors are found by ss_whole_file_end */
    const char *path;  /* as the user names it */
    char *real;        /* where that leads */
    ss_text temporary; /* REAL.creating */
} ss_whole_file;

/* `path` is borrowed until the end. SS_ERR_USAGE if nothing can be created there, SS_ERR_MEMORY;
 * then there is nothing to end. Local, as all here. */
ss_error ss_whole_file_begin(const char *path, ss_whole_file *file);

/* Gives the file its name if `written`, how writing went, is SS_OK, and removes it otherwise.
 * Returns `written`, or SS_ERR_IO if the disk did not take it. */
ss_error ss_whole_file_end(ss_whole_file *file, ss_error written);

/* A whole text at once; errors of both. */
ss_error ss_whole_file_write(const char *path, const ss_text *text);

#endif
