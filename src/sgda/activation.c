#include "saddlesweep/activation.h"

#include "../base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SS_ACTIVATION_KINDS] = {
    [SS_ACTIVATION_TANH] = "tanh",
    [SS_ACTIVATION_SIGMOID] = "sigmoid",
    [SS_ACTIVATION_LEAKY_RELU] = "leaky_relu",
    [SS_ACTIVATION_ERF] = "erf",
    [SS_ACTIVATION_IDENTITY] = "identity",
};

static const char allowed[] = "tanh, sigmoid, erf, identity or leaky_relu(a) with 0 <= a <= 1, "
                              "e.g. leaky_relu(0.2)";

static ss_error unknown_name(const char *text, const char *word)
{
    const char *nearest = ss_text_nearest(word, names, SS_ACTIVATION_KINDS);
    return ss_fail(SS_ERR_SPEC, "unknown activation \"%s\"%s%s%s Allowed: %s", text,
                   nearest ? "; did you mean " : ".", nearest ? nearest : "", nearest ? "?" : "",
                   allowed);
}

/* Reads "(number)" to the end of the text. */
static ss_error parse_alpha(const char *text, const char *parameter, double *alpha)
{
    char *end = NULL;
    bool number = strspn(parameter, "(+-.0123456789eE") + 1 == strlen(parameter);
    double value = number ? strtod(parameter + 1, &end) : NAN;
    if (!end || end == parameter + 1 || strcmp(end, ")") != 0 || !(value >= 0 && value <= 1)) {
        return ss_fail(SS_ERR_SPEC,
                       "found \"%s\", expected leaky_relu(a) with 0 <= a <= 1, "
                       "e.g. leaky_relu(0.2)",
                       text);
    }
    *alpha = fabs(value); /* -0 is 0 */
    return SS_OK;
}

ss_error ss_activation_parse(const char *text, ss_activation *out)
{
    char word[SS_ACTIVATION_TEXT_SIZE];
    size_t length = strcspn(text, "(");
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), text);
    for (int kind = 0; kind < SS_ACTIVATION_KINDS; kind++) {
        if (strcmp(word, names[kind]) != 0) {
            continue;
        }
        *out = (ss_activation){.kind = (ss_activation_kind)kind};
        if (kind == SS_ACTIVATION_LEAKY_RELU) {
            return parse_alpha(text, text + length, &out->alpha);
        }
        if (text[length] != '\0') {
            return ss_fail(SS_ERR_SPEC, "found \"%s\", but %s takes no parameter; write %s", text,
                           word, word);
        }
        return SS_OK;
    }
    return unknown_name(text, word);
}

const char *ss_activation_format(ss_activation activation, char *buffer)
{
    const char *name = names[activation.kind];
    if (activation.kind != SS_ACTIVATION_LEAKY_RELU) {
        snprintf(buffer, SS_ACTIVATION_TEXT_SIZE, "%s", name);
        return buffer;
    }
    for (int digits = 1; digits <= 17; digits++) { /* the shortest that reads back the same */
        char number[27];
        snprintf(number, sizeof number, "%.*g", digits, activation.alpha);
        snprintf(buffer, SS_ACTIVATION_TEXT_SIZE, "%s(%s)", name, number);
        if (strtod(number, NULL) == activation.alpha) {
            break;
        }
    }
    return buffer;
}

double ss_activation_value(ss_activation activation, double u)
{
    switch (activation.kind) {
    case SS_ACTIVATION_TANH:
        return tanh(u);
    case SS_ACTIVATION_SIGMOID:
        return 1 / (1 + exp(-u));
    case SS_ACTIVATION_LEAKY_RELU:
        return u > 0 ? u : activation.alpha * u;
    case SS_ACTIVATION_ERF:
        return erf(u);
    case SS_ACTIVATION_IDENTITY:
    case SS_ACTIVATION_KINDS:
        break;
    }
    return u;
}

double ss_activation_slope(ss_activation activation, double u)
{
    double y;
    switch (activation.kind) {
    case SS_ACTIVATION_TANH:
        y = tanh(u);
        return 1 - y * y;
    case SS_ACTIVATION_SIGMOID:
        y = 1 / (1 + exp(-u));
        return y * (1 - y);
    case SS_ACTIVATION_LEAKY_RELU:
        return u > 0 ? 1 : activation.alpha;
    case SS_ACTIVATION_ERF:
        return M_2_SQRTPI * exp(-u * u);
    case SS_ACTIVATION_IDENTITY:
    case SS_ACTIVATION_KINDS:
        break;
    }
    return 1;
}
