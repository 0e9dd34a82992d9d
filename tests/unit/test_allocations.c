/* The hot loop allocates nothing. The linker puts counters in front of the allocator for every
 * call from the engine and its kernels (tests/CMakeLists.txt). */
#include "check.h"

#include "saddlesweep/kernel.h"
#include "small_run.h"

#include <stdlib.h>

static int64_t allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    allocations++;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *memory, size_t bytes)
{
    allocations++;
    return __real_realloc(memory, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    allocations++;
    return __real_aligned_alloc(alignment, bytes);
}

/* Allocations before the first iteration, as a poll. */
static int note_start(void *context, int64_t t, int64_t iterations)
{
    (void)iterations;
    if (t == 0) {
        *(int64_t *)context = allocations;
    }
    return 0;
}

static void assert_quiet(const ss_run *run, ss_workspace *workspace)
{
    double trajectory[T + 1];
    ss_run_outcome outcome;
    int64_t at_start = -1;
    ss_run_execute(run, workspace, note_start, &at_start, trajectory, &outcome);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_int_equal(allocations, at_start);
}

static void assert_quiet_kernel(const char *kernel)
{
    ss_workspace *workspace = NULL;
    setenv("SADDLESWEEP_KERNEL", kernel, 1);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    unsetenv("SADDLESWEEP_KERNEL");
    for (int precision = 0; precision < 2; precision++) {
        for (size_t a = 0; a < COUNT_OF(activations); a++) {
            ss_run run = run_with(activations[a], (ss_precision)precision);
            assert_quiet(&run, workspace);
            run.d = run.k = 49;
            assert_quiet(&run, workspace);
            run.d = run.k = 9;
            run.n = run.m = 0;
            assert_quiet(&run, workspace);
        }
    }
    ss_workspace_destroy(&workspace);
}

static void an_iteration_allocates_nothing(void **state)
{
    (void)state;
    int64_t before = allocations;
    for (int i = 0; ss_kernel_at(i); i++) {
        assert_quiet_kernel(ss_kernel_at(i)->name);
    }
    assert_true(allocations > before); /* the counters are there */
}

static void a_run_no_larger_than_an_earlier_one_allocates_nothing(void **state)
{
    (void)state;
    double trajectory[T + 1];
    ss_run_outcome outcome;
    ss_workspace *workspace = NULL;
    ss_run run = run_with(activations[0], SS_PRECISION_SINGLE);
    assert_int_equal(ss_workspace_create(&workspace), SS_OK);
    ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
    int64_t before = allocations;
    run.seed++;
    run.m--;
    ss_run_execute(&run, workspace, NULL, NULL, trajectory, &outcome);
    assert_int_equal(outcome.status, SS_RUN_DONE);
    assert_int_equal(allocations, before);
    ss_workspace_destroy(&workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_iteration_allocates_nothing),
        cmocka_unit_test(a_run_no_larger_than_an_earlier_one_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
