/* What tells two plans apart, in words. */
#include "../base/text.h"
#include "saddlesweep/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool note(ss_difference *d, const char *what, const char *first, const char *second)
{
    snprintf(d->what, sizeof d->what, "%s", what);
    snprintf(d->first, sizeof d->first, "%s", first);
    snprintf(d->second, sizeof d->second, "%s", second);
    return true;
}

static bool numbers_differ(const char *what, int64_t first, int64_t second, ss_difference *d)
{
    char texts[2][32];
    snprintf(texts[0], sizeof texts[0], "%" PRId64, first);
    snprintf(texts[1], sizeof texts[1], "%" PRId64, second);
    return first != second && note(d, what, texts[0], texts[1]);
}

/* A number in place of one with all of its digits. */
static void shorten(char *value, size_t size)
{
    char *end;
    char number[SS_NUMBER_TEXT_SIZE];
    double parsed = strtod(value, &end);
    if (end != value && *end == '\0') {
        snprintf(value, size, "%s", ss_text_number(parsed, number));
    }
}

/* The line's value, behind "key: ", as far as it fits. */
static void copy_value(const char *line, char *value, size_t size)
{
    int length = (int)strcspn(line, "\n");
    int key = (int)strcspn(line, ":\n");
    key += (int)strspn(line + key, ": ");
    snprintf(value, size, "%.*s", length > key ? length - key : 0, line + key);
    if (strpbrk(value, ".e")) {
        shorten(value, size);
    }
}

/* The line of the text that has this line's key; NULL: there is none. */
static const char *line_with_key(const char *text, const char *line)
{
    size_t length = strcspn(line, ":\n") + 1;
    while (*text && strncmp(text, line, length) != 0) {
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return *text ? text : NULL;
}

static void note_setting(const char *key, const char *first, const char *second, ss_difference *d)
{
    snprintf(d->what, sizeof d->what, "%.*s", (int)strcspn(key, ":\n"), key);
    snprintf(d->first, sizeof d->first, "not set");
    snprintf(d->second, sizeof d->second, "not set");
    if (first) {
        copy_value(first, d->first, sizeof d->first);
    }
    if (second) {
        copy_value(second, d->second, sizeof d->second);
    }
}

bool ss_settings_differ(const char *first, const char *second, ss_difference *d)
{
    while (*first && *second) {
        size_t length = strcspn(first, "\n");
        if (length != strcspn(second, "\n") || memcmp(first, second, length) != 0) {
            break;
        }
        first += length + (first[length] != '\0');
        second += length + (second[length] != '\0');
    }
    /* A setting that only one of them has may be the one, or come before it. */
    if (*second) {
        const char *same_key = line_with_key(first, second);
        note_setting(second, same_key, second, d);
    } else if (*first) {
        note_setting(first, first, NULL, d);
    }
    return *first || *second;
}

static bool cells_differ(const ss_plan *first, const ss_plan *second, int64_t cell,
                         ss_difference *d)
{
    static const char *const names[] = {"d", "k", "k0"};
    static const char *const sample_names[] = {"n", "m"};
    ss_run a = ss_plan_run(first, cell, 0);
    ss_run b = ss_plan_run(second, cell, 0);
    const int64_t values[][2] = {{a.d, b.d}, {a.k, b.k}, {a.k0, b.k0}};
    const int64_t samples[][2] = {{a.n, b.n}, {a.m, b.m}};
    char what[64];
    char texts[2][SS_ACTIVATION_TEXT_SIZE];
    for (int i = 0; i < 3; i++) {
        snprintf(what, sizeof what, "%s of cell %" PRId64, names[i], cell);
        if (numbers_differ(what, values[i][0], values[i][1], d)) {
            return true;
        }
    }
    for (int i = 0; i < 2; i++) {
        snprintf(what, sizeof what, "%s of cell %" PRId64, sample_names[i], cell);
        if (samples[i][0] != samples[i][1]) {
            return note(d, what, ss_samples_text(samples[i][0], texts[0]),
                        ss_samples_text(samples[i][1], texts[1]));
        }
    }
    if (a.train_row_norm != b.train_row_norm) {
        snprintf(what, sizeof what, "row norms of cell %" PRId64, cell);
        return note(d, what, ss_train_row_norm_name(a.train_row_norm),
                    ss_train_row_norm_name(b.train_row_norm));
    }
    ss_activation_format(a.activation, texts[0]);
    ss_activation_format(b.activation, texts[1]);
    snprintf(what, sizeof what, "activation of cell %" PRId64, cell);
    return strcmp(texts[0], texts[1]) != 0 && note(d, what, texts[0], texts[1]);
}

static bool lists_differ(const ss_plan *first, const ss_plan *second, ss_difference *d)
{
    char what[64];
    bool differ = false;
    for (int64_t i = 0; i < first->seeds && !differ; i++) {
        snprintf(what, sizeof what, "seed number %" PRId64, i);
        differ = numbers_differ(what, ss_plan_seed(first, i), ss_plan_seed(second, i), d);
    }
    for (int64_t i = 0; i < first->checkpoints && !differ; i++) {
        snprintf(what, sizeof what, "iteration number %" PRId64, i);
        differ = numbers_differ(what, first->spec->checkpoints[i], second->spec->checkpoints[i], d);
    }
    for (int64_t cell = 0; cell < first->cells && !differ; cell++) {
        differ = cells_differ(first, second, cell, d);
    }
    return differ;
}

bool ss_plan_blocks_differ(const ss_plan *first, const ss_plan *second, ss_difference *d)
{
    return (ss_plan_has_wide_runs(first) || ss_plan_has_wide_runs(second)) &&
           numbers_differ("wide.block", first->spec->wide_block, second->spec->wide_block, d);
}

/* The cells of both are the same. */
static bool wide_cells_differ(const ss_plan *first, const ss_plan *second, ss_difference *d)
{
    int64_t from = first->spec->wide_from_d;
    int64_t other = second->spec->wide_from_d;
    bool differ = false;
    for (int64_t cell = 0; from != other && cell < first->cells && !differ; cell++) {
        ss_run run = ss_plan_run(first, cell, 0);
        differ = ss_plan_is_wide(first, &run) != ss_plan_is_wide(second, &run);
    }
    return differ && numbers_differ("wide.from_d", from, other, d);
}

bool ss_plan_grids_differ(const ss_plan *first, const ss_plan *second, ss_difference *d)
{
    return wide_cells_differ(first, second, d) || ss_plan_blocks_differ(first, second, d);
}

bool ss_plan_differs(const ss_plan *first, const ss_plan *second, ss_difference *d)
{
    char settings[2][SS_SETTINGS_SIZE];
    ss_plan_settings(first, settings[0]);
    ss_plan_settings(second, settings[1]);
    return ss_settings_differ(settings[0], settings[1], d) ||
           numbers_differ("the number of cells", first->cells, second->cells, d) ||
           numbers_differ("the number of seeds", first->seeds, second->seeds, d) ||
           numbers_differ("the number of recorded iterations", first->checkpoints,
                          second->checkpoints, d) ||
           lists_differ(first, second, d) || ss_plan_grids_differ(first, second, d);
}
