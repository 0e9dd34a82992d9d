/* What `verify --replay` says of files whose runs cannot be repeated here. */
#include "check.h"

#include "saddlesweep/kernel.h"
#include "src/result/replay.h"

/* `kept` runs that can be repeated, the others of each kind that cannot. */
static ss_error check(int64_t kept, int64_t others, int64_t wider, int64_t mixed)
{
    const ss_replay replay = {
        .ranks = 2,
        .kernel = "avx2",
        .candidates = kept,
        .others = others,
        .other_kernel = SS_LEVEL_PORTABLE,
        .wider = wider,
        .most_ranks = wider > 0 ? 4 : 0,
        .mixed = mixed,
    };
    return ss_replay_check(&replay, "a.h5");
}

static void a_run_that_can_be_repeated_is_enough(void **state)
{
    (void)state;
    assert_int_equal(check(1, 1, 1, 1), SS_OK);
}

static void no_run_is_no_trouble(void **state)
{
    (void)state;
    assert_int_equal(check(0, 0, 0, 0), SS_OK);
}

static void what_cannot_be_repeated_says_why(void **state)
{
    (void)state;
    assert_int_equal(check(0, 3, 0, 0), SS_ERR_USAGE);
    assert_contains(ss_error_text(), "set SADDLESWEEP_KERNEL=portable");
    for (int64_t others = 0; others < 3; others++) { /* in any number beside it */
        assert_int_equal(check(0, others, 0, 2), SS_ERR_USAGE);
        assert_contains(ss_error_text(), "begun on one process grid and ended on another");
        assert_int_equal(check(0, others, 2, others), SS_ERR_USAGE);
        assert_contains(ss_error_text(), "mpirun -n 4 saddlesweep verify");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_can_be_repeated_is_enough),
        cmocka_unit_test(no_run_is_no_trouble),
        cmocka_unit_test(what_cannot_be_repeated_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
