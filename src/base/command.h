/* Other programs, run to their end. */
#ifndef SADDLESWEEP_BASE_COMMAND_H
#define SADDLESWEEP_BASE_COMMAND_H

#include "text.h"

#include <stdbool.h>

enum { SS_COMMAND_MISSING = 127 };

/*
 * Runs a program, found on PATH, to its end.
 *
 * argv    in      NULL-terminated
 * merge   in      whether what it says on stderr goes to `output`, too; else to our stderr
 * output  in/out  what it says on stdout is appended; owned by the caller, even after an error
 * status  out     its exit status, 128 + the signal that ended it, or SS_COMMAND_MISSING
 *
 * SS_ERR_IO if it cannot be started for another reason than that there is none; SS_ERR_MEMORY.
 * Local.
 */
ss_error ss_command_run(const char *const *argv, bool merge, ss_text *output, int *status);

#endif
