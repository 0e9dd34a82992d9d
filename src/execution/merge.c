#include "merge.h"

#include "../base/clock.h"
#include "../base/memory.h"
#include "../base/path.h"
#include "../base/table.h"
#include "../result/failures.h"
#include "../result/reduction.h"
#include "logbook.h"
#include "output.h"
#include "saddlesweep/saved_run.h"
#include "saddlesweep/sched.h"
#include "takeover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct merger {
    const ss_session *session;
    const ss_texts *inputs;
    const char *path; /* of the output */
    ss_store_io io;
    double started;
    ss_sweep sweep; /* the whole one, as the first input has it */
    char digest[SS_DIGEST_SIZE];
    ss_shard *shards; /* that the inputs are */
    ss_text hosts;    /* of all inputs, comma-separated, as are … */
    ss_text kernels;  /* … these */
    ss_task_order tasks;
    ss_output output;
    int64_t taken;
} merger;

/* An input while it is open. */
typedef struct input {
    const char *path;
    ss_store *store;
    ss_sweep sweep;
} input;

/* ---- inputs ---- */

/* As most shards' are; otherwise what they expand to is compared, which takes longer. */
static bool same_texts(const ss_sweep *a, const ss_sweep *b)
{
    return strcmp(a->text.data, b->text.data) == 0 &&
           strcmp(a->overrides.data, b->overrides.data) == 0;
}

/* Unless the input is of the same whole sweep as the first one. */
static ss_error compare_sweeps(const merger *m, const input *in)
{
    char digest[SS_DIGEST_SIZE];
    ss_difference d = {.what = "plan_digest"};
    ss_plan whole = ss_plan_of(in->sweep.spec);
    if (same_texts(&in->sweep, &m->sweep)) {
        return SS_OK;
    }
    ss_plan_digest(&whole, digest);
    if (strcmp(digest, m->digest) == 0 && !ss_plan_grids_differ(&whole, &m->sweep.plan, &d)) {
        return SS_OK;
    }
    ss_plan_differs(&whole, &m->sweep.plan, &d);
    return ss_fail(SS_ERR_PLAN_DIFFERS,
                   "%s: is of another sweep than %s; first difference: %s is %s in the former, %s "
                   "in the latter; merge files of one sweep",
                   in->path, m->inputs->texts[0], d.what, d.first, d.second);
}

static void close_input(input *in)
{
    ss_sweep_release(&in->sweep);
    if (in->store) {
        ss_store_close(&in->store);
    }
}

/* Close it even after an error. */
static ss_error open_input(const char *path, input *in)
{
    *in = (input){.path = path};
    SS_TRY(ss_store_open_for_reading(path, &in->store));
    return ss_sweep_of_store(in->store, path, &in->sweep);
}

/* The first input's sweep becomes the whole one. */
static ss_error adopt_sweep(merger *m, input *first)
{
    m->sweep = first->sweep;
    first->sweep = (ss_sweep){0};
    SS_TRY(ss_sweep_take_whole(&m->sweep));
    ss_plan_digest(&m->sweep.plan, m->digest);
    return SS_OK;
}

static bool listed(const ss_text *list, const char *word, size_t length)
{
    const char *at = list->data;
    while (at && *at) {
        size_t here = strcspn(at, ",");
        if (here == length && memcmp(at, word, length) == 0) {
            return true;
        }
        at += here + (at[here] == ',');
    }
    return false;
}

/* Appends the words of a comma-separated attribute that are not there yet. */
static ss_error add_words(const input *in, const char *attribute, ss_text *list)
{
    char *text = NULL;
    SS_TRY(ss_store_read_attribute(in->store, attribute, &text));
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ",");
        if (length > 0 && !listed(list, at, length)) {
            ss_text_append(list, "%s%.*s", list->length > 0 ? "," : "", (int)length, at);
        }
        at += length + (at[length] == ',');
    }
    free(text);
    return list->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a list of names") : SS_OK;
}

static ss_error examine(merger *m, size_t i, input *in)
{
    m->shards[i] = in->sweep.plan.shard;
    SS_TRY(i == 0 ? adopt_sweep(m, in) : compare_sweeps(m, in));
    SS_TRY(add_words(in, "hosts", &m->hosts));
    return add_words(in, "kernel", &m->kernels);
}

/* Before anything is made: are all inputs whole, and of one sweep? */
static ss_error examine_all(merger *m)
{
    ss_error error = ss_allocate(m->inputs->count, sizeof *m->shards, &m->shards);
    ss_text_append(&m->hosts, "%s", "");
    ss_text_append(&m->kernels, "%s", "");
    for (size_t i = 0; i < m->inputs->count && error == SS_OK; i++) {
        input in;
        const char *path = m->inputs->texts[i];
        if (ss_path_same_file(path, m->path)) {
            return ss_fail(SS_ERR_USAGE,
                           "%s: is the output itself; leave it out, or name another output", path);
        }
        error = open_input(path, &in);
        if (error == SS_OK) {
            error = examine(m, i, &in);
        }
        close_input(&in);
    }
    return error;
}

/* ---- runs ---- */

/* They are opened anew, one at a time: a process may have a thousand files open, a sweep more
 * shards. */
static ss_error take_from(merger *m, const char *path, ss_takeover *takeover)
{
    input in;
    ss_error error = open_input(path, &in);
    if (error == SS_OK) {
        error = compare_sweeps(m, &in);
    }
    if (error == SS_OK) {
        error = ss_takeover_from(takeover, path, in.store, &in.sweep.plan);
    }
    if (error == SS_OK) {
        error = ss_logbook_copy(in.store, m->output.store);
    }
    close_input(&in);
    return error;
}

static ss_error take_all(merger *m)
{
    ss_takeover takeover;
    ss_error error = ss_takeover_begin(m->output.store, &m->tasks, m->output.pending,
                                       SS_TAKEOVER_ALL, &takeover);
    for (size_t i = 0; i < m->inputs->count && error == SS_OK; i++) {
        error = take_from(m, m->inputs->texts[i], &takeover);
    }
    m->taken = takeover.taken;
    ss_takeover_end(&takeover);
    return error;
}

/* ---- what is pending ---- */

/* The input that is this shard, or NULL. */
static const char *input_of(const merger *m, ss_shard shard)
{
    for (size_t i = 0; i < m->inputs->count; i++) {
        if (ss_shard_same(m->shards[i], shard)) {
            return m->inputs->texts[i];
        }
    }
    return NULL;
}

static void add_row(const merger *m, ss_table *table, ss_shard shard, int64_t pending)
{
    char text[SS_SHARD_TEXT_SIZE];
    const char *path = input_of(m, shard);
    ss_table_add(table, "%s", ss_shard_format(shard, text));
    ss_table_add(table, "%" PRId64, pending);
    ss_table_add(table, "%s%s", path ? "incomplete: " : "missing", path ? path : "");
}

/* The pending runs of each of `count` shards. */
static void count_pending(const merger *m, int64_t count, int64_t *pending)
{
    const ss_plan *plan = &m->sweep.plan;
    for (int64_t task = 0; task < ss_plan_runs(plan); task++) {
        if (ss_pending_has(m->output.pending, task)) {
            int64_t place = task / plan->seeds;
            pending[ss_shard_holding(count, plan->seeds, place, task % plan->seeds) - 1]++;
        }
    }
}

/* By shards as the first input is one. */
static ss_error print_pending(const merger *m, int64_t lacking)
{
    enum { MOST_ROWS = 40 };
    int64_t count = m->shards[0].count;
    int64_t *pending = NULL;
    int64_t found = 0;
    ss_table table = {.columns = 3, .headings = {"shard", "runs pending", "<its file"}};
    SS_TRY(ss_allocate((size_t)count, sizeof *pending, &pending));
    count_pending(m, count, pending);
    for (int64_t i = 0; i < count; i++) {
        if (pending[i] > 0 && found++ < MOST_ROWS) {
            add_row(m, &table, (ss_shard){i + 1, count}, pending[i]);
        }
    }
    free(pending);
    printf("%" PRId64 " runs are pending, in %" PRId64 " of %" PRId64
           " shards; the same command goes on when they are there:\n",
           lacking, found, count);
    SS_TRY(ss_table_print(&table, "  "));
    if (found > MOST_ROWS) {
        printf("  … and %" PRId64 " more shards\n", found - MOST_ROWS);
    }
    return SS_OK;
}

/* ---- all ---- */

static int status_of(const ss_tally *tally, int64_t lacking)
{
    if (lacking > 0) {
        return SS_EXIT_RESUMABLE;
    }
    return ss_tally_failures(tally) == 0 ? SS_EXIT_DONE : SS_EXIT_INCOMPLETE;
}

static ss_error conclude(const merger *m, int *status)
{
    ss_tally tally;
    uint64_t *pending = m->output.pending;
    SS_TRY(ss_seeds_choose(m->output.store, &m->tasks, pending, pending));
    int64_t lacking = ss_pending_count(pending, ss_plan_runs(&m->sweep.plan));
    SS_TRY(ss_tally_all(m->output.store, &m->sweep.plan, &tally));
    *status = status_of(&tally, lacking);
    ss_tally_print_counts(m->sweep.label, &tally, m->taken, ss_clock_seconds() - m->started);
    ss_seeds_print(&m->sweep.plan, &tally.seeds);
    if (*status == SS_EXIT_RESUMABLE) {
        SS_TRY(print_pending(m, lacking));
    } else {
        ss_saved_run_remove_all(m->path); /* of a `run` on the merged file that was stopped */
    }
    SS_TRY(ss_failures_print(m->output.store, &m->sweep.plan, &tally));
    printf("result file: %s\n", m->path);
    return SS_OK;
}

static ss_error merge_all(merger *m, int *status)
{
    SS_TRY(examine_all(m));
    m->tasks.plan = &m->sweep.plan;
    SS_TRY(ss_plan_longest_first(&m->sweep.plan, &m->tasks.order));
    const ss_output_options options = {
        .hosts = m->hosts.data, .kernel = m->kernels.data, .io = m->io};
    SS_TRY(ss_output_open(m->session, m->path, &m->sweep, &m->tasks, &options, &m->output));
    SS_TRY(take_all(m));
    SS_TRY(ss_reduce_all(m->session->comm, m->output.store, &m->sweep.plan));
    return conclude(m, status);
}

ss_error ss_merge_run(const ss_session *session, const ss_texts *inputs, const char *output,
                      ss_store_io io, int *status)
{
    merger m = {
        .session = session,
        .inputs = inputs,
        .path = output,
        .io = io,
        .started = ss_clock_seconds(),
        .output = {.session = session, .lock = SS_STORE_NO_LOCK},
    };
    ss_error error = ss_output_close(&m.output, merge_all(&m, status));
    ss_sweep_release(&m.sweep);
    free(m.shards);
    free(m.hosts.data);
    free(m.kernels.data);
    free(m.tasks.order);
    return error;
}
