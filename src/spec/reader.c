#include "reader.h"

#include "../base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "a, b or c" into a buffer. */
static void join_names(const char *const *names, size_t count, char *buffer, size_t size)
{
    size_t length = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < count && length < size; i++) {
        const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        length += (size_t)snprintf(buffer + length, size - length, "%s%s", between, names[i]);
    }
}

/* A setting that someone may have wanted as an axis. */
static bool is_no_axis(const char *path)
{
    static const char *const settings[] = {"train.",    "algorithm",    "discriminator",
                                           "precision", "truth.latent", "truth.row_norm"};
    bool found = false;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        found = found || strncmp(path, settings[i], strlen(settings[i])) == 0;
    }
    return found;
}

ss_error ss_read_mismatch(const ss_yaml_node *node, const char *path, const char *expected)
{
    const ss_yaml_place *place = &node->place;
    switch (node->kind) {
    case SS_YAML_SEQUENCE:
        return ss_yaml_fail(SS_ERR_SPEC, place, "%s: found a list, expected %s%s", path, expected,
                            is_no_axis(path)
                                ? "; only grid.d, k, n, m, activation, seed and train.row_norm "
                                  "may be lists"
                                : "");
    case SS_YAML_MAPPING:
        return ss_yaml_fail(SS_ERR_SPEC, place, "%s: found a mapping, expected %s", path, expected);
    case SS_YAML_SCALAR:
        break;
    }
    if (node->text[0] == '\0') {
        return ss_yaml_fail(SS_ERR_SPEC, place, "%s: found nothing, expected %s", path, expected);
    }
    return ss_yaml_fail(SS_ERR_SPEC, place, "%s: found %s%.200s%s, expected %s", path,
                        node->quoted ? "the quoted text \"" : "", node->text,
                        node->quoted ? "\"" : "", expected);
}

ss_error ss_read_keys(const ss_yaml_node *node, const char *path, const char *const *names,
                      size_t count)
{
    char allowed[512];
    join_names(names, count, allowed, sizeof allowed);
    if (node->kind != SS_YAML_MAPPING) {
        char expected[600];
        snprintf(expected, sizeof expected, "a mapping with the keys %s", allowed);
        return ss_read_mismatch(node, path, expected);
    }
    for (size_t i = 0; i < node->count; i++) {
        const char *key = node->keys[i]->text;
        bool known = false;
        for (size_t j = 0; j < count; j++) {
            known = known || strcmp(key, names[j]) == 0;
        }
        if (!known) {
            const char *nearest = ss_text_nearest(key, names, count);
            return ss_yaml_fail(SS_ERR_SPEC, &node->keys[i]->place,
                                "%s: unknown key \"%.200s\"%s%s%s Allowed: %s", path, key,
                                nearest ? "; did you mean \"" : ".", nearest ? nearest : "",
                                nearest ? "\"?" : "", allowed);
        }
    }
    return SS_OK;
}

ss_error ss_read_required(const ss_yaml_node *mapping, const char *path, const char *key,
                          const ss_yaml_node **out)
{
    *out = ss_yaml_find(mapping, key);
    return *out ? SS_OK
                : ss_yaml_fail(SS_ERR_SPEC, &mapping->place, "%s: the key \"%s\" is missing", path,
                               key);
}

/* An unquoted scalar made only of the characters given. */
static bool is_plain(const ss_yaml_node *node, const char *characters)
{
    return node->kind == SS_YAML_SCALAR && !node->quoted && node->text[0] != '\0' &&
           node->text[strspn(node->text, characters)] == '\0';
}

ss_error ss_read_integer(const ss_yaml_node *node, const char *path, int64_t least, int64_t most,
                         int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = is_plain(node, "+-0123456789") ? strtoll(node->text, &end, 10) : 0;
    if (!end || end == node->text || *end != '\0' || errno != 0 || value < least || value > most) {
        char expected[120];
        snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, least, most);
        return ss_read_mismatch(node, path, expected);
    }
    *out = value;
    return SS_OK;
}

ss_error ss_read_unsigned(const ss_yaml_node *node, const char *path, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = is_plain(node, "0123456789") ? strtoull(node->text, &end, 10) : 0;
    if (!end || *end != '\0' || errno != 0) {
        return ss_read_mismatch(node, path, "an integer from 0 to 18446744073709551615");
    }
    *out = value;
    return SS_OK;
}

ss_error ss_read_number(const ss_yaml_node *node, const char *path, double above, bool or_equal,
                        double *out)
{
    char *end = NULL;
    double value = is_plain(node, "+-.0123456789eE") ? strtod(node->text, &end) : 0;
    if (!end || end == node->text || *end != '\0' || !isfinite(value) || value < above ||
        (value == above && !or_equal)) {
        char expected[120];
        snprintf(expected, sizeof expected, "a finite number %s %g",
                 or_equal ? "of at least" : "above", above);
        if (isinf(above)) {
            strcpy(expected, "a finite number");
        }
        return ss_read_mismatch(node, path, expected);
    }
    *out = value == 0 ? 0 : value; /* -0 is 0 */
    return SS_OK;
}

ss_error ss_read_choice(const ss_yaml_node *node, const char *path, const char *const *names,
                        size_t count, int *out)
{
    char expected[512];
    if (node->kind == SS_YAML_SCALAR) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(node->text, names[i]) == 0) {
                *out = (int)i;
                return SS_OK;
            }
        }
    }
    join_names(names, count, expected, sizeof expected - 100);
    const char *nearest =
        node->kind == SS_YAML_SCALAR ? ss_text_nearest(node->text, names, count) : NULL;
    if (nearest) {
        size_t length = strlen(expected);
        snprintf(expected + length, sizeof expected - length, "; did you mean %s?", nearest);
    }
    return ss_read_mismatch(node, path, expected);
}
