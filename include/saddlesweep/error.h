/*
 * Errors: every code, its exit status and its meaning, once.
 *
 * A function that can fail returns ss_error. Whoever detects a failure describes it with
 * ss_fail(), which keeps the text in a per-process buffer; callers pass the code upwards untouched,
 * and the subcommand prints the text. Assertions are for programmers' mistakes only.
 */
#ifndef SADDLESWEEP_ERROR_H
#define SADDLESWEEP_ERROR_H

/* X(code, exit status of the program, what it means) */
#define SS_ERRORS(X)                                                                               \
    X(SS_OK, 0, "no error")                                                                        \
    X(SS_ERR_USAGE, 2, "wrong usage")                                                              \
    X(SS_ERR_SPEC, 2, "error in the sweep file")                                                   \
    X(SS_ERR_UNAVAILABLE, 2, "not available yet")                                                  \
    X(SS_ERR_FORMAT, 2, "not a usable result file")                                                \
    X(SS_ERR_PLAN_DIFFERS, 2, "the result file belongs to another plan")                           \
    X(SS_ERR_BUSY, 2, "the result file is being written by another process")                       \
    X(SS_ERR_MEMORY, 1, "out of memory")                                                           \
    X(SS_ERR_DAMAGED, 1, "committed runs are damaged")                                             \
    X(SS_ERR_IO, 1, "input/output error")                                                          \
    X(SS_ERR_MPI, 1, "MPI error")                                                                  \
    X(SS_ERR_LIBRARY, 1, "a library routine failed")                                               \
    X(SS_ERR_STOPPED, 75, "asked to stop; the same command goes on")                               \
    X(SS_ERR_ELSEWHERE, 1, "another rank failed")

typedef enum ss_error {
#define SS_ERROR_ENUM(code, exit_status, text) code,
    SS_ERRORS(SS_ERROR_ENUM)
#undef SS_ERROR_ENUM
} ss_error;

/* Exit statuses of the program that are no errors; errors have theirs in SS_ERRORS. */
enum {
    SS_EXIT_DONE = 0,       /* every run that is wanted is committed */
    SS_EXIT_INCOMPLETE = 3, /* finished, but some runs diverged or failed */
    SS_EXIT_RESUMABLE = 75, /* stopped early; the same command goes on (EX_TEMPFAIL) */
};

/* Records a printf-style description of a failure and returns `code`, so that
 * `return ss_fail(SS_ERR_IO, ...)` reads as one step. Local; the text replaces an earlier one. */
ss_error ss_fail(ss_error code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The description of the latest failure in this process; "" before any. Owned by the library. */
const char *ss_error_text(void);

/* The exit status that the program ends with for a code. */
int ss_error_exit_status(ss_error code);

/* Passes an error on to the caller. */
#define SS_TRY(call)                                                                               \
    do {                                                                                           \
        ss_error ss_try_error = (call);                                                            \
        if (ss_try_error != SS_OK) {                                                               \
            return ss_try_error;                                                                   \
        }                                                                                          \
    } while (0)

#endif
