#include "saddlesweep/activation.h"

#include "../base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const names[SS_ACTIVATION_KINDS] = {
#define SS_NAME(kind, name, value, source, slope) [SS_ACTIVATION_##kind] = name,
    SS_ACTIVATIONS(SS_NAME)
#undef SS_NAME
};

/* In any case: another name of leaky_relu(0). */
static const char relu[] = "relu";

/* Room for any parameter in parentheses, e.g. "(2.2250738585072014e-308)". */
enum { PARAMETER_SIZE = 26 };
#define SS_FITS(kind, name, value, source, slope)                                                  \
    _Static_assert(sizeof name + PARAMETER_SIZE <= SS_ACTIVATION_TEXT_SIZE, name " is too long");
SS_ACTIVATIONS(SS_FITS)
#undef SS_FITS

typedef struct parameter {
    bool taken;
    double least, greatest, example;
} parameter;

static const parameter parameters[SS_ACTIVATION_KINDS] = {
#define SS_PARAMETER(kind, least, greatest, example)                                               \
    [SS_ACTIVATION_##kind] = {true, least, greatest, example},
    SS_ACTIVATION_PARAMETERS(SS_PARAMETER)
#undef SS_PARAMETER
};

enum { USAGE_SIZE = 128 };

/* How a sweep file writes it: "tanh", "leaky_relu(a) with 0 <= a <= 1, e.g. leaky_relu(0.2)". */
static const char *usage(int kind, char buffer[USAGE_SIZE])
{
    const parameter *p = &parameters[kind];
    if (!p->taken) {
        return names[kind];
    }
    snprintf(buffer, USAGE_SIZE, "%s(a) with %g <= a <= %g, e.g. %s(%g)", names[kind], p->least,
             p->greatest, names[kind], p->example);
    return buffer;
}

static ss_error unknown_name(const char *text, const char *word)
{
    char buffers[SS_ACTIVATION_KINDS][USAGE_SIZE];
    const char *usages[SS_ACTIVATION_KINDS + 1];
    size_t count = 0;
    usages[count++] = relu;
    for (int with_parameter = 0; with_parameter < 2; with_parameter++) { /* the plain ones first */
        for (int kind = 0; kind < SS_ACTIVATION_KINDS; kind++) {
            if (parameters[kind].taken == with_parameter) {
                usages[count++] = usage(kind, buffers[kind]);
            }
        }
    }
    char allowed[(SS_ACTIVATION_KINDS + 1) * USAGE_SIZE];
    ss_text_listing(usages, count, "or", allowed, sizeof allowed);
    const char *all[SS_ACTIVATION_KINDS + 1] = {relu};
    memcpy(all + 1, names, sizeof names);
    const char *nearest = ss_text_nearest(word, all, SS_ACTIVATION_KINDS + 1);
    return ss_fail(SS_ERR_SPEC, "unknown activation \"%s\"%s%s%s Allowed: %s", text,
                   nearest ? "; did you mean " : ".", nearest ? nearest : "", nearest ? "?" : "",
                   allowed);
}

/* Reads "(number)" to the end of the text. */
static ss_error parse_alpha(const char *text, int kind, const char *argument, double *alpha)
{
    const parameter *p = &parameters[kind];
    char *end = NULL;
    char buffer[USAGE_SIZE];
    bool number = strspn(argument, "(+-.0123456789eE") + 1 == strlen(argument);
    double value = number ? strtod(argument + 1, &end) : NAN;
    if (!end || end == argument + 1 || strcmp(end, ")") != 0 ||
        !(value >= p->least && value <= p->greatest)) {
        return ss_fail(SS_ERR_SPEC, "found \"%s\", expected %s", text, usage(kind, buffer));
    }
    *alpha = value == 0 ? 0 : value; /* -0 is 0 */
    return SS_OK;
}

ss_error ss_activation_parse(const char *text, ss_activation *out)
{
    char word[SS_ACTIVATION_TEXT_SIZE];
    size_t length = strcspn(text, "(");
    if (strcasecmp(text, relu) == 0) {
        *out = (ss_activation){.kind = SS_ACTIVATION_LEAKY_RELU};
        return SS_OK;
    }
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word), text);
    for (int kind = 0; kind < SS_ACTIVATION_KINDS; kind++) {
        if (strcmp(word, names[kind]) != 0) {
            continue;
        }
        *out = (ss_activation){.kind = (ss_activation_kind)kind};
        if (parameters[kind].taken) {
            return parse_alpha(text, kind, text + length, &out->alpha);
        }
        if (text[length] != '\0') {
            return ss_fail(SS_ERR_SPEC, "found \"%s\", but %s takes no parameter; write %s", text,
                           word, word);
        }
        return SS_OK;
    }
    return unknown_name(text, word);
}

const char *ss_activation_name(ss_activation_kind kind)
{
    return names[kind];
}

const char *ss_activation_format(ss_activation activation, char *buffer)
{
    const char *name = names[activation.kind];
    char number[SS_NUMBER_TEXT_SIZE];
    if (parameters[activation.kind].taken) {
        snprintf(buffer, SS_ACTIVATION_TEXT_SIZE, "%s(%s)", name,
                 ss_text_number(activation.alpha, number));
    } else {
        snprintf(buffer, SS_ACTIVATION_TEXT_SIZE, "%s", name);
    }
    return buffer;
}

double ss_activation_value(ss_activation activation, double u)
{
    const double alpha = activation.alpha;
    switch (activation.kind) {
#define SS_VALUE(kind, name, value, source, slope)                                                 \
    case SS_ACTIVATION_##kind:                                                                     \
        return value;
        SS_ACTIVATIONS(SS_VALUE)
#undef SS_VALUE
    case SS_ACTIVATION_KINDS:
        break;
    }
    return NAN;
}

double ss_activation_slope(ss_activation activation, double u)
{
    const double alpha = activation.alpha;
    switch (activation.kind) {
#define SS_OF_ARGUMENT(value, slope) slope
#define SS_OF_VALUE(value, slope)    ss_activation_slope_of_value(activation, value)
#define SS_SLOPE(kind, name, value, source, slope)                                                 \
    case SS_ACTIVATION_##kind:                                                                     \
        return SS_##source(value, slope);
        SS_ACTIVATIONS(SS_SLOPE)
#undef SS_SLOPE
#undef SS_OF_VALUE
#undef SS_OF_ARGUMENT
    case SS_ACTIVATION_KINDS:
        break;
    }
    return NAN;
}

double ss_activation_slope_of_value(ss_activation activation, double phi)
{
    const double alpha = activation.alpha;
    switch (activation.kind) {
#define SS_OF_ARGUMENT(slope) NAN
#define SS_OF_VALUE(slope)    slope
#define SS_SLOPE(kind, name, value, source, slope)                                                 \
    case SS_ACTIVATION_##kind:                                                                     \
        return SS_##source(slope);
        SS_ACTIVATIONS(SS_SLOPE)
#undef SS_SLOPE
#undef SS_OF_VALUE
#undef SS_OF_ARGUMENT
    case SS_ACTIVATION_KINDS:
        break;
    }
    return NAN;
}
