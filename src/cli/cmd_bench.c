#include "../base/text.h"
#include "../base/version.h"
#include "../bench/bench.h"
#include "../execution/session.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/sched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bench_options {
    ss_texts sections; /* none: all */
    const char *json_path;
    int quick;
    int wide; /* the section of this name is named */
    int64_t latency_ns;
    int64_t service_ns;
    int64_t runs_a_rank;
} bench_options;

enum { MOST_SECTIONS = 16 };

static ss_error unknown_section(const char *word)
{
    const char *names[MOST_SECTIONS];
    size_t count = 0;
    ss_text list = {0};
    for (; ss_bench_section_at((int)count); count++) {
        names[count] = ss_bench_section_at((int)count)->name;
        ss_text_append(&list, "%s%s", count > 0 ? ", " : "", names[count]);
    }
    const char *nearest = ss_text_nearest(word, names, count);
    ss_error error = ss_fail(SS_ERR_USAGE, "unknown section \"%s\"%s%s%s; expected some of: %s",
                             word, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                             nearest ? "\"?" : "", list.data ? list.data : "");
    free(list.data);
    return error;
}

static bool is_named(const ss_texts *words, const char *name)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->texts[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static ss_error check_sections(const ss_texts *words)
{
    for (size_t i = 0; i < words->count; i++) {
        int index = 0;
        while (ss_bench_section_at(index) &&
               strcmp(ss_bench_section_at(index)->name, words->texts[i]) != 0) {
            index++;
        }
        if (!ss_bench_section_at(index)) {
            return unknown_section(words->texts[i]);
        }
    }
    return SS_OK;
}

/* Rank 0 opens the file before anything is measured: a mistake in its name costs no time. */
static ss_error open_json(const ss_session *session, const char *path, FILE **out)
{
    *out = NULL;
    if (path && session->rank == 0) {
        *out = fopen(path, "w");
        if (!*out) {
            return ss_fail(SS_ERR_USAGE, "--json: %s cannot be written: %s", path, strerror(errno));
        }
    }
    return SS_OK;
}

static ss_error write_json(const bench_options *options, const json_t *root, FILE *file)
{
    int failed = json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    failed |= fputc('\n', file) == EOF;
    failed |= fclose(file) != 0;
    return failed ? ss_fail(SS_ERR_IO, "%s: cannot be written: %s", options->json_path,
                            strerror(errno))
                  : SS_OK;
}

static json_t *describe_program(const ss_session *session, const bench_options *options)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:i, s:b}", "version", ss_version(), "git_commit",
                     ss_version_commit(), "compiler", ss_version_compiler(), "host", host,
                     "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "ranks",
                     session->ranks, "quick", options->quick);
}

static ss_error measure_sections(ss_bench *bench, const bench_options *options, json_t *root)
{
    for (int i = 0; ss_bench_section_at(i) && !bench->stopped; i++) {
        const ss_bench_section *section = ss_bench_section_at(i);
        if (options->sections.count > 0 && !is_named(&options->sections, section->name)) {
            continue;
        }
        json_t *figures = json_object();
        json_object_set_new(root, section->name, figures);
        if (bench->rank == 0) {
            printf("%s: %s\n", section->name, section->summary);
        }
        SS_TRY(section->measure(bench, figures));
        if (bench->rank == 0) {
            printf("\n");
            fflush(stdout);
        }
    }
    return SS_OK;
}

static ss_error measure(const ss_session *session, bench_options *options, int *status)
{
    FILE *file = NULL;
    if (options->wide) {
        SS_TRY(ss_sched_agree(session->comm, ss_texts_add(&options->sections, "wide")));
    }
    SS_TRY(ss_sched_agree(session->comm, open_json(session, options->json_path, &file)));
    ss_bench bench = {
        .comm = session->comm,
        .rank = session->rank,
        .ranks = session->ranks,
        .quick = options->quick,
        .latency_seconds = 1e-9 * (double)options->latency_ns,
        .service_seconds = 1e-9 * (double)options->service_ns,
        .runs_a_rank = options->runs_a_rank,
    };
    json_t *root = describe_program(session, options);
    ss_error error = measure_sections(&bench, options, root);
    *status = bench.stopped ? SS_EXIT_RESUMABLE : SS_EXIT_DONE;
    if (file && (error != SS_OK || bench.stopped)) {
        fclose(file);
        remove(options->json_path);
    } else if (file) {
        error = write_json(options, root, file);
    }
    json_decref(root);
    return ss_sched_agree(session->comm, error);
}

int ss_cmd_bench(int argc, char **argv)
{
    bench_options chosen = {.latency_ns = 2000, .runs_a_rank = 100};
    const ss_option options[] = {
        {"--json", NULL, "FILE", "write all figures to FILE, too", SS_OPTION_TEXT,
         &chosen.json_path},
        {"--quick", NULL, NULL, "shorter measurements, less exact", SS_OPTION_FLAG, &chosen.quick},
        {"--wide", NULL, NULL, "the section wide, as its name does", SS_OPTION_FLAG, &chosen.wide},
        {"--latency", NULL, "NS", "scale: nanoseconds of a message on the network (default 2000)",
         SS_OPTION_COUNT, &chosen.latency_ns},
        {"--service", NULL, "NS",
         "scale: nanoseconds of rank 0 for a message (default: measured; 1000 on one rank)",
         SS_OPTION_COUNT, &chosen.service_ns},
        {"--runs", NULL, "N", "scale: runs a rank (default 100)", SS_OPTION_COUNT,
         &chosen.runs_a_rank},
    };
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep bench [SECTION]... [OPTIONS]",
        .description =
            "Measures this machine; all sections, or those that are named:\n"
            "  kernel    one core: multiply-add peak, nanoseconds a sample of each stage, whole\n"
            "            iterations over (d, k, m, activation, precision) and their share of the\n"
            "            peak, and the same products by OpenBLAS\n"
            "  dispatch  runs a second that the scheduler gives out, with and without a result\n"
            "            file, its overhead on runs of 1 ms and 100 ms, rank 0's time and memory\n"
            "  scale     simulates the scheduler with the measured costs on 100 to 100,000 ranks\n"
            "  wide      an iteration at d = k = 512 and 1024 on a process grid of all ranks, its\n"
            "            matrix products alone, and one rank (the option --wide names it as well)\n"
            "The result file of dispatch is a temporary one, in $TMPDIR or else in this folder.",
        .positional = "SECTION",
        .words = &chosen.sections,
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    const char *none;
    int help;
    int status = SS_EXIT_DONE;
    ss_error error = ss_options_parse(&line, argc, argv, &none, &help);
    if (error == SS_OK && !help) {
        error = check_sections(&chosen.sections);
    }
    if (ss_options_without_mpi(&line, error, help, &status)) {
        free(chosen.sections.texts);
        return status;
    }
    ss_sched_signals_begin(); /* one that comes in between must not leave the temporary file */
    ss_session session = ss_session_begin();
    error = measure(&session, &chosen, &status);
    free(chosen.sections.texts);
    status = ss_session_end(&session, error, status);
    ss_sched_signals_end();
    return status;
}
