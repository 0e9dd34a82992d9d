/* Every byte that runs and reductions write (usually every seventh), flipped one at a
 * time: no command crashes, none takes a wrong number for a right one. `run` and `reduce` are
 * called by the functions that they are made of, as each rank tries its share of the bytes in a
 * file of its own. test_seal.c has the bytes that are final. */
#include "check.h"

#include "effort.h"
#include "mpi_folder.h"
#include "src/cli/cli.h"
#include "src/execution/logbook.h"
#include "src/result/executions.h"
#include "src/result/pending.h"
#include "src/result/reduction.h"
#include "src/result/tally.h"

#include <fcntl.h>
#include <hdf5.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

static const char text[] = "name: flips\n"
                           "root_seed: 1\n"
                           "grid: {d: 3, k: 2, n: [20, 30], m: n, activation: tanh, seed: [4, 7]}\n"
                           "train: {iterations: 20, step: {size: 0.5}}\n"
                           "record: {at: [0, 10]}\n";

enum {
    CELLS = 2,
    SEEDS = 2,
    RUNS = CELLS * SEEDS,
    POINTS = 3,
    EXECUTIONS = 2,
    BLANK_STRIDE = 10,
    MOST_BYTES = 1 << 18,
    NO_RUN = -1
};

/* What a byte of the file is. */
typedef enum part { FINAL, OF_RECORD, OF_TRAJECTORY, OF_BANDS, OF_EXECUTION, OF_BLANK_ROW } part;

static struct {
    char path[PATH_SIZE];
    char csv[PATH_SIZE];
    ss_spec *spec;
    ss_plan plan;
    size_t size;
    size_t executions; /* where /execution begins */
    unsigned char part[MOST_BYTES];
    int run[MOST_BYTES];                     /* that a byte of a record or trajectory belongs to */
    unsigned char whole[MOST_BYTES];         /* the file's bytes */
    unsigned char without[RUNS][MOST_BYTES]; /* reduced without one run */
    char table[1 << 14];                     /* that export makes of the whole file */
} target;

/* ---- the whole file ---- */

static void write_bytes(const unsigned char *bytes)
{
    int descriptor = open(target.path, O_WRONLY);
    assert_int_equal(pwrite(descriptor, bytes, target.size, 0), (ssize_t)target.size);
    close(descriptor);
}

static void read_bytes(unsigned char *bytes)
{
    int descriptor = open(target.path, O_RDONLY);
    assert_int_equal(pread(descriptor, bytes, target.size, 0), (ssize_t)target.size);
    close(descriptor);
}

static void reduce(void)
{
    ss_store *store;
    assert_int_equal(
        ss_store_open_for_writing(target.path, MPI_COMM_SELF, SS_STORE_IO_MPIO, &store), SS_OK);
    assert_int_equal(ss_reduce_all(MPI_COMM_SELF, store, &target.plan), SS_OK);
    ss_store_close(&store);
}

static void execute_all(void)
{
    ss_store *store;
    ss_workspace *workspace;
    assert_int_equal(
        ss_store_open_for_writing(target.path, MPI_COMM_SELF, SS_STORE_IO_MPIO, &store), SS_OK);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    for (int i = 0; i < RUNS; i++) {
        double trajectory[POINTS];
        ss_run_outcome outcome;
        ss_run run = ss_plan_run(&target.plan, i / SEEDS, i % SEEDS);
        ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
        ss_record record = ss_record_of(&run, &outcome, 0, trajectory);
        assert_int_equal(ss_store_commit(store, i / SEEDS, i % SEEDS, &run, &record, trajectory),
                         SS_OK);
    }
    ss_workspace_destroy(&workspace);
    ss_store_close(&store);
}

/* As `run` would: two executions, of which one was killed. */
static void note_executions(void)
{
    ss_store *store;
    ss_logbook logbook;
    ss_session session = {.comm = MPI_COMM_SELF, .rank = 0, .ranks = 1};
    for (int i = 0; i < EXECUTIONS; i++) {
        assert_int_equal(
            ss_store_open_for_writing(target.path, MPI_COMM_SELF, SS_STORE_IO_MPIO, &store), SS_OK);
        assert_int_equal(ss_logbook_begin(&session, store, "here", "any", &logbook), SS_OK);
        assert_int_equal(logbook.row, i);
        if (i == 0) {
            assert_int_equal(ss_logbook_end(&logbook, store, RUNS, SS_EXIT_DONE), SS_OK);
        }
        ss_store_close(&store);
    }
}

static void mark(hid_t file, const char *name, part part, size_t run_bytes)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    size_t start = (size_t)H5Dget_offset(dataset);
    size_t bytes = (size_t)H5Dget_storage_size(dataset);
    H5Dclose(dataset);
    for (size_t i = 0; i < bytes; i++) {
        target.part[start + i] = (unsigned char)part;
        target.run[start + i] = run_bytes > 0 ? (int)(i / run_bytes) : NO_RUN;
    }
}

/* The last row that is written, and some bytes of the last blank one: rows are alike. */
static void mark_executions(hid_t file)
{
    hid_t dataset = H5Dopen2(file, "execution", H5P_DEFAULT);
    target.executions = (size_t)H5Dget_offset(dataset);
    H5Dclose(dataset);
    for (size_t i = 0; i < SS_EXECUTION_ROWS * sizeof(ss_execution_record); i++) {
        size_t row = i / sizeof(ss_execution_record);
        part part = row == EXECUTIONS - 1                                   ? OF_EXECUTION
                    : row == SS_EXECUTION_ROWS - 1 && i % BLANK_STRIDE == 0 ? OF_BLANK_ROW
                                                                            : FINAL;
        target.part[target.executions + i] = (unsigned char)part;
        target.run[target.executions + i] = NO_RUN;
    }
}

static int row_of(size_t at)
{
    return (int)((at - target.executions) / sizeof(ss_execution_record));
}

static bool in_executions(size_t at)
{
    return target.part[at] == OF_EXECUTION || target.part[at] == OF_BLANK_ROW;
}

static void mark_parts(void)
{
    static const char *const quantities[] = {"error", "relative_error"};
    hid_t file = H5Fopen(target.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    mark(file, "run", OF_RECORD, sizeof(ss_record));
    mark(file, "error", OF_TRAJECTORY, POINTS * sizeof(double));
    for (int i = 0; i < 2 * (SS_STATISTIC_COUNT + 1); i++) {
        char name[64];
        int statistic = i / 2;
        snprintf(name, sizeof name, "bands/%s/%s", quantities[i % 2],
                 statistic < SS_STATISTIC_COUNT ? ss_statistic_name((ss_statistic)statistic)
                                                : "count");
        mark(file, name, OF_BANDS, 0);
    }
    mark_executions(file);
    H5Fclose(file);
}

/* As the bands come out without each run. */
static void reduce_without_each(void)
{
    for (int run = 0; run < RUNS; run++) {
        memcpy(target.without[run], target.whole, target.size);
        for (size_t at = 0; at < target.size; at++) {
            if (target.part[at] == OF_RECORD && target.run[at] == run) {
                target.without[run][at] = 0;
            }
        }
        write_bytes(target.without[run]);
        reduce();
        read_bytes(target.without[run]);
    }
}

static int call(int (*command)(int, char **), int count, char **arguments)
{
    int saved[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    int nowhere = open("/dev/null", O_WRONLY);
    fflush(stdout);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    int status = command(count, arguments);
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        dup2(saved[i], STDOUT_FILENO + i);
        close(saved[i]);
    }
    close(nowhere);
    return status;
}

static void export_table(char *table, size_t size)
{
    char *arguments[] = {target.path, "--csv", target.csv};
    assert_int_equal(call(ss_cmd_export, 3, arguments), SS_EXIT_DONE);
    FILE *in = fopen(target.csv, "r");
    size_t length = fread(table, 1, size - 1, in);
    fclose(in);
    assert_in_range(length, 1, size - 2);
    table[length] = '\0';
}

static int make_file(void **state)
{
    struct stat information;
    ss_provenance provenance = {.spec_text = text,
                                .overrides = "",
                                .hosts = "here",
                                .ranks = 1,
                                .kernel = "any",
                                .libraries = ""};
    make_folder(state);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    snprintf(target.path, sizeof target.path, "%s", own_path("flips.h5"));
    snprintf(target.csv, sizeof target.csv, "%s", own_path("flips.csv"));
    if (ss_spec_parse("flips.yaml", text, NULL, 0, &target.spec) != SS_OK) {
        fail_msg("%s", ss_error_text());
    }
    target.plan = ss_plan_of(target.spec);
    assert_int_equal(ss_store_create(target.path, &target.plan, &provenance, true), SS_OK);
    execute_all();
    reduce();
    note_executions();
    assert_int_equal(stat(target.path, &information), 0);
    target.size = (size_t)information.st_size;
    assert_true(target.size < MOST_BYTES);
    read_bytes(target.whole);
    mark_parts();
    export_table(target.table, sizeof target.table);
    reduce_without_each();
    return 0;
}

static int remove_file(void **state)
{
    ss_spec_destroy(&target.spec);
    return remove_folder(state);
}

/* ---- the commands on a file of which a byte is flipped ---- */

static void check_verify(void)
{
    char *arguments[] = {target.path};
    assert_int_equal(call(ss_cmd_verify, 1, arguments), 1);
}

/* Those that are whole are as they were. */
static void check_executions(const ss_store *store, size_t at)
{
    ss_executions *found;
    assert_int_equal(ss_executions_read(store, &found), SS_OK);
    assert_int_equal(found->damaged, in_executions(at));
    assert_int_equal(found->count, EXECUTIONS - (target.part[at] == OF_EXECUTION));
    for (int i = 0; i < found->count; i++) {
        int row = (int)found->records[i].number - 1;
        const unsigned char *written =
            target.whole + target.executions + (size_t)row * sizeof(ss_execution_record);
        assert_memory_equal(&found->records[i], written, sizeof(ss_execution_record));
    }
    free(found);
}

/* It looks at records only. */
static void check_status(size_t at)
{
    ss_store *store;
    ss_tally tally;
    char *arguments[] = {target.path, "--cells", "--executions"};
    assert_int_equal(call(ss_cmd_status, 3, arguments), SS_EXIT_DONE);
    assert_int_equal(ss_store_open_for_reading(target.path, &store), SS_OK);
    assert_int_equal(ss_tally_all(store, &target.plan, &tally), SS_OK);
    check_executions(store, at);
    ss_store_close(&store);
    int damaged = target.part[at] == OF_RECORD;
    assert_int_equal(ss_tally_pending(&tally), damaged);
    assert_int_equal(tally.runs[SS_RUN_DONE], RUNS - damaged);
}

static bool ends_with(const char *line, size_t length, const char *end)
{
    return length >= strlen(end) && memcmp(line + length - strlen(end), end, strlen(end)) == 0;
}

/* Lines are as before, but those of the damaged run, which have no values. */
static void check_export(size_t at)
{
    static char table[sizeof target.table];
    export_table(table, sizeof table);
    const char *before = target.table;
    const char *now = table;
    for (int line = 0; *before; line++) {
        size_t lengths[] = {strcspn(before, "\n"), strcspn(now, "\n")};
        if (line > 0 && (line - 1) / POINTS == target.run[at]) {
            assert_true(ends_with(now, lengths[1], ",,"));
            assert_non_null(memmem(now, lengths[1], ",PENDING,", 9));
        } else {
            assert_int_equal(lengths[1], lengths[0]);
            assert_memory_equal(now, before, lengths[0]);
        }
        before += lengths[0] + 1;
        now += lengths[1] + 1;
    }
    assert_int_equal(*now, '\0');
}

/* What `run` would compute again. */
static void check_run(size_t at)
{
    ss_store *store;
    uint64_t *pending;
    ss_task_order tasks = {.plan = &target.plan};
    assert_int_equal(ss_plan_longest_first(&target.plan, &tasks.order), SS_OK);
    assert_int_equal(ss_store_open_for_reading(target.path, &store), SS_OK);
    assert_int_equal(ss_pending_find(store, &tasks, false, &pending, NULL), SS_OK);
    ss_store_close(&store);
    for (int64_t task = 0; task < RUNS; task++) {
        int64_t run = ss_task_cell(&tasks, task) * SEEDS + ss_task_seed_index(&tasks, task);
        assert_int_equal(pending[0] >> task & 1, run == target.run[at]);
    }
    free(pending);
    free(tasks.order);
}

static void check_reduce(size_t at)
{
    static unsigned char now[MOST_BYTES];
    const unsigned char *expected =
        target.run[at] == NO_RUN ? target.whole : target.without[target.run[at]];
    reduce();
    read_bytes(now);
    for (size_t i = 0; i < target.size; i++) {
        if (target.part[i] == OF_BANDS && now[i] != expected[i]) {
            fail_msg("byte %zu flipped: byte %zu of the bands is wrong", at, i);
        }
    }
}

/* The next execution takes the row that is damaged, or clears it, and leaves the others as they
 * were. */
static void check_next_execution(size_t at)
{
    ss_store *store;
    ss_executions *found;
    ss_logbook logbook;
    ss_session session = {.comm = MPI_COMM_SELF, .rank = 0, .ranks = 1};
    assert_int_equal(
        ss_store_open_for_writing(target.path, MPI_COMM_SELF, SS_STORE_IO_MPIO, &store), SS_OK);
    assert_int_equal(ss_logbook_begin(&session, store, "here", "any", &logbook), SS_OK);
    int64_t last = target.part[at] == OF_BLANK_ROW ? SS_EXECUTION_ROWS : EXECUTIONS;
    assert_int_equal(logbook.record.number, last + 1);
    assert_int_equal(logbook.row, target.part[at] == OF_EXECUTION ? row_of(at) : EXECUTIONS);
    assert_int_equal(ss_executions_read(store, &found), SS_OK);
    assert_int_equal(found->damaged, 0);
    assert_int_equal(found->count, EXECUTIONS + (target.part[at] != OF_EXECUTION));
    free(found);
    ss_store_close(&store);
}

static void flip(size_t at)
{
    unsigned char byte = (unsigned char)(target.whole[at] ^ 1 << at % 8);
    int descriptor = open(target.path, O_WRONLY);
    assert_int_equal(pwrite(descriptor, &byte, 1, (off_t)at), 1);
    close(descriptor);
}

/* From a byte to the next that is tried: neighbours take the same way. Odd: all bytes of a word and
 * all bits have their turn. */
static int stride(void)
{
    return SANITIZED && tests_all() ? 5 : tests_effort(1, 7, 25);
}

/* Flips every stride()-th of the `bytes` of a part, a share of them on each rank. */
static void try_part(part part, int bytes)
{
    int number = 0;
    for (size_t at = 0; at < target.size; at++) {
        if (target.part[at] != part || number++ % (ranks * stride()) != my_rank * stride()) {
            continue;
        }
        write_bytes(target.whole);
        flip(at);
        check_verify();
        check_status(at);
        check_export(at);
        check_run(at);
        check_reduce(at);
        if (in_executions(at)) {
            check_next_execution(at);
        }
    }
    assert_int_equal(number, bytes);
}

static void a_flipped_byte_of_a_record_costs_this_run_only(void **state)
{
    (void)state;
    try_part(OF_RECORD, RUNS * (int)sizeof(ss_record));
}

static void a_flipped_byte_of_a_trajectory_costs_this_run_only(void **state)
{
    (void)state;
    try_part(OF_TRAJECTORY, RUNS * POINTS * (int)sizeof(double));
}

static void a_flipped_byte_of_the_bands_costs_a_reduction(void **state)
{
    (void)state;
    int datasets = 2 * (SS_STATISTIC_COUNT + 1);
    try_part(OF_BANDS, datasets * CELLS * POINTS * (int)sizeof(double));
}

static void a_flipped_byte_of_an_execution_costs_its_record_only(void **state)
{
    (void)state;
    try_part(OF_EXECUTION, (int)sizeof(ss_execution_record));
}

static void a_flipped_byte_of_a_blank_row_makes_no_execution(void **state)
{
    (void)state;
    try_part(OF_BLANK_ROW, (int)sizeof(ss_execution_record) / BLANK_STRIDE);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flipped_byte_of_a_record_costs_this_run_only),
        cmocka_unit_test(a_flipped_byte_of_a_trajectory_costs_this_run_only),
        cmocka_unit_test(a_flipped_byte_of_the_bands_costs_a_reduction),
        cmocka_unit_test(a_flipped_byte_of_an_execution_costs_its_record_only),
        cmocka_unit_test(a_flipped_byte_of_a_blank_row_makes_no_execution),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
