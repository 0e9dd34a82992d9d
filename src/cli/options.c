#include "options.h"

#include "../base/memory.h"
#include "../base/text.h"
#include "../execution/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const ss_option *find_option(const ss_command_line *line, const char *word, size_t length)
{
    for (size_t i = 0; i < line->option_count; i++) {
        const ss_option *option = &line->options[i];
        if ((strlen(option->name) == length && memcmp(option->name, word, length) == 0) ||
            (option->alias && strlen(option->alias) == length &&
             memcmp(option->alias, word, length) == 0)) {
            return option;
        }
    }
    return NULL;
}

static ss_error unknown_option(const ss_command_line *line, const char *word, size_t length)
{
    const char *names[32] = {"--help"};
    char name[64];
    size_t count = 1;
    for (size_t i = 0; i < line->option_count && count < 32; i++) {
        names[count++] = line->options[i].name;
    }
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), word);
    const char *nearest = ss_text_nearest(name, names, count);
    return ss_fail(SS_ERR_USAGE, "unknown option %s%s%s%s\nusage: %s", name,
                   nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
                   line->usage);
}

static ss_error set_count(const ss_option *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    long long count = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || count < 1) {
        return ss_fail(SS_ERR_USAGE, "%s: found \"%s\", expected a positive integer", option->name,
                       value);
    }
    *(int64_t *)option->target = count;
    return SS_OK;
}

/* Given again, it takes the place of what was given before. */
static ss_error set_key(const ss_option *option, const char *value)
{
    ss_option_key *key = option->target;
    bool again = key->text[0] != '\0';
    int length = snprintf(key->text, sizeof key->text, "%s=%s", key->path, value);
    if (length >= (int)sizeof key->text) {
        return ss_fail(SS_ERR_USAGE, "%s: found \"%s\", expected a number", option->name, value);
    }
    return again ? SS_OK : ss_texts_add(key->overrides, key->text);
}

static ss_error set_option(const ss_option *option, const char *value)
{
    switch (option->kind) {
    case SS_OPTION_FLAG:
        *(int *)option->target = 1;
        return SS_OK;
    case SS_OPTION_COUNT:
        return set_count(option, value);
    case SS_OPTION_TEXT:
        *(const char **)option->target = value;
        return SS_OK;
    case SS_OPTION_SHARD:
        return ss_shard_parse(value, option->target);
    case SS_OPTION_IO:
        return ss_store_io_parse(value, option->target);
    case SS_OPTION_KEY:
        return set_key(option, value);
    case SS_OPTION_REPEATED:
        break;
    }
    return ss_texts_add(option->target, value);
}

/* Handles the option at argv[*at]; moves *at past a value that stands apart. */
static ss_error parse_option(const ss_command_line *line, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    size_t length = strncmp(word, "--", 2) == 0 ? strcspn(word, "=") : strlen(word);
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    const ss_option *option = find_option(line, word, length);
    if (!option) {
        return unknown_option(line, word, length);
    }
    if (!option->argument && value) {
        return ss_fail(SS_ERR_USAGE, "%s takes no value", option->name);
    }
    if (option->argument && !value) {
        if (*at + 1 >= argc) {
            return ss_fail(SS_ERR_USAGE, "%s needs a value: %s %s\nusage: %s", option->name,
                           option->name, option->argument, line->usage);
        }
        value = argv[++*at];
    }
    return set_option(option, value);
}

/* Where the first "--" is; argc if there is none. */
static int find_separator(int argc, char **argv)
{
    int at = 0;
    while (at < argc && strcmp(argv[at], "--") != 0) {
        at++;
    }
    return at;
}

ss_option ss_options_shard(ss_shard *target)
{
    return (ss_option){
        .name = "--shard",
        .argument = "I/N",
        .help = "only part I of N of the sweep, 1 <= I <= N: a job and a file of its own",
        .kind = SS_OPTION_SHARD,
        .target = target,
    };
}

ss_option ss_options_io(ss_store_io *target)
{
    return (ss_option){
        .name = "--io",
        .argument = "WAY",
        .help = "write results by parallel HDF5 (mpio, default), or the same bytes by system calls "
                "(direct)",
        .kind = SS_OPTION_IO,
        .target = target,
    };
}

ss_option ss_options_until_se(ss_option_key *target, ss_texts *overrides)
{
    *target = (ss_option_key){.path = "grid.seed.until_se", .overrides = overrides};
    return (ss_option){
        .name = "--until-se",
        .argument = "X",
        .help = "add seeds to a cell until its standard error is within X (0.05: 5 %) of its mean",
        .kind = SS_OPTION_KEY,
        .target = target,
    };
}

ss_option ss_options_max_seeds(ss_option_key *target, ss_texts *overrides)
{
    *target = (ss_option_key){.path = "grid.seed.max", .overrides = overrides};
    return (ss_option){
        .name = "--max-seeds",
        .argument = "N",
        .help = "but to no more than N seeds; the file has room for them",
        .kind = SS_OPTION_KEY,
        .target = target,
    };
}

ss_error ss_options_parse(const ss_command_line *line, int argc, char **argv,
                          const char **positional, int *help)
{
    *positional = NULL;
    *help = 0;
    int end = line->rest ? find_separator(argc, argv) : argc;
    for (int at = end + 1; at < argc; at++) {
        SS_TRY(ss_texts_add(line->rest, argv[at]));
    }
    for (int at = 0; at < end; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            *help = 1;
            return SS_OK;
        }
    }
    for (int at = 0; at < end; at++) {
        if (argv[at][0] == '-' && argv[at][1] != '\0') {
            SS_TRY(parse_option(line, end, argv, &at));
        } else if (line->words) {
            SS_TRY(ss_texts_add(line->words, argv[at]));
        } else if (*positional) {
            return ss_fail(SS_ERR_USAGE,
                           "found a second argument \"%s\"; expected one %s\nusage: %s", argv[at],
                           line->positional, line->usage);
        } else {
            *positional = argv[at];
        }
    }
    return *positional || line->words
               ? SS_OK
               : ss_fail(SS_ERR_USAGE, "%s is missing\nusage: %s", line->positional, line->usage);
}

void ss_options_print_help(const ss_command_line *line)
{
    printf("Usage: %s\n\n%s\n\nOptions:\n", line->usage, line->description);
    for (size_t i = 0; i < line->option_count; i++) {
        const ss_option *option = &line->options[i];
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", option->alias ? option->alias : "",
                 option->alias ? ", " : "", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        printf("  %-22s %s\n", left, option->help);
    }
    printf("  %-22s %s\n", "-h, --help", "show this and stop");
}

int ss_options_command(const ss_command_line *line, int argc, char **argv,
                       ss_error (*action)(const char *positional, void *context), void *context)
{
    const char *positional;
    int help;
    ss_error error = ss_options_parse(line, argc, argv, &positional, &help);
    return ss_options_act(line, error, help, positional, action, context);
}

bool ss_options_without_mpi(const ss_command_line *line, ss_error error, int help, int *status)
{
    bool speaks = ss_session_is_first();
    error = help || error != SS_OK ? error : ss_session_check_launcher();
    *status = ss_error_exit_status(help ? SS_OK : error);
    if (help && speaks) {
        ss_options_print_help(line);
    } else if (!help && error != SS_OK && speaks) {
        fprintf(stderr, "error: %s\n", ss_error_text());
    }
    return help || error != SS_OK;
}

int ss_options_act(const ss_command_line *line, ss_error error, int help, const char *positional,
                   ss_error (*action)(const char *positional, void *context), void *context)
{
    if (help) {
        ss_options_print_help(line);
    } else if (error == SS_OK) {
        error = action(positional, context);
    }
    if (error != SS_OK) {
        fprintf(stderr, "error: %s\n", ss_error_text());
    }
    return ss_error_exit_status(error);
}
