/* Texts: nearest names, quantities for people, growing text, reading files. */
#include "check.h"

#include "src/base/text.h"
#include "temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *nearest(const char *word)
{
    static const char *const names[] = {"iterations", "step", "ascent_step", "noise", "at", "d"};
    return ss_text_nearest(word, names, COUNT_OF(names));
}

static void a_slip_finds_its_name(void **state)
{
    (void)state;
    assert_string_equal(nearest("iteration"), "iterations");   /* left out */
    assert_string_equal(nearest("iterattions"), "iterations"); /* put in */
    assert_string_equal(nearest("stap"), "step");              /* replaced */
    assert_string_equal(nearest("nosie"), "noise");            /* swapped */
    assert_string_equal(nearest("ascent-step"), "ascent_step");
    assert_string_equal(nearest("noise"), "noise");
}

static void what_is_no_slip_finds_nothing(void **state)
{
    (void)state;
    assert_null(nearest("temperature"));
    assert_null(nearest("xyz"));
    assert_null(nearest("momentum"));
}

static void odd_words_find_nothing(void **state)
{
    (void)state;
    char endless[200];
    memset(endless, 'a', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_null(nearest(endless));
    assert_null(nearest(""));
    assert_null(ss_text_nearest("noise", NULL, 0));
}

static void a_listing_reads_as_a_sentence_does(void **state)
{
    (void)state;
    static const char *const names[] = {"tanh", "erf", "gelu"};
    char buffer[32];
    assert_ptr_equal(ss_text_listing(names, 3, "or", buffer, sizeof buffer), buffer);
    assert_string_equal(buffer, "tanh, erf or gelu");
    assert_string_equal(ss_text_listing(names, 2, "and", buffer, sizeof buffer), "tanh and erf");
    assert_string_equal(ss_text_listing(names, 1, "and", buffer, sizeof buffer), "tanh");
    assert_string_equal(ss_text_listing(names, 0, "and", buffer, sizeof buffer), "");
}

static void a_listing_stays_within_its_buffer(void **state)
{
    (void)state;
    static const char *const names[] = {"tanh", "erf", "gelu"};
    char buffer[20] = "-------------------";
    assert_string_equal(ss_text_listing(names, 3, "or", buffer, 8), "tanh, e");
    assert_int_equal(buffer[8], '-');
}

static void durations_choose_their_unit(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0.0 us"},    {25e-6, "25.0 us"}, {4e-3, "4.0 ms"},        {12, "12.0 s"},
        {192, "3.2 min"}, {5400, "1.5 h"},    {10 * 86400, "10 days"}, {99 * 3600.0, "99.0 h"},
        {1e-3, "1.0 ms"}, {1, "1.0 s"},       {60, "1.0 min"},         {3600, "1.0 h"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[32];
        assert_ptr_equal(ss_text_duration(cases[i].seconds, buffer, sizeof buffer), buffer);
        assert_string_equal(buffer, cases[i].text);
    }
}

static void bytes_choose_their_unit(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},         {320, "320 B"},      {1023, "1023 B"},    {1536, "1.5 KiB"},
        {1.5e9, "1.4 GiB"}, {0x1p50, "1.0 PiB"}, {0x1p20, "1.0 MiB"}, {0x1p60, "1024.0 PiB"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[32];
        assert_ptr_equal(ss_text_bytes(cases[i].bytes, buffer, sizeof buffer), buffer);
        assert_string_equal(buffer, cases[i].text);
    }
}

static void quantities_stay_within_their_buffer(void **state)
{
    (void)state;
    char buffer[8] = "abcdefg";
    ss_text_duration(5400, buffer, 4);
    assert_string_equal(buffer, "1.5");
    assert_int_equal(buffer[4], 'e');
    ss_text_bytes(320, buffer, 4);
    assert_string_equal(buffer, "320");
    assert_int_equal(buffer[4], 'e');
}

static void appended_text_grows(void **state)
{
    (void)state;
    ss_text text = {0};
    for (int i = 0; i < 1000; i++) {
        ss_text_append(&text, "%03d,", i);
    }
    assert_false(text.failed);
    assert_int_equal(text.length, 4000);
    assert_int_equal(strlen(text.data), 4000);
    assert_memory_equal(text.data, "000,001,", 8);
    assert_string_equal(text.data + 3996, "999,");
    free(text.data);
}

static void appending_nothing_gives_an_empty_text(void **state)
{
    (void)state;
    ss_text text = {0};
    ss_text_append(&text, "%s", "");
    assert_false(text.failed);
    assert_string_equal(text.data, "");
    free(text.data);
}

/* A file of `length` bytes under a new name, which is returned; the caller removes it. */
static const char *write_file(const char *bytes, size_t length)
{
    static char path[TEMPORARY_SIZE];
    assert_true(temporary_pattern("test_text", path));
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, length), (ssize_t)length);
    close(descriptor);
    return path;
}

static void assert_reads_back(const char *bytes, size_t length)
{
    ss_text text = {0};
    const char *path = write_file(bytes, length);
    assert_int_equal(ss_text_read_file(path, &text), SS_OK);
    unlink(path);
    assert_int_equal(text.length, length);
    assert_memory_equal(text.data, bytes, length);
    assert_int_equal(text.data[length], '\0');
    free(text.data);
}

/* Lengths around the pieces in which files are read. */
static void files_of_any_length_are_read_whole(void **state)
{
    (void)state;
    static char bytes[20000];
    static const size_t lengths[] = {0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 16384, 20000};
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)('a' + i % 26);
    }
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        assert_reads_back(bytes, lengths[i]);
    }
}

static void assert_unreadable(const char *path, const char *reason)
{
    ss_text text = {0};
    assert_int_equal(ss_text_read_file(path, &text), SS_ERR_USAGE);
    assert_contains(ss_error_text(), path);
    assert_contains(ss_error_text(), reason);
    free(text.data);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    char folder[TEMPORARY_SIZE];
    char path[sizeof folder + 16];
    assert_true(temporary_folder("test_text", folder));
    snprintf(path, sizeof path, "%s/sweep.yaml", folder);
    assert_unreadable(path, "No such file or directory");
    assert_int_equal(rmdir(folder), 0);
}

static void a_folder_is_no_text(void **state)
{
    (void)state;
    assert_unreadable("/", "is a folder");
}

static void a_nul_byte_is_refused(void **state)
{
    (void)state;
    const char *path = write_file("name: a\0b\n", 10);
    assert_unreadable(path, "NUL byte");
    unlink(path);
    path = write_file("\0", 1);
    assert_unreadable(path, "NUL byte");
    unlink(path);
}

static void assert_fits(const char *text, const char *expected)
{
    char field[8];
    memset(field, 'x', sizeof field);
    ss_text_fit(text, field, sizeof field);
    assert_string_equal(field, expected);
    for (size_t i = strlen(expected); i < sizeof field; i++) {
        assert_int_equal(field[i], '\0');
    }
}

static void a_text_fits_a_field_or_ends_in_an_ellipsis(void **state)
{
    (void)state;
    assert_fits("", "");
    assert_fits("n1,n2", "n1,n2");
    assert_fits("1234567", "1234567");
    assert_fits("12345678", "1234…");
    assert_fits("äöü", "äöü");
    assert_fits("äöü1", "äöü1");
    assert_fits("äöü12", "äö…");
    assert_fits("1äöü2", "1ä…");
    assert_fits("1234567890123", "1234…");
}

static void what_a_terminal_should_not_see_is_replaced(void **state)
{
    (void)state;
    assert_fits("\033[2J", "?[2J");
    assert_fits("a\nb\x7f", "a?b?");
    assert_fits("\xff\xc3", "??");
    assert_fits("\xc2\x9b", "?");
    assert_fits("\xed\xa0\x80", "?");
    assert_fits("\xff\xff\xff\xff\xff\xff\xff\xff", "????…");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_finds_its_name),
        cmocka_unit_test(what_is_no_slip_finds_nothing),
        cmocka_unit_test(odd_words_find_nothing),
        cmocka_unit_test(a_listing_reads_as_a_sentence_does),
        cmocka_unit_test(a_listing_stays_within_its_buffer),
        cmocka_unit_test(durations_choose_their_unit),
        cmocka_unit_test(bytes_choose_their_unit),
        cmocka_unit_test(quantities_stay_within_their_buffer),
        cmocka_unit_test(appended_text_grows),
        cmocka_unit_test(a_text_fits_a_field_or_ends_in_an_ellipsis),
        cmocka_unit_test(what_a_terminal_should_not_see_is_replaced),
        cmocka_unit_test(appending_nothing_gives_an_empty_text),
        cmocka_unit_test(files_of_any_length_are_read_whole),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(a_folder_is_no_text),
        cmocka_unit_test(a_nul_byte_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
