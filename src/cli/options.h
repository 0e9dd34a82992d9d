/* Options of a subcommand, from one table that parses and explains them. */
#ifndef SADDLESWEEP_CLI_OPTIONS_H
#define SADDLESWEEP_CLI_OPTIONS_H

#include "../base/text.h"
#include "saddlesweep/error.h"
#include "saddlesweep/shard.h"
#include "saddlesweep/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ss_option_kind {
    SS_OPTION_FLAG,    /* target: int, set to 1 */
    SS_OPTION_COUNT,   /* target: int64_t, a positive integer */
    SS_OPTION_TEXT,    /* target: const char * */
    SS_OPTION_SHARD,   /* target: ss_shard */
    SS_OPTION_IO,      /* target: ss_store_io */
    SS_OPTION_KEY,     /* target: ss_option_key */
    SS_OPTION_REPEATED /* target: ss_texts */
} ss_option_kind;

/* A key of the sweep file that has an option of its own: the same as --set PATH=VALUE. */
typedef struct ss_option_key {
    const char *path;
    ss_texts *overrides; /* where "PATH=VALUE" goes */
    char text[80];       /* which is kept here */
} ss_option_key;

typedef struct ss_option {
    const char *name;     /* with its dashes: "--ranks" */
    const char *alias;    /* a second name, or NULL */
    const char *argument; /* how the help calls its value; NULL for a flag */
    const char *help;
    ss_option_kind kind;
    void *target;
} ss_option;

typedef struct ss_command_line {
    const char *usage;       /* "saddlesweep plan SPEC [OPTIONS]" */
    const char *description; /* a paragraph */
    const char *positional;  /* what the one positional argument is, e.g. "SPEC" */
    ss_texts *words;         /* where any number of positional arguments goes; NULL: it is one */
    ss_texts *rest;          /* where all after a "--" goes; NULL: there is no such thing */
    const ss_option *options;
    size_t option_count;
} ss_command_line;

/*
 * Parses the arguments: options in any place, "--name value" or "--name=value"; exactly one
 * positional argument, or any number if the command line has `words`. *help is set to 1, and
 * nothing else checked, if --help or -h is among them. SS_ERR_USAGE names the argument and the
 * nearest option.
 */
ss_error ss_options_parse(const ss_command_line *line, int argc, char **argv,
                          const char **positional, int *help);

/* A whole subcommand that needs no MPI: parses, shows the help or calls `action` with the
 * positional argument and `context`, tells an error on stderr; returns the exit status. */
int ss_options_command(const ss_command_line *line, int argc, char **argv,
                       ss_error (*action)(const char *positional, void *context), void *context);

/* The same for a command that needs MPI, before that begins, as a help or a mistake needs none:
 * whether all is done, with *status (out). Of several ranks the first one speaks. */
bool ss_options_without_mpi(const ss_command_line *line, ss_error error, int help, int *status);

/* What it does after parsing, with what ss_options_parse() has returned and given. */
int ss_options_act(const ss_command_line *line, ss_error error, int help, const char *positional,
                   ss_error (*action)(const char *positional, void *context), void *context);

/* "--shard I/N" into a target, as all subcommands have it that take a sweep file. */
ss_option ss_options_shard(ss_shard *target);

/* "--io WAY" into a target, as all subcommands have it that write result files. */
ss_option ss_options_io(ss_store_io *target);

/* "--until-se X" and "--max-seeds N", as those subcommands have them: overrides of two keys. The
 * targets must last as long as the overrides. */
ss_option ss_options_until_se(ss_option_key *target, ss_texts *overrides);
ss_option ss_options_max_seeds(ss_option_key *target, ss_texts *overrides);

/* Prints the help to stdout. */
void ss_options_print_help(const ss_command_line *line);

#endif
