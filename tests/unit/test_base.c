/* Small things of the system: characters of UTF-8, other programs, processes. */
#include "check.h"

#include "src/base/command.h"
#include "src/base/process.h"
#include "src/base/utf8.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- UTF-8: the table of RFC 3629 at its edges ---- */

static void characters_have_their_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int length; /* 0: no character */
        uint32_t character;
    } cases[] = {
        {"A", 1, 'A'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},             /* a later byte */
        {"\xc1\xbf", 0, 0},         /* longer than it has to be */
        {"\xe0\x9f\xbf", 0, 0},     /* the same */
        {"\xf0\x8f\xbf\xbf", 0, 0}, /* the same */
        {"\xf4\x90\x80\x80", 0, 0}, /* beyond the last */
        {"\xf5\x80\x80\x80", 0, 0}, /* the same */
        {"\xc2", 0, 0},             /* ends too early */
        {"\xe2\x82", 0, 0},         /* the same */
        {"\xc2\x41", 0, 0},         /* no later byte */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t character = 0;
        assert_int_equal(ss_utf8_decode(cases[i].bytes, &character), cases[i].length);
        if (cases[i].length > 0) {
            assert_int_equal(character, cases[i].character);
        }
    }
}

/* ---- other programs ---- */

static int status_of(const char *script, bool merge, const char *expected)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    ss_text output = {0};
    int status = -1;
    assert_int_equal(ss_command_run(argv, merge, &output, &status), SS_OK);
    assert_string_equal(output.data, expected);
    free(output.data);
    return status;
}

static void a_command_has_its_status_and_what_it_said(void **state)
{
    (void)state;
    assert_int_equal(status_of("echo yes", false, "yes\n"), 0);
    assert_int_equal(status_of("exit 7", false, ""), 7);
    assert_int_equal(status_of("kill -TERM $$", false, ""), 128 + SIGTERM);
    assert_int_equal(status_of("echo one; echo two >&2", true, "one\ntwo\n"), 0);
    assert_int_equal(status_of("exec 2>/dev/null; echo one; echo two >&2", false, "one\n"), 0);
}

static void a_command_that_is_missing_is_told_apart(void **state)
{
    (void)state;
    const char *const argv[] = {"saddlesweep-no-such-program", NULL};
    ss_text output = {0};
    int status = -1;
    assert_int_equal(ss_command_run(argv, true, &output, &status), SS_OK);
    assert_int_equal(status, SS_COMMAND_MISSING);
    free(output.data);
}

/* ---- processes ---- */

static void the_host_is_named_as_the_system_does(void **state)
{
    (void)state;
    char name[256] = "";
    assert_int_equal(gethostname(name, sizeof name - 1), 0);
    assert_string_equal(ss_process_host(), name);
    assert_true(name[0] != '\0');
}

static void a_process_has_a_start_until_it_has_ended(void **state)
{
    (void)state;
    assert_true(ss_process_start(getpid()) > 0);
    assert_true(ss_process_start(getpid()) >= ss_process_start(getppid()));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(0);
    }
    siginfo_t ended;
    assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
    assert_int_equal(ss_process_start(child), 0); /* only its exit status is left */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(ss_process_start(child), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_have_their_bytes),
        cmocka_unit_test(a_command_has_its_status_and_what_it_said),
        cmocka_unit_test(a_command_that_is_missing_is_told_apart),
        cmocka_unit_test(the_host_is_named_as_the_system_does),
        cmocka_unit_test(a_process_has_a_start_until_it_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
