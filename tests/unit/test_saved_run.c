/* Saved runs: what is written comes back, and nothing else is believed. */
#include "check.h"

#include "saddlesweep/saved_run.h"
#include "small_run.h"
#include "temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE = D * (D + 2), FILE_BYTES = 64 + 8 * (T + 1) + 8 * STATE };

static char folder[TEMPORARY_SIZE];
static char result[TEMPORARY_SIZE + 16]; /* of a result file that need not be there */

static int make_folder(void **state)
{
    (void)state;
    bool made = temporary_folder("test_saved_run", folder);
    snprintf(result, sizeof result, "%s/result.h5", folder);
    return made ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    ss_saved_run_remove_all(result);
    return rmdir(folder); /* fails if anything is left */
}

/* Where the state of a run lies; valid until the next call but one. */
static const char *state_path(const ss_run *run)
{
    static char paths[2][sizeof result + 64];
    static int turn;
    turn = 1 - turn;
    snprintf(paths[turn], sizeof paths[turn], "%s.partial/%016llx.state", result,
             (unsigned long long)ss_run_identity(run));
    return paths[turn];
}

static double trajectory[T + 1];
static double matrices[STATE];
static double read_trajectory[T + 1];
static double read_matrices[STATE];

static ss_saved_run something(void)
{
    for (int t = 0; t <= T; t++) {
        trajectory[t] = t <= 7 ? 1.0 / (t + 1) : NAN;
    }
    for (int i = 0; i < STATE; i++) {
        matrices[i] = 0.1 * i - 1;
    }
    return (ss_saved_run){
        .t = 7, .seconds = 1.25, .kernel = "avx2", .trajectory = trajectory, .state = matrices};
}

static bool read_back(const ss_run *run, const char *kernel, ss_saved_run *saved)
{
    *saved =
        (ss_saved_run){.kernel = kernel, .trajectory = read_trajectory, .state = read_matrices};
    return ss_saved_run_read(result, run, saved);
}

static ss_run some_run(void)
{
    return run_with(activations[0], SS_PRECISION_SINGLE);
}

static void save_something(const ss_run *run)
{
    ss_saved_run saved = something();
    assert_int_equal(ss_run_state_count(run), STATE);
    assert_int_equal(ss_saved_run_write(result, run, &saved), SS_OK);
}

static void what_is_saved_comes_back(void **state)
{
    (void)state;
    ss_saved_run saved;
    ss_run run = some_run();
    assert_false(ss_saved_run_any(result));
    assert_false(read_back(&run, "avx2", &saved));
    save_something(&run);
    save_something(&run); /* in its place */
    assert_true(ss_saved_run_any(result));
    assert_true(read_back(&run, "avx2", &saved));
    assert_int_equal(saved.t, 7);
    assert_near(saved.seconds, 1.25, 0);
    assert_memory_equal(read_trajectory, trajectory, sizeof trajectory);
    assert_memory_equal(read_matrices, matrices, sizeof matrices);
    ss_saved_run_remove(result, &run);
    assert_false(read_back(&run, "avx2", &saved));
}

/* They lie behind the certificate, which is not saved: it is of the end. */
static void iterates_so_far_come_back(void **state)
{
    (void)state;
    enum { ITERATES = (T + 1) * D * 2, CERTIFICATE = 2 + D };
    static double results[T + 1 + CERTIFICATE + ITERATES];
    static double found[T + 1 + CERTIFICATE + ITERATES];
    ss_run run = some_run();
    ss_saved_run saved = something();
    run.certificate = true;
    run.iterate = true;
    for (int64_t i = 0; i < ss_run_result_count(&run); i++) {
        results[i] = (double)i / 7;
    }
    saved.trajectory = results;
    assert_int_equal(ss_saved_run_write(result, &run, &saved), SS_OK);
    saved = (ss_saved_run){.kernel = "avx2", .trajectory = found, .state = read_matrices};
    assert_true(ss_saved_run_read(result, &run, &saved));
    assert_memory_equal(found, results, (T + 1) * sizeof *found);
    int64_t start = ss_run_iterate_start(&run);
    assert_memory_equal(found + start, results + start, ITERATES * sizeof *found);
    assert_memory_equal(read_matrices, matrices, sizeof matrices);
    ss_run plain = some_run(); /* of one identity, but its file has no iterates */
    assert_int_equal(ss_run_identity(&plain), ss_run_identity(&run));
    assert_false(read_back(&plain, "avx2", &saved));
    save_something(&plain);
    saved = (ss_saved_run){.kernel = "avx2", .trajectory = found, .state = read_matrices};
    assert_false(ss_saved_run_read(result, &run, &saved));
}

static void another_run_is_not_this_one(void **state)
{
    (void)state;
    ss_saved_run saved;
    ss_run run = some_run();
    ss_run other = run;
    other.seed++;
    save_something(&run);
    assert_false(read_back(&other, "avx2", &saved));
    ss_saved_run_remove(result, &other); /* removes nothing of the first */
    assert_true(read_back(&run, "avx2", &saved));
}

/* Under another run's name, as a mistake with copies would have it. */
static void a_file_with_another_name_is_not_believed(void **state)
{
    (void)state;
    ss_saved_run saved;
    ss_run run = some_run();
    ss_run other = run;
    other.seed++;
    save_something(&run);
    assert_int_equal(rename(state_path(&run), state_path(&other)), 0);
    assert_false(read_back(&other, "avx2", &saved));
    assert_false(read_back(&run, "avx2", &saved));
}

static void only_kernels_with_the_same_bits_go_on(void **state)
{
    (void)state;
    ss_saved_run saved;
    ss_run run = some_run();
    save_something(&run);
    assert_true(read_back(&run, "avx512", &saved));
    assert_false(read_back(&run, "portable", &saved));
    assert_false(read_back(&run, "reference", &saved));
}

static void put_bytes(const ss_run *run, const unsigned char *bytes, size_t count)
{
    FILE *file = fopen(state_path(run), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void get_bytes(const ss_run *run, unsigned char bytes[FILE_BYTES])
{
    FILE *file = fopen(state_path(run), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, FILE_BYTES, file), FILE_BYTES);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

static void no_flipped_byte_is_believed(void **state)
{
    (void)state;
    unsigned char bytes[FILE_BYTES];
    ss_saved_run saved;
    ss_run run = some_run();
    save_something(&run);
    get_bytes(&run, bytes);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] ^= (unsigned char)(1u << i % 8);
        put_bytes(&run, bytes, FILE_BYTES);
        assert_false(read_back(&run, "avx2", &saved));
        bytes[i] ^= (unsigned char)(1u << i % 8);
    }
    put_bytes(&run, bytes, FILE_BYTES);
    assert_true(read_back(&run, "avx2", &saved));
}

static void no_other_length_is_believed(void **state)
{
    (void)state;
    unsigned char bytes[FILE_BYTES + 1] = {0};
    ss_saved_run saved;
    ss_run run = some_run();
    save_something(&run);
    get_bytes(&run, bytes);
    for (size_t length = 0; length <= FILE_BYTES + 1; length++) {
        put_bytes(&run, bytes, length);
        assert_true(read_back(&run, "avx2", &saved) == (length == FILE_BYTES));
    }
}

static void a_save_that_fails_says_where(void **state)
{
    (void)state;
    ss_saved_run saved = something();
    ss_run run = some_run();
    char path[sizeof folder + 32];
    snprintf(path, sizeof path, "%s/missing/result.h5", folder);
    assert_int_equal(ss_saved_run_write(path, &run, &saved), SS_ERR_IO);
    assert_contains(ss_error_text(), "/missing/result.h5.partial/");
    assert_contains(ss_error_text(), "No such file");
}

static void what_is_not_ours_stays(void **state)
{
    (void)state;
    char path[sizeof result + 64];
    ss_run run = some_run();
    save_something(&run);
    snprintf(path, sizeof path, "%s.partial/notes.txt", result);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    ss_saved_run_remove_all(result);
    assert_int_equal(access(path, F_OK), 0);
    ss_saved_run saved;
    assert_false(read_back(&run, "avx2", &saved));
    unlink(path);
    ss_saved_run_remove_all(result);
    assert_false(ss_saved_run_any(result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(iterates_so_far_come_back),
        cmocka_unit_test(another_run_is_not_this_one),
        cmocka_unit_test(a_file_with_another_name_is_not_believed),
        cmocka_unit_test(only_kernels_with_the_same_bits_go_on),
        cmocka_unit_test(no_flipped_byte_is_believed),
        cmocka_unit_test(no_other_length_is_believed),
        cmocka_unit_test(a_save_that_fails_says_where),
        cmocka_unit_test(what_is_not_ours_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
