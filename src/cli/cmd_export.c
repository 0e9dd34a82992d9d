#include "../base/path.h"
#include "../base/whole_file.h"
#include "../result/seeds.h"
#include "../result/sweep.h"
#include "cli.h"
#include "options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const status_names[] = {
#define STATUS_NAME(code, value, name) [code] = name,
    SS_RUN_STATUSES(STATUS_NAME)
#undef STATUS_NAME
};

/* Seventeen digits give back every bit; what there is none of stays empty. */
static void print_value(FILE *out, double value, char end)
{
    if (isfinite(value)) {
        fprintf(out, "%.17g", value);
    }
    fputc(end, out);
}

typedef struct table {
    FILE *out;
    const ss_plan *plan;
    int64_t wanted; /* seeds of the cell at hand */
} table;

static void print_parameters(const table *t, const ss_walked *at, ss_run_status status)
{
    FILE *out = t->out;
    char n[SS_SAMPLES_TEXT_SIZE];
    char m[SS_SAMPLES_TEXT_SIZE];
    char activation[SS_ACTIVATION_TEXT_SIZE];
    const ss_run *run = &at->run;
    fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%s,%s,",
            ss_plan_cell_number(t->plan, at->cell), run->d, run->k, run->k0,
            ss_samples_text(run->n, n), ss_samples_text(run->m, m));
    fprintf(out, "%s,", ss_activation_format(run->activation, activation));
    if (ss_spec_compares_row_norms(t->plan->spec)) {
        fprintf(out, "%s,", ss_train_row_norm_name(run->train_row_norm));
    }
    fprintf(out, "%" PRId64 ",%s,", run->seed, status_names[status]);
}

static ss_error print_run(void *context, const ss_walked *at)
{
    const table *t = context;
    FILE *out = t->out;
    bool trusted = ss_record_trusted(at->record, &at->run, at->trajectory);
    if (!trusted && at->seed_index >= t->wanted) {
        return SS_OK; /* its cell has enough seeds without it */
    }
    ss_run_status status = trusted ? (ss_run_status)at->record->status : SS_RUN_PENDING;
    for (int64_t i = 0; i < at->run.checkpoint_count; i++) {
        double error = trusted ? at->trajectory[i] : NAN;
        print_parameters(t, at, status);
        fprintf(out, "%" PRId64 ",", at->run.checkpoints[i]);
        print_value(out, error, ',');
        print_value(out, error / at->record->truth_norm, '\n');
    }
    return ferror(out) ? ss_fail(SS_ERR_IO, "the table cannot be written: %s", strerror(errno))
                       : SS_OK;
}

static ss_error print_cells(ss_seeds *seeds, table *t)
{
    fprintf(t->out, "cell,d,k,k0,n,m,activation,%sseed,status,iteration,error,relative_error\n",
            ss_spec_compares_row_norms(t->plan->spec) ? "row_norm," : "");
    for (int64_t cell = 0; cell < t->plan->cells; cell++) {
        ss_stopping wanted;
        SS_TRY(ss_seeds_wanted(seeds, cell, &wanted));
        t->wanted = wanted.seeds;
        SS_TRY(ss_walk_cell(&seeds->walk, cell, print_run, t));
    }
    return SS_OK;
}

static ss_error print_table(const char *path, FILE *out)
{
    ss_store *store;
    ss_sweep sweep = {0};
    ss_seeds seeds = {0};
    SS_TRY(ss_store_open_for_reading(path, &store));
    ss_error error = ss_sweep_of_store(store, path, &sweep);
    if (error == SS_OK) {
        error = ss_seeds_open(store, &sweep.plan, &seeds);
    }
    if (error == SS_OK) {
        table table = {.out = out, .plan = &sweep.plan};
        error = print_cells(&seeds, &table);
    }
    ss_seeds_close(&seeds);
    ss_sweep_release(&sweep);
    ss_store_close(&store);
    return error;
}

/* Into a pipe, a terminal, /dev/null. */
static ss_error write_stream(const char *path, const char *csv)
{
    FILE *out = strcmp(csv, "-") == 0 ? stdout : fopen(csv, "w");
    if (!out) {
        return ss_fail(SS_ERR_USAGE, "%s cannot be written: %s", csv, strerror(errno));
    }
    ss_error error = print_table(path, out);
    bool written = out == stdout ? fflush(out) == 0 : fclose(out) == 0;
    return error == SS_OK && !written
               ? ss_fail(SS_ERR_IO, "%s cannot be written: %s", csv, strerror(errno))
               : error;
}

/* A whole table appears under its name, or none. */
static ss_error write_file(const char *path, const char *csv)
{
    ss_whole_file file;
    SS_TRY(ss_whole_file_begin(csv, &file));
    return ss_whole_file_end(&file, print_table(path, file.out));
}

static ss_error export_file(const char *path, void *context)
{
    const char *csv = *(const char **)context;
    if (!csv || !csv[0]) {
        return ss_fail(SS_ERR_USAGE, "--csv OUT is missing; - writes to the standard output");
    }
    if (ss_path_same_file(path, csv)) {
        return ss_fail(SS_ERR_USAGE, "--csv: %s is the result file itself; name another file", csv);
    }
    struct stat there;
    if (strcmp(csv, "-") == 0 || (stat(csv, &there) == 0 && !S_ISREG(there.st_mode))) {
        return write_stream(path, csv);
    }
    return write_file(path, csv);
}

int ss_cmd_export(int argc, char **argv)
{
    const char *csv = NULL;
    const ss_option options[] = {
        {"--csv", NULL, "OUT", "the table to write; - is the standard output", SS_OPTION_TEXT,
         &csv},
    };
    const ss_command_line line = {
        .usage = "saddlesweep export FILE.h5 --csv OUT",
        .description =
            "Writes a table for pandas and R: a line for each run and recorded iteration, with\n"
            "cell, d, k, k0, n, m, activation, row_norm (only if train.row_norm is a list), seed,\n"
            "status, iteration, error, relative_error.\n"
            "Values are empty where a run is not committed, is damaged, or has diverged; n and m\n"
            "may be inf. Seeds that a cell has no need of (grid.seed.until_se) are left out. Works "
            "while\na run is writing the file.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    return ss_options_command(&line, argc, argv, export_file, &csv);
}
