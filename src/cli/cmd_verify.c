/*
 * Checks every committed run of a result file against its checksums and against the plan that the
 * file was made for, the bands against the runs, and recomputes some runs.
 */
#include "../base/table.h"
#include "../execution/session.h"
#include "../result/executions.h"
#include "../result/reduction.h"
#include "../result/replay.h"
#include "../result/seeds.h"
#include "../result/sweep.h"
#include "../wide/repeat.h"
#include "cli.h"
#include "options.h"
#include "saddlesweep/kernel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct verify_options {
    int64_t replays;
    int reseal;
    MPI_Comm comm; /* whose ranks replay, if there is anything to */
} verify_options;

/* What a cell's bands are, beside its runs. */
typedef enum bands_state {
    BANDS_RIGHT,
    BANDS_NOT_MADE,
    BANDS_OLDER,
    BANDS_WRONG,
    BANDS_STATES
} bands_state;

typedef struct verification {
    const ss_store *store;
    const char *path;
    ss_sweep sweep;
    ss_table table;    /* of what is not right */
    int64_t committed; /* runs that are intact … */
    int64_t pending;   /* … or were never written */
    int64_t unwanted;  /* of these, in cells that have enough seeds */
    int64_t damaged;
    int64_t different;           /* when recomputed */
    int64_t bands[BANDS_STATES]; /* cells */
    ss_executions *executions;
    ss_replay replay;
} verification;

/* ---- runs ---- */

static void add_run(verification *v, const ss_run *run, int64_t cell, const char *what)
{
    ss_table_add(&v->table, "%" PRId64, ss_plan_cell_number(&v->sweep.plan, cell));
    ss_table_add(&v->table, "%" PRId64, run->seed);
    ss_table_add(&v->table, "%s", what);
}

/* What is wrong with a run that the file claims to hold; NULL: nothing. */
static const char *damage_of(const ss_walked *at)
{
    if (!ss_record_committed(at->record)) {
        return "its record is damaged";
    }
    if (!ss_record_intact(at->record, at->trajectory, ss_run_result_count(&at->run))) {
        return ss_run_result_count(&at->run) == at->run.checkpoint_count
                   ? "its trajectory is damaged"
                   : "its trajectory or another of its results is damaged";
    }
    if (!ss_record_trusted(at->record, &at->run, at->trajectory)) {
        return "it is another run: its identity is not the one of this place";
    }
    return NULL;
}

static ss_error check_run(void *context, const ss_walked *at)
{
    verification *v = context;
    if (ss_record_untouched(at->record) || ss_record_partial(at->record, &at->run)) {
        v->pending++;
        return SS_OK;
    }
    const char *damage = damage_of(at);
    if (damage) {
        v->damaged++;
        add_run(v, &at->run, at->cell, damage);
    } else {
        v->committed++;
        ss_replay_offer(&v->replay, at);
    }
    return SS_OK;
}

static void note_different(void *context, const ss_run *run, int64_t cell)
{
    verification *v = context;
    v->different++;
    add_run(v, run, cell, "recomputed, it comes out differently");
}

/* ---- bands ---- */

/* The state of both quantities: right if both are, never made if both are. `complete`: the cell has
 * all runs that it wants. */
static ss_error compare_bands(const ss_reduction *r, int64_t cell, bool complete, ss_bands *found,
                              bands_state *state)
{
    int right = 0;
    int blank = 0;
    for (int quantity = 0; quantity < SS_QUANTITIES; quantity++) {
        SS_TRY(ss_store_read_bands(r->walk.store, (ss_quantity)quantity, cell, found));
        right += ss_bands_same(found, &r->bands[quantity]);
        blank += ss_bands_blank(found);
    }
    *state = blank == SS_QUANTITIES && !complete ? BANDS_NOT_MADE
             : right == SS_QUANTITIES            ? BANDS_RIGHT
             : blank == SS_QUANTITIES            ? BANDS_NOT_MADE
             : complete                          ? BANDS_WRONG
                                                 : BANDS_OLDER;
    return SS_OK;
}

static ss_error check_bands(verification *v, const ss_reduction *reduction, int64_t cell,
                            bool complete, ss_bands *found)
{
    bands_state state;
    SS_TRY(compare_bands(reduction, cell, complete, found, &state));
    v->bands[state]++;
    if (state == BANDS_WRONG) {
        ss_table_add(&v->table, "%" PRId64, ss_plan_cell_number(&v->sweep.plan, cell));
        ss_table_add(&v->table, "all");
        ss_table_add(&v->table, "its bands are not what its runs give");
    }
    return SS_OK;
}

/* ---- cells ---- */

typedef struct cell_check {
    ss_reduction reduction;
    ss_seeds seeds;
    ss_bands found; /* in the file */
} cell_check;

/* Runs and bands of a cell; it is read once, or twice where seeds are added. */
static ss_error check_cell(verification *v, cell_check *check, int64_t cell)
{
    ss_stopping wanted;
    SS_TRY(ss_reduction_of_cell(&check->reduction, cell));
    SS_TRY(ss_seeds_wanted(&check->seeds, cell, &wanted));
    v->unwanted += ss_seeds_unwanted(&check->seeds, &wanted);
    bool complete = check->seeds.rule.target > 0
                        ? wanted.state != SS_STOPPING_OPEN
                        : check->reduction.committed == v->sweep.plan.seeds;
    return check_bands(v, &check->reduction, cell, complete, &check->found);
}

static ss_error check_cells(verification *v)
{
    const ss_plan *plan = &v->sweep.plan;
    cell_check check = {.found = {0}};
    ss_error error = ss_reduction_begin(v->store, plan, "checking the runs", &check.reduction);
    check.reduction.visit = check_run;
    check.reduction.visitor = v;
    if (error == SS_OK) {
        error = ss_seeds_open(v->store, plan, &check.seeds);
    }
    if (error == SS_OK) {
        error = ss_bands_create(plan->checkpoints, &check.found);
    }
    for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
        error = check_cell(v, &check, cell);
    }
    ss_bands_destroy(&check.found);
    ss_seeds_close(&check.seeds);
    ss_reduction_end(&check.reduction);
    return error;
}

/* ---- executions ---- */

static ss_error check_executions(verification *v)
{
    SS_TRY(ss_executions_read(v->store, &v->executions));
    for (int row = 0; row < SS_EXECUTION_ROWS; row++) {
        if (v->executions->damaged_row[row]) {
            ss_table_add(&v->table, "-");
            ss_table_add(&v->table, "-");
            ss_table_add(&v->table, "row %d of /execution is damaged", row);
        }
    }
    return SS_OK;
}

/* ---- findings ---- */

static void print_bands(const verification *v)
{
    static const char *const names[] = {
        [BANDS_RIGHT] = "right",
        [BANDS_NOT_MADE] = "not made yet",
        [BANDS_OLDER] = "older than their runs",
        [BANDS_WRONG] = "wrong",
    };
    printf("bands       %" PRId64 " %s", v->bands[BANDS_RIGHT], names[BANDS_RIGHT]);
    for (int state = BANDS_RIGHT + 1; state < BANDS_STATES; state++) {
        if (v->bands[state] > 0) {
            printf(", %" PRId64 " %s", v->bands[state], names[state]);
        }
    }
    printf(" (cells)\n");
}

static void print_counts(const verification *v)
{
    const ss_replay *replay = &v->replay;
    printf("file        %s\n", v->path);
    printf("runs        %" PRId64 "\n", ss_plan_runs(&v->sweep.plan));
    printf("intact      %" PRId64 "\n", v->committed);
    printf("pending     %" PRId64, v->pending);
    if (v->sweep.spec->until_se > 0) {
        printf(" (%" PRId64 " of cells that have enough seeds)", v->unwanted);
    }
    printf("\n");
    printf("damaged     %" PRId64 "\n", v->damaged);
    print_bands(v);
    if (replay->wanted > 0) {
        printf("replayed    %" PRId64 ", %" PRId64 " of them with other bits\n",
               replay->chosen_count, v->different);
    }
    ss_replay_print_left_out(replay);
    printf("executions  ");
    ss_executions_print_count(v->executions);
    printf("\n");
}

/* The worst of what was found, with its remedy. */
static ss_error judge(const verification *v)
{
    if (v->different > 0) {
        return ss_fail(SS_ERR_DAMAGED,
                       "%s: %" PRId64 " runs do not come out as the file has them; the program, "
                       "its libraries (for wide runs: or the processor), or the machine's memory "
                       "are not what they were",
                       v->path, v->different);
    }
    if (v->damaged > 0) {
        return ss_fail(SS_ERR_DAMAGED,
                       "%s: %" PRId64 " runs are damaged; `saddlesweep run` with the same sweep "
                       "file computes just those again",
                       v->path, v->damaged);
    }
    if (v->bands[BANDS_WRONG] > 0) {
        return ss_fail(SS_ERR_DAMAGED,
                       "%s: the bands of %" PRId64 " cells are damaged, or older than their runs; "
                       "`saddlesweep reduce` makes them anew",
                       v->path, v->bands[BANDS_WRONG]);
    }
    if (v->executions->damaged > 0) {
        return ss_fail(SS_ERR_DAMAGED,
                       "%s: %d records of executions are damaged, the results are not; the next "
                       "`saddlesweep run` clears them",
                       v->path, v->executions->damaged);
    }
    return SS_OK;
}

static ss_error print_findings(verification *v)
{
    print_counts(v);
    ss_error error = judge(v);
    if (error != SS_OK) {
        printf("\n");
        SS_TRY(ss_table_print(&v->table, "  "));
    }
    return error;
}

static ss_error check_all(verification *v, const verify_options *options)
{
    SS_TRY(ss_sweep_of_store(v->store, v->path, &v->sweep));
    SS_TRY(ss_store_match_labels(v->store, &v->sweep.plan));
    SS_TRY(ss_replay_begin(&v->sweep.plan, options->replays, options->comm, &v->replay));
    SS_TRY(check_cells(v));
    SS_TRY(check_executions(v));
    SS_TRY(ss_replay_check(&v->replay, v->path));
    return ss_replay_all(&v->replay, note_different, v);
}

static ss_error verify_open(const ss_store *store, const char *path, const verify_options *options)
{
    verification v = {
        .store = store,
        .path = path,
        .table = {.columns = 3, .headings = {"cell", "seed", "<what is wrong"}},
    };
    ss_error error = check_all(&v, options);
    if (error == SS_OK && options->reseal) {
        error = ss_store_reseal(store);
    }
    if (error == SS_OK) {
        error = print_findings(&v);
    } else {
        free(v.table.cells.data);
    }
    free(v.executions);
    ss_replay_end(&v.replay);
    ss_sweep_release(&v.sweep);
    return error;
}

static ss_error verify_file(const char *path, const verify_options *options)
{
    ss_store *store;
    SS_TRY((options->reseal ? ss_store_open_unsealed : ss_store_open_for_reading)(path, &store));
    ss_error error = verify_open(store, path, options);
    ss_store_close(&store);
    return error;
}

static ss_error verify(const char *path, void *context)
{
    const verify_options *options = context;
    ss_store_lock lock = SS_STORE_NO_LOCK;
    if (options->reseal) {
        SS_TRY(ss_store_lock_alone(path, 0, &lock));
    }
    ss_error error = verify_file(path, options);
    ss_store_unlock(&lock, true);
    return error;
}

/* Wide runs are replayed on as many ranks as computed them; only then is this a command for
 * mpirun. */
static int verify_on_ranks(const char *path, verify_options *options)
{
    ss_session session = ss_session_begin();
    ss_error error;
    options->comm = session.comm;
    if (session.rank == 0) {
        error = verify(path, options);
        ss_repeat_end(session.comm);
    } else {
        error = ss_repeat_follow(session.comm);
    }
    return ss_session_end(&session, error, SS_EXIT_DONE);
}

int ss_cmd_verify(int argc, char **argv)
{
    verify_options wanted = {.comm = MPI_COMM_NULL};
    const ss_option options[] = {
        {"--replay", NULL, "N", "recompute N committed runs, chosen at random; compare the bits",
         SS_OPTION_COUNT, &wanted.replays},
        {"--reseal", NULL, NULL,
         "accept a file that another program has changed (an attribute added, say)", SS_OPTION_FLAG,
         &wanted.reseal},
    };
    const ss_command_line line = {
        .usage = "[mpirun -n N] saddlesweep verify FILE.h5 [--replay N] [--reseal]",
        .description =
            "Checks the record and the trajectory of every committed run, and the records of\n"
            "executions, against their checksums, the cells, seeds and iterations of the file "
            "against\n"
            "the sweep file in it, and the bands against the runs. Lists what is damaged, with "
            "exit\n"
            "status 1 if anything is: `run` computes damaged runs again, `reduce` bands.\n"
            "All of this is also done before --reseal seals a file anew. Runs of process grids "
            "are\n"
            "replayed under mpirun, with at least as many ranks as theirs.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    const char *path;
    int help;
    ss_error error = ss_options_parse(&line, argc, argv, &path, &help);
    return error == SS_OK && !help && wanted.replays > 0
               ? verify_on_ranks(path, &wanted)
               : ss_options_act(&line, error, help, path, verify, &wanted);
}
