/* The lock of a result file. flock belongs to an open file, so two handles in one process exclude
 * each other. */
#include "check.h"
#include "src/base/process.h"

#include "mpi_folder.h"
#include "saddlesweep/store.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const ss_store_lock not_held = {.descriptor = -1, .file = -1};

static void a_lock_held_alone_excludes_all_others(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    char holder[64];
    snprintf(holder, sizeof holder, "process %ld on ", (long)getpid());
    assert_int_equal(ss_store_lock_alone(own_path("a"), 0, &first), SS_OK);
    assert_int_equal(ss_store_lock_alone(own_path("a"), 0, &second), SS_ERR_BUSY);
    assert_contains(ss_error_text(), holder);
    assert_int_equal(second.descriptor, -1);
    assert_int_equal(ss_store_lock_shared(own_path("a"), &second), SS_ERR_BUSY);
    assert_int_equal(second.descriptor, -1);
    ss_store_unlock(&first, true);
    assert_int_equal(first.descriptor, -1);
}

static void a_shared_lock_excludes_only_who_wants_it_alone(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    ss_store_lock third = not_held;
    assert_int_equal(ss_store_lock_shared(own_path("b"), &first), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("b"), &second), SS_OK);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_ERR_BUSY);
    ss_store_unlock(&first, false);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_ERR_BUSY);
    ss_store_unlock(&second, false);
    assert_int_equal(ss_store_lock_alone(own_path("b"), 0, &third), SS_OK);
    ss_store_unlock(&third, true);
}

static void a_lock_held_alone_turns_into_a_shared_one(void **state)
{
    (void)state;
    ss_store_lock master = not_held;
    ss_store_lock worker = not_held;
    assert_int_equal(ss_store_lock_alone(own_path("c"), 0, &master), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("c"), &master), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("c"), &worker), SS_OK);
    ss_store_unlock(&worker, false);
    ss_store_unlock(&master, true);
}

static void the_last_holder_removes_the_lock_file(void **state)
{
    (void)state;
    ss_store_lock first = not_held;
    ss_store_lock second = not_held;
    assert_int_equal(ss_store_lock_shared(own_path("d"), &first), SS_OK);
    assert_int_equal(ss_store_lock_shared(own_path("d"), &second), SS_OK);
    ss_store_unlock(&first, true); /* not the last after all */
    assert_int_equal(access(second.path, F_OK), 0);
    ss_store_unlock(&second, true);
    assert_int_not_equal(access(second.path, F_OK), 0);
}

static void who_is_not_last_leaves_the_lock_file(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    assert_int_equal(ss_store_lock_alone(own_path("e"), 0, &lock), SS_OK);
    ss_store_unlock(&lock, false);
    assert_int_equal(access(lock.path, F_OK), 0);
    ss_store_unlock(&lock, true); /* not held: nothing happens */
    assert_int_equal(access(lock.path, F_OK), 0);
}

static void a_lock_beside_nothing_is_refused(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    assert_int_equal(ss_store_lock_alone(path_of("missing/x.h5"), 0, &lock), SS_ERR_USAGE);
    assert_contains(ss_error_text(), path_of("missing/x.h5.lock"));
    assert_int_equal(lock.descriptor, -1);
}

/* ---- runs that are killed ---- */

/* A run in a process of its own, and an orphan that it leaves when it ends: they hold the lock. */
typedef struct other_run {
    pid_t run;
    int orphan_stays; /* the orphan ends once this is closed */
} other_run;

static void be_a_run(const char *path, int ready, int stay, int close_first)
{
    char byte;
    ss_store_lock lock = not_held;
    close(close_first);
    ss_error error = ss_store_lock_alone(path, 0, &lock);
    if (error == SS_OK) {
        error = ss_store_lock_shared(path, &lock);
    }
    pid_t orphan = fork();
    if (orphan == 0) { /* it has the same open file, so the same lock */
        close(ready);
        _exit(read(stay, &byte, 1) != 0);
    }
    if (error != SS_OK || orphan < 0 || write(ready, "", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

static other_run begin_run(const char *path)
{
    int ready[2];
    int stay[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stay), 0);
    other_run other = {.run = fork(), .orphan_stays = stay[1]};
    assert_true(other.run >= 0);
    if (other.run == 0) {
        close(ready[0]);
        be_a_run(path, ready[1], stay[0], stay[1]);
    }
    close(ready[1]);
    close(stay[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return other;
}

/* Holds the lock until `stay` is closed by the others. */
static void be_an_orphan(const char *path, int ready, int stay)
{
    char byte;
    ss_store_lock lock = not_held;
    bool held = ss_store_lock_alone(path, 0, &lock) == SS_OK && write(ready, "", 1) == 1;
    _exit(!held || read(stay, &byte, 1) != 0);
}

/* Longer than a test may take: who waits for it fails. */
static const double endless = 1e6;

static void who_meets_a_run_that_goes_on_does_not_wait(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    char holder[64];
    other_run other = begin_run(own_path("f"));
    snprintf(holder, sizeof holder, "(process %ld on ", (long)other.run);
    assert_int_equal(ss_store_lock_alone(own_path("f"), endless, &lock), SS_ERR_BUSY);
    assert_contains(ss_error_text(), holder);
    kill(other.run, SIGKILL);
    close(other.orphan_stays);
    waitpid(other.run, NULL, 0);
}

static void who_meets_orphans_waits_for_them(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    other_run other = begin_run(own_path("g"));
    kill(other.run, SIGKILL);
    siginfo_t ended;
    waitid(P_PID, (id_t)other.run, &ended, WEXITED | WNOWAIT); /* nobody has asked for its status */
    assert_int_equal(ss_store_lock_alone(own_path("g"), 0.1, &lock), SS_ERR_BUSY);
    waitpid(other.run, NULL, 0);
    assert_int_equal(ss_store_lock_alone(own_path("g"), 0.1, &lock), SS_ERR_BUSY);
    close(other.orphan_stays);
    assert_int_equal(ss_store_lock_alone(own_path("g"), endless, &lock), SS_OK);
    ss_store_unlock(&lock, true);
}

/* A rank whose mpirun is killed before it has the lock: a process that outlives who started it. */
static void who_meets_a_run_that_began_as_an_orphan_waits_for_it(void **state)
{
    (void)state;
    ss_store_lock lock = not_held;
    char byte;
    int noted[2];
    int ready[2];
    int stay[2];
    assert_int_equal(pipe(noted), 0);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stay), 0);
    pid_t launcher = fork();
    if (launcher == 0) {
        pid_t self = getpid();
        if (fork() == 0) {
            ss_process_note_parent();
            close(stay[1]);
            if (write(noted[1], "", 1) != 1) {
                _exit(1);
            }
            while (getppid() == self) {
                usleep(1000);
            }
            be_an_orphan(own_path("h"), ready[1], stay[0]);
        }
        _exit(read(noted[0], &byte, 1) != 1);
    }
    waitpid(launcher, NULL, 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(ss_store_lock_alone(own_path("h"), 0.1, &lock), SS_ERR_BUSY);
    close(stay[1]);
    int *ends[] = {noted, ready};
    for (int i = 0; i < 4; i++) {
        close(ends[i / 2][i % 2]);
    }
    close(stay[0]);
    assert_int_equal(ss_store_lock_alone(own_path("h"), endless, &lock), SS_OK);
    ss_store_unlock(&lock, true);
}

/* All ranks share the lock of one file; none gets it alone meanwhile. */
static void all_ranks_share_the_lock(void **state)
{
    (void)state;
    ss_store_lock shared = not_held;
    ss_store_lock alone = not_held;
    ss_error error = ss_store_lock_shared(path_of("all.h5"), &shared);
    MPI_Barrier(MPI_COMM_WORLD);
    ss_error refused = ss_store_lock_alone(path_of("all.h5"), 0, &alone);
    MPI_Barrier(MPI_COMM_WORLD);
    ss_store_unlock(&shared, false);
    assert_int_equal(error, SS_OK);
    assert_int_equal(refused, SS_ERR_BUSY);
}

int run_mpi_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_held_alone_excludes_all_others),
        cmocka_unit_test(a_shared_lock_excludes_only_who_wants_it_alone),
        cmocka_unit_test(a_lock_held_alone_turns_into_a_shared_one),
        cmocka_unit_test(the_last_holder_removes_the_lock_file),
        cmocka_unit_test(who_is_not_last_leaves_the_lock_file),
        cmocka_unit_test(a_lock_beside_nothing_is_refused),
        cmocka_unit_test(who_meets_a_run_that_goes_on_does_not_wait),
        cmocka_unit_test(who_meets_orphans_waits_for_them),
        cmocka_unit_test(who_meets_a_run_that_began_as_an_orphan_waits_for_it),
        cmocka_unit_test(all_ranks_share_the_lock),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
