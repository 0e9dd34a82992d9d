#include "submission.h"

#include "../base/path.h"
#include "../base/whole_file.h"
#include "../execution/reuse.h"
#include "../result/seeds.h"
#include "../wide/forecast.h"
#include "saddlesweep/kernel.h"
#include "saddlesweep/sched.h"
#include "script.h"
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SWEEP, FIGURES, SCRIPTS };
static const char *const steps[SCRIPTS] = {"sweep", "figures"};

static ss_error no_memory(void)
{
    return ss_fail(SS_ERR_MEMORY, "out of memory for a path");
}

/* FOLDER/NAME.h5 for a sweep file …/NAME.yaml. */
static ss_error name_in_folder(const char *folder, const char *spec_path, ss_text *path)
{
    const char *slash = strrchr(spec_path, '/');
    const char *name = slash ? slash + 1 : spec_path;
    const char *dot = strrchr(name, '.');
    int length = (int)(dot && dot != name ? (size_t)(dot - name) : strlen(name));
    ss_text_append(path, "%s/%.*s.h5", folder, length, name);
    return path->failed ? no_memory() : SS_OK;
}

static ss_error name_files(ss_submission *s, bool folder)
{
    ss_text named = {0};
    ss_error error = folder ? name_in_folder(s->options->output, s->spec_path, &named) : SS_OK;
    if (error == SS_OK) {
        error = ss_path_absolute(folder ? named.data : s->options->output, &s->result);
    }
    free(named.data);
    SS_TRY(error);
    size_t length = strlen(s->result);
    bool suffix = length > 3 && strcmp(s->result + length - 3, ".h5") == 0;
    ss_text_append(&s->stem, "%.*s", (int)(suffix ? length - 3 : length), s->result);
    ss_text_append(&s->spec_copy, "%s.submitted.yaml", s->stem.data);
    for (int i = 0; i < SCRIPTS; i++) {
        ss_text_append(&s->script_paths[i], "%s.%s.sbatch", s->stem.data, steps[i]);
        error = s->script_paths[i].failed ? no_memory() : error;
    }
    return s->stem.failed || s->spec_copy.failed ? no_memory() : error;
}

/* The share of a plan's work that a result file lacks; counts those runs, and those of them that
 * are wanted now: the others may be, or not (grid.seed.until_se). */
static ss_error pending_share(const ss_store *store, const ss_plan *plan, int64_t *pending,
                              int64_t *wanted, double *share)
{
    ss_task_order tasks = {.plan = plan};
    uint64_t *set = NULL;
    double work[2] = {0, 0};
    ss_error error = ss_plan_longest_first(plan, &tasks.order);
    if (error == SS_OK) {
        error = ss_pending_find(store, &tasks, false, &set, NULL);
    }
    for (int64_t place = 0; error == SS_OK && place < plan->cells; place++) {
        ss_run run = ss_plan_run(plan, tasks.order[place], 0);
        double seconds = ss_run_cost_seconds(&run);
        for (int64_t i = 0; i < plan->seeds; i++) {
            work[ss_pending_has(set, place * plan->seeds + i)] += seconds;
        }
    }
    if (error == SS_OK) {
        *pending = ss_pending_count(set, ss_plan_runs(plan));
        *share = work[1] / (work[0] + work[1]);
        error = ss_seeds_choose(store, &tasks, set, set);
    }
    if (error == SS_OK) {
        *wanted = ss_pending_count(set, ss_plan_runs(plan));
    }
    free(set);
    free(tasks.order);
    return error;
}

/* A lock that a kill left, on a node that is not this one, names a process that may live: the lock
 * itself knows. */
static ss_error check_unwritten(const char *result)
{
    char writer[512];
    ss_store_lock lock = SS_STORE_NO_LOCK;
    if (!ss_store_lock_peek(result, writer, sizeof writer)) {
        return SS_OK;
    }
    ss_error error = ss_store_lock_alone(result, 0, &lock);
    ss_store_unlock(&lock, true);
    return error;
}

/* Is the result file, if there is one, this plan's, and what does it lack? */
static ss_error inspect_result(ss_submission *s, double *share)
{
    ss_store *store;
    *share = 1;
    s->pending = ss_plan_runs(&s->sweep.plan);
    s->wanted = s->pending;
    if (access(s->result, F_OK) != 0) {
        return SS_OK;
    }
    SS_TRY(check_unwritten(s->result));
    SS_TRY(ss_store_open_for_reading(s->result, &store));
    ss_error error = ss_store_match(store, &s->sweep.plan);
    if (error == SS_OK) {
        error = ss_sweep_match_grids(store, s->result, &s->sweep.plan);
    }
    if (error == SS_OK) {
        error = pending_share(store, &s->sweep.plan, &s->pending, &s->wanted, share);
    }
    ss_store_close(&store);
    return error;
}

/* Bytes that the partition has for each rank, if that is known. */
static double memory_of_rank(const ss_submission *s)
{
    const ss_slurm_partition *partition = &s->options->partition;
    return partition->known
               ? (double)partition->most_mebibytes * 1048576 / (double)s->request.ntasks_per_node
               : INFINITY;
}

/* Of a shard, or of what is left of the whole sweep. */
static ss_error fit_plan(ss_submission *s, const ss_plan *plan, double share)
{
    ss_plan_cost cost;
    int64_t ranks = s->request.nodes * s->request.ntasks_per_node;
    ss_wide_forecast wide;
    SS_TRY(ss_plan_predict(plan, ranks, &cost));
    SS_TRY(ss_wide_choose(plan, ranks, memory_of_rank(s), &wide));
    s->bytes_per_rank = fmax(cost.bytes_per_rank, wide.bytes_per_rank);
    s->wall_seconds = fmax(share * (cost.wall_seconds + wide.wall_seconds), cost.shortest_run) +
                      ss_sched_message_seconds(ranks);
    ss_slurm_demand demand = {
        .runs = s->in_shard,
        .wall_seconds = s->wall_seconds,
        .iteration_seconds =
            fmax(cost.longest_run, wide.longest_run) / (double)s->sweep.spec->iterations,
        .bytes_per_rank = s->bytes_per_rank,
    };
    return ss_slurm_request_fit(&s->request, &s->options->partition, &demand, &s->notes);
}

/* A request is for each shard: for the first, which is the largest. */
static ss_error fit_shard(ss_submission *s)
{
    ss_plan plan;
    int64_t seeds = s->sweep.plan.seeds;
    ss_shard first = {.index = 1, .count = s->options->shards};
    ss_error error = ss_plan_of_shard(s->sweep.spec, first, &plan);
    if (error == SS_OK) {
        s->in_shard = ss_plan_runs(&plan);
        error = fit_plan(s, &plan, 1);
    }
    if (first.count > seeds && first.count % seeds != 0) {
        ss_text_append(&s->notes,
                       "shards cost alike if there are as many, or a multiple of, the %" PRId64
                       " seeds\n",
                       seeds);
    }
    ss_plan_release(&plan);
    return error;
}

static ss_error fit_request(ss_submission *s, double share)
{
    SS_TRY(ss_slurm_request_shape(&s->request, &s->options->partition, &s->notes));
    if (s->sweep.spec->until_se > 0) {
        ss_text_append(&s->notes,
                       "time is for %" PRId64
                       " seeds in every cell (grid.seed.max); it ends sooner "
                       "where fewer reach grid.seed.until_se\n",
                       s->sweep.plan.seeds);
    }
    s->in_shard = s->pending;
    return s->options->shards > 1 ? fit_shard(s) : fit_plan(s, &s->sweep.plan, share);
}

/* Are the older files result files? Their absolute names. */
static ss_error check_reuse(ss_submission *s)
{
    ss_reuse reuse;
    ss_error error = ss_reuse_open(&s->options->reuse, s->result, false, &reuse);
    for (size_t i = 0; i < reuse.count && error == SS_OK; i++) {
        const char *path = realpath(reuse.files[i].path, NULL);
        error = path ? ss_texts_add(&s->reuse, path) : no_memory();
    }
    ss_reuse_close(&reuse);
    return error;
}

static ss_error own_path(char **path)
{
    *path = realpath("/proc/self/exe", NULL);
    return *path ? SS_OK
                 : ss_fail(SS_ERR_IO, "the program cannot find itself: %s", strerror(errno));
}

/* --set and --reuse, for `run` in a job. */
static ss_error run_options(const ss_submission *s, ss_texts *words)
{
    const ss_submit_options *options = s->options;
    for (size_t i = 0; i < options->overrides.count; i++) {
        SS_TRY(ss_texts_add(words, "--set"));
        SS_TRY(ss_texts_add(words, options->overrides.texts[i]));
    }
    for (size_t i = 0; i < s->reuse.count; i++) {
        SS_TRY(ss_texts_add(words, "--reuse"));
        SS_TRY(ss_texts_add(words, s->reuse.texts[i]));
    }
    return SS_OK;
}

static ss_error make_scripts(ss_submission *s)
{
    ss_texts words = {0};
    char *program = NULL;
    ss_error error = run_options(s, &words);
    if (error == SS_OK) {
        error = own_path(&program);
    }
    ss_slurm_job job = {
        .name = s->sweep.spec->name,
        .runs = ss_plan_runs(&s->sweep.plan),
        .shards = s->options->shards,
        .stem = s->stem.data,
        .program = program,
        .spec = s->spec_copy.data,
        .result = s->result,
        .figures = SADDLESWEEP_SOURCE_DIR "/analysis/figures.py",
        .launcher = s->options->launcher,
        .python = s->options->python,
        .modules = s->options->modules,
        .options = words.texts,
        .option_count = words.count,
        .request = &s->request,
    };
    if (error == SS_OK) {
        error = ss_slurm_sweep_script(&job, &s->scripts[SWEEP]);
    }
    if (error == SS_OK) {
        error = ss_slurm_figures_script(&job, &s->scripts[FIGURES]);
    }
    free(program);
    free(words.texts);
    return error;
}

ss_error ss_submission_prepare(const ss_submit_options *options, const char *spec_path, bool folder,
                               ss_submission *submission)
{
    double share;
    *submission =
        (ss_submission){.options = options, .spec_path = spec_path, .request = options->request};
    SS_TRY(ss_sweep_load(spec_path, &options->overrides, SS_SHARD_WHOLE, &submission->sweep));
    ss_sweep_warn(&submission->sweep);
    SS_TRY(name_files(submission, folder));
    SS_TRY(inspect_result(submission, &share));
    SS_TRY(check_reuse(submission));
    SS_TRY(fit_request(submission, share));
    return make_scripts(submission);
}

void ss_submission_print(const ss_submission *submission, FILE *out)
{
    char wall[32];
    char memory[32];
    char limit[32];
    const ss_submission *s = submission;
    const ss_slurm_request *request = &s->request;
    int64_t runs = ss_plan_runs(&s->sweep.plan);
    const char *at_most = s->sweep.spec->until_se > 0 ? " at most" : "";
    fprintf(out, "sweep      %s, %" PRId64 " runs%s", s->sweep.spec->name, runs, at_most);
    if (s->pending < runs) {
        fprintf(out, ", %" PRId64 " of them still to do%s", s->pending, at_most);
    }
    if (s->options->shards > 1) {
        fprintf(out, ", in %" PRId64 " jobs; of each:", s->options->shards);
    }
    fprintf(out, "\npredicted  %s on %" PRId64 " ranks, %s a rank\n",
            ss_text_duration(s->wall_seconds, wall, sizeof wall),
            request->nodes * request->ntasks_per_node,
            ss_text_bytes(s->bytes_per_rank, memory, sizeof memory));
    fprintf(out, "request    nodes %" PRId64 ", ranks a node %" PRId64 ", time %s", request->nodes,
            request->ntasks_per_node, ss_slurm_time(request->seconds, limit, sizeof limit));
    if (request->mebibytes > 0) {
        fprintf(out, ", memory a node %" PRId64 " MiB", request->mebibytes);
    }
    fprintf(out, ", at most %" PRId64 " restarts\n", request->max_restarts);
    const char *line = s->notes.data ? s->notes.data : "";
    for (; *line; line += strcspn(line, "\n") + 1) {
        fprintf(out, "note       %.*s\n", (int)strcspn(line, "\n"), line);
    }
}

void ss_submission_print_scripts(const ss_submission *submission)
{
    for (int i = 0; i < SCRIPTS; i++) {
        printf("# ======== %s ========\n%s", submission->script_paths[i].data,
               submission->scripts[i].data);
    }
}

ss_error ss_submission_try(const ss_submission *submission)
{
    char id[SS_SLURM_ID_SIZE];
    SS_TRY(ss_slurm_find(submission->script_paths[SWEEP].data, id));
    if (id[0]) {
        return ss_fail(SS_ERR_USAGE,
                       "%s: job %s is in the queue for it already; let that do it, or end it first "
                       "(scancel %s)",
                       submission->result, id, id);
    }
    for (int i = 0; i < SCRIPTS; i++) {
        SS_TRY(ss_slurm_try(submission->script_paths[i].data, &submission->scripts[i]));
    }
    return SS_OK;
}

ss_error ss_submission_write(const ss_submission *submission)
{
    const ss_submission *s = submission;
    /* Whole at any time: a job that waits may be about to read them. */
    SS_TRY(ss_whole_file_write(s->spec_copy.data, &s->sweep.text));
    for (int i = 0; i < SCRIPTS; i++) {
        SS_TRY(ss_whole_file_write(s->script_paths[i].data, &s->scripts[i]));
    }
    return SS_OK;
}

/* The first shard stands for all. */
static void print_watch(const ss_submission *s)
{
    char shard[64] = "";
    const char *task = s->options->shards > 1 ? "_1" : "";
    if (s->options->shards > 1) {
        snprintf(shard, sizeof shard, ".shard-1-of-%" PRId64, s->options->shards);
    }
    printf("to watch   squeue --jobs %s,%s; saddlesweep status %s%s.h5; tail -F "
           "%s.sweep.%s%s.log\n",
           s->ids[SWEEP], s->ids[FIGURES], s->stem.data, shard, s->stem.data, s->ids[SWEEP], task);
}

void ss_submission_print_by_hand(const ss_submission *s)
{
    ss_text commands = {0};
    printf("written    %s\n           %s\n           %s\n", s->spec_copy.data,
           s->script_paths[SWEEP].data, s->script_paths[FIGURES].data);
    ss_text_append(&commands, "to submit  id=$(sbatch --parsable ");
    ss_slurm_quote(&commands, s->script_paths[SWEEP].data);
    ss_text_append(&commands, ")\n           sbatch --dependency=afterok:${id%%%%;*} "
                              "--kill-on-invalid-dep=yes ");
    ss_slurm_quote(&commands, s->script_paths[FIGURES].data);
    printf("%s\n", commands.failed ? "" : commands.data);
    free(commands.data);
}

ss_error ss_submission_send(ss_submission *submission)
{
    ss_submission *s = submission;
    SS_TRY(ss_slurm_submit(s->script_paths[SWEEP].data, NULL, s->ids[SWEEP]));
    printf("submitted  job %s: the runs, by %s\n", s->ids[SWEEP], s->script_paths[SWEEP].data);
    SS_TRY(ss_slurm_submit(s->script_paths[FIGURES].data, s->ids[SWEEP], s->ids[FIGURES]));
    printf("submitted  job %s: bands, law, figures and report after that, by %s\n", s->ids[FIGURES],
           s->script_paths[FIGURES].data);
    print_watch(s);
    printf("to stop    scancel %s: runs in flight are saved, the same submit goes on with them\n",
           s->ids[SWEEP]);
    return SS_OK;
}

void ss_submission_release(ss_submission *submission)
{
    ss_sweep_release(&submission->sweep);
    free(submission->result);
    free(submission->stem.data);
    free(submission->spec_copy.data);
    free(submission->notes.data);
    for (size_t i = 0; i < submission->reuse.count; i++) {
        free((char *)submission->reuse.texts[i]);
    }
    free(submission->reuse.texts);
    for (int i = 0; i < SCRIPTS; i++) {
        free(submission->scripts[i].data);
        free(submission->script_paths[i].data);
    }
}
