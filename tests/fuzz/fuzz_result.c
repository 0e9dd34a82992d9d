/*
 * Damaged result files. An input is a list of edits, applied to a whole file that the program has
 * made at the start. Whatever they are, reading the file ends in order, and a run that is trusted
 * has exactly the bytes that it was committed with.
 *
 * Input: a byte of flags (below), two bytes that change the file's length, then edits: a byte each
 * for the kind of edit and for where it goes, two for the offset there, one for the number of
 * bytes, and these, or (to copy) two for the offset that they come from.
 */
#include "folder.h"

#include "saddlesweep/store.h"
#include "src/cli/cli.h"
#include "src/result/pending.h"
#include "src/result/sweep.h"
#include "src/result/tally.h"
#include "src/result/walk.h"
#include "src/store/layout.h"
#include "src/store/probe.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <xxhash.h>

enum { CELLS = 2, SEEDS = 3, POINTS = 3, RUNS = CELLS * SEEDS };

/* Of its two cells the second diverges. */
static const char sweep_text[] =
    "name: fuzz\n"
    "root_seed: 1\n"
    "grid: {d: [1, 40], k: 1, n: 40, m: n, activation: tanh, seed: {count: 3}}\n"
    "train: {iterations: 79, step: {size: 1}, ascent_step: 4, noise: 0}\n"
    "record: {at: [0, 1]}\n";

/* Bits of the first byte. FORGE: checksums are made to fit after the edits, as no accident does;
 * nothing can be said about the numbers then, but that reading ends. COMMAND: which one is called.
 */
enum { FLAG_FORGE = 1, FLAG_COMMAND = 6, STATUS = 0, EXPORT = 2 };

typedef struct range {
    size_t start;
    size_t size;
} range;

enum {
    RUN_RANGE,
    ERROR_RANGE,
    FIRST_BAND_RANGE,
    EXECUTION_RANGE = FIRST_BAND_RANGE + SS_QUANTITIES * (SS_STATISTIC_COUNT + 1),
    RANGES
};

static struct {
    char path[PATH_SIZE];
    int file;
    size_t size;      /* of the whole file */
    uint8_t *whole;   /* its bytes */
    uint8_t *damaged; /* the same after edits */
    range ranges[RANGES];
    size_t range_count;
} target;

/* ---- the whole file ---- */

static const char *write_sweep(const char *folder)
{
    const char *path = path_in(folder, "sweep.yaml");
    FILE *out = fopen(path, "w");
    REQUIRE(out && fputs(sweep_text, out) >= 0 && fclose(out) == 0);
    return path;
}

/* By the program's own command, in a child: MPI would stay in the process. */
static void run_sweep(const char *folder)
{
    char spec[PATH_SIZE];
    snprintf(spec, sizeof spec, "%s", write_sweep(folder));
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char *arguments[] = {spec, "-o", target.path, "--progress", "none"};
        _exit(ss_cmd_run(5, arguments));
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == SS_EXIT_INCOMPLETE); /* one cell diverged */
    unlink(spec);
}

static void read_whole(void)
{
    FILE *in = fopen(target.path, "rb");
    REQUIRE(in && fseek(in, 0, SEEK_END) == 0);
    target.size = (size_t)ftell(in);
    rewind(in);
    target.whole = malloc(target.size);
    target.damaged = malloc(target.size);
    REQUIRE(target.whole && target.damaged);
    REQUIRE(fread(target.whole, target.size, 1, in) == 1);
    fclose(in);
}

/* Asks HDF5 where a dataset's values lie. */
static void add_range(hid_t file, const char *name)
{
    hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    haddr_t start = H5Dget_offset(dataset);
    range range = {(size_t)start, (size_t)H5Dget_storage_size(dataset)};
    REQUIRE(start != HADDR_UNDEF && range.size > 0 && range.start + range.size <= target.size);
    target.ranges[target.range_count++] = range;
    H5Dclose(dataset);
}

/* The file without the stretch of /execution, as if that were its end. */
static range all_but_executions(void)
{
    return (range){0, target.size - target.ranges[EXECUTION_RANGE].size};
}

static void find_ranges(void)
{
    char name[128];
    ss_store_begin();
    H5set_free_list_limits(-1, -1, -1, -1, -1, -1); /* keeps what each opening takes: 3 x as fast */
    hid_t file = H5Fopen(target.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    REQUIRE(file >= 0);
    add_range(file, "run");
    add_range(file, "error");
    for (int q = 0; q < SS_QUANTITIES; q++) {
        for (int s = 0; s <= SS_STATISTIC_COUNT; s++) {
            snprintf(name, sizeof name, "%s/%s", ss_layout_quantity_groups[q],
                     s < SS_STATISTIC_COUNT ? ss_statistic_name((ss_statistic)s) : "count");
            add_range(file, name);
        }
    }
    add_range(file, "execution");
    H5Fclose(file);
    REQUIRE(target.range_count == RANGES);
    REQUIRE(all_but_executions().size <= 1 << 16); /* what the offset of an edit reaches */
    REQUIRE(target.ranges[RUN_RANGE].size == RUNS * sizeof(ss_record));
    REQUIRE(target.ranges[ERROR_RANGE].size == RUNS * POINTS * sizeof(double));
}

/* ---- edits ---- */

typedef struct input {
    const uint8_t *data;
    size_t left;
} input;

/* A little-endian number of so many bytes; 0 from the end of the input on. */
static size_t take(input *in, int bytes)
{
    size_t value = 0;
    for (int i = 0; i < bytes && in->left > 0; i++, in->left--) {
        value |= (size_t)*in->data++ << 8 * i;
    }
    return value;
}

/* EXECUTION_RANGE stands for the whole file, and what comes after it for /execution: as inputs have
 * it that are older. */
static range choose_range(size_t number)
{
    size_t which = number % (RANGES + 1);
    return which == EXECUTION_RANGE  ? all_but_executions()
           : which > EXECUTION_RANGE ? target.ranges[EXECUTION_RANGE]
                                     : target.ranges[which];
}

static void edit(input *in)
{
    bool copy = take(in, 1) % 2 == 1;
    range range = choose_range(take(in, 1));
    size_t offset = take(in, 2) % range.size;
    size_t count = take(in, 1);
    count = count < range.size - offset ? count : range.size - offset;
    size_t start = range.start + offset;
    if (range.start == 0 && start >= target.ranges[EXECUTION_RANGE].start) {
        start += target.ranges[EXECUTION_RANGE].size;
    }
    count = count < target.size - start ? count : target.size - start;
    uint8_t *to = target.damaged + start;
    if (copy) {
        size_t from = take(in, 2) % (range.size - count + 1);
        memmove(to, target.damaged + range.start + from, count);
        return;
    }
    count = count < in->left ? count : in->left;
    memcpy(to, in->data, count);
    in->data += count;
    in->left -= count;
}

static ss_record *record_in(uint8_t *file, int run)
{
    return (ss_record *)(void *)(file + target.ranges[RUN_RANGE].start) + run;
}

static const uint8_t *trajectory_in(const uint8_t *file, int run)
{
    return file + target.ranges[ERROR_RANGE].start + (size_t)run * POINTS * sizeof(double);
}

static ss_execution_record *execution_in(uint8_t *file, int row)
{
    return (ss_execution_record *)(void *)(file + target.ranges[EXECUTION_RANGE].start) + row;
}

static void forge_checksums(void)
{
    for (int row = 0; row < SS_EXECUTION_ROWS; row++) {
        ss_execution_record_seal(execution_in(target.damaged, row));
    }
    for (int run = 0; run < RUNS; run++) {
        ss_record *record = record_in(target.damaged, run);
        const uint8_t *trajectory = trajectory_in(target.damaged, run);
        record->trajectory_checksum = XXH3_64bits(trajectory, POINTS * sizeof(double));
        record->record_checksum = XXH3_64bits(record, offsetof(ss_record, record_checksum));
    }
}

/* Shorter by up to the whole file, or longer by zeros. */
static size_t new_size(size_t change)
{
    return change == 0       ? target.size
           : change % 2 == 0 ? target.size + change
                             : target.size - change % (target.size + 1);
}

static void write_damaged(size_t size)
{
    size_t kept = size < target.size ? size : target.size;
    REQUIRE(ftruncate(target.file, (off_t)kept) == 0);
    REQUIRE(pwrite(target.file, target.damaged, kept, 0) == (ssize_t)kept);
    REQUIRE(ftruncate(target.file, (off_t)size) == 0);
}

/* ---- reading ---- */

/* Linked in place of ss_probe_file(): a process for each damaged file would be ten times as slow,
 * and what it finds only words a message. */
ss_probe_finding __wrap_ss_probe_file(const char *path, int64_t *version);
ss_probe_finding __wrap_ss_probe_file(const char *path, int64_t *version)
{
    (void)path;
    *version = 0;
    return SS_PROBE_NOT_HDF5;
}

static bool as_committed(int run)
{
    return memcmp(record_in(target.damaged, run), record_in(target.whole, run),
                  sizeof(ss_record)) == 0 &&
           memcmp(trajectory_in(target.damaged, run), trajectory_in(target.whole, run),
                  POINTS * sizeof(double)) == 0;
}

/* What the walk shows is what the file has, and it trusts nothing else than what was committed. */
static ss_error check_walked(void *context, const ss_walked *at)
{
    const bool *forged = context;
    int run = (int)(at->cell * SEEDS + at->seed_index);
    if (!ss_record_trusted(at->record, &at->run, at->trajectory)) {
        return SS_OK;
    }
    REQUIRE(memcmp(at->record, record_in(target.damaged, run), sizeof *at->record) == 0);
    REQUIRE(memcmp(at->trajectory, trajectory_in(target.damaged, run), POINTS * sizeof(double)) ==
            0);
    REQUIRE(*forged || as_committed(run));
    return SS_OK;
}

static void check_walk(const ss_store *store, const ss_plan *plan, bool forged)
{
    ss_walk walk;
    if (ss_walk_open(store, plan, "looking", &walk) == SS_OK) {
        ss_walk_all(&walk, check_walked, &forged);
    }
    ss_walk_close(&walk);
}

static void check_pending(const ss_store *store, const ss_plan *plan, bool forged)
{
    uint64_t *pending = NULL;
    ss_task_order tasks = {.plan = plan};
    REQUIRE(ss_plan_longest_first(plan, &tasks.order) == SS_OK);
    if (ss_pending_find(store, &tasks, false, &pending, NULL) == SS_OK) {
        for (int64_t task = 0; task < RUNS; task++) {
            int run = (int)(ss_task_cell(&tasks, task) * SEEDS + ss_task_seed_index(&tasks, task));
            REQUIRE(forged || as_committed(run) == !(pending[0] >> task & 1));
        }
    }
    free(pending);
    free(tasks.order);
}

static void check_tally(const ss_store *store, const ss_plan *plan)
{
    ss_tally tally;
    if (ss_tally_all(store, plan, &tally) == SS_OK) {
        int64_t sum = 0;
        for (int status = 0; status < SS_RUN_STATUS_COUNT; status++) {
            sum += tally.runs[status];
        }
        REQUIRE(sum == RUNS);
    }
}

/* Whether a byte has changed that is final after creation, or the file's length. */
static bool seal_is_broken(size_t size)
{
    uint8_t *mixed = malloc(target.size);
    REQUIRE(mixed);
    memcpy(mixed, target.damaged, target.size);
    for (size_t i = 0; i < target.range_count; i++) {
        range range = target.ranges[i];
        memcpy(mixed + range.start, target.whole + range.start, range.size);
    }
    bool broken = size != target.size || memcmp(mixed, target.whole, target.size) != 0;
    free(mixed);
    return broken;
}

/* A record that is believed is the one that the sweep was noted with. */
static void check_executions(const ss_store *store, bool forged)
{
    ss_execution_record records[SS_EXECUTION_ROWS];
    REQUIRE(ss_store_read_executions(store, records) == SS_OK);
    for (int row = 0; row < SS_EXECUTION_ROWS; row++) {
        ss_execution_record *record = &records[row];
        REQUIRE(memcmp(record, execution_in(target.damaged, row), sizeof *record) == 0);
        REQUIRE(forged || !ss_execution_record_whole(record) ||
                memcmp(record, execution_in(target.whole, 0), sizeof *record) == 0);
    }
}

static void check_store(size_t size, bool forged)
{
    ss_store *store = NULL;
    ss_sweep sweep = {0};
    bool opened = ss_store_open_for_reading(target.path, &store) == SS_OK;
    REQUIRE(opened == !seal_is_broken(size));
    if (!opened) {
        return;
    }
    check_executions(store, forged);
    if (ss_sweep_of_store(store, target.path, &sweep) == SS_OK &&
        ss_store_match_labels(store, &sweep.plan) == SS_OK) {
        check_tally(store, &sweep.plan);
        check_walk(store, &sweep.plan, forged);
        check_pending(store, &sweep.plan, forged);
    }
    ss_sweep_release(&sweep);
    ss_store_close(&store);
}

static bool whole_or_blank(int run)
{
    return as_committed(run) || ss_record_untouched(record_in(target.damaged, run));
}

static bool cell_as_committed(int cell)
{
    bool all = true;
    for (int seed = 0; seed < SEEDS && all; seed++) {
        all = as_committed(cell * SEEDS + seed);
    }
    return all;
}

/* Whether all rows of a cell's bands are as they were made, or all as the file was created. */
static bool bands_whole_or_blank(int cell)
{
    static const double nan[POINTS] = {NAN, NAN, NAN};
    static const int64_t zero[POINTS];
    size_t row = POINTS * sizeof(double);
    bool whole = true;
    bool blank = true;
    for (size_t i = FIRST_BAND_RANGE; i < EXECUTION_RANGE; i++) {
        size_t start = target.ranges[i].start + (size_t)cell * row;
        bool count = (i - FIRST_BAND_RANGE) % (SS_STATISTIC_COUNT + 1) == SS_STATISTIC_COUNT;
        whole = whole && memcmp(target.damaged + start, target.whole + start, row) == 0;
        blank = blank && memcmp(target.damaged + start, count ? (const void *)zero : nan, row) == 0;
    }
    return whole || blank;
}

static int verify(void)
{
    char *arguments[] = {target.path};
    return ss_cmd_verify(1, arguments);
}

/* A subcommand as users call it; verify finds every damaged run, band and execution.
 */
static void check_command(size_t which, bool forged)
{
    char *arguments[] = {target.path, "--csv", "-"};
    char *tables[] = {target.path, "--cells", "--executions"};
    if (which == STATUS) {
        ss_cmd_status(3, tables);
    } else if (which == EXPORT) {
        ss_cmd_export(3, arguments);
    } else if (verify() == SS_EXIT_DONE && !forged) {
        for (int run = 0; run < RUNS; run++) {
            REQUIRE(whole_or_blank(run));
        }
        for (int cell = 0; cell < CELLS; cell++) {
            REQUIRE(!cell_as_committed(cell) || bands_whole_or_blank(cell));
        }
        for (int row = 0; row < SS_EXECUTION_ROWS; row++) {
            const ss_execution_record *record = execution_in(target.damaged, row);
            REQUIRE(ss_execution_record_whole(record) || ss_execution_record_blank(record));
        }
    }
}

/* ---- libFuzzer's entries ---- */

/* HDF5 takes and frees much memory with each opening: kept aside for long, it costs half the time.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=16";
}

static void remove_files(void)
{
    unlink(target.path);
    *strrchr(target.path, '/') = '\0';
    rmdir(target.path);
}

/* libFuzzer writes through a copy of `stderr` that it took before. */
static void silence(void)
{
    stdout = fopen("/dev/null", "w");
    stderr = stdout;
    REQUIRE(stdout);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    const char *folder = make_folder();
    silence();
    snprintf(target.path, sizeof target.path, "%s", path_in(folder, "result.h5"));
    run_sweep(folder);
    read_whole();
    find_ranges();
    atexit(remove_files);
    target.file = open(target.path, O_RDWR | O_CLOEXEC);
    REQUIRE(target.file >= 0);
    memcpy(target.damaged, target.whole, target.size);
    write_damaged(target.size);
    REQUIRE(verify() == SS_EXIT_DONE);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    memcpy(target.damaged, target.whole, target.size);
    size_t flags = take(&in, 1);
    bool forged = flags & FLAG_FORGE;
    size_t file_size = new_size(take(&in, 2));
    while (in.left > 0) {
        edit(&in);
    }
    if (forged) {
        forge_checksums();
    }
    write_damaged(file_size);
    check_store(file_size, forged);
    check_command(flags & FLAG_COMMAND, forged);
    return 0;
}
