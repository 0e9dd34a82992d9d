/*
 * Activations φ: names as sweep files write them, values and derivatives in float64.
 */
#ifndef SADDLESWEEP_ACTIVATION_H
#define SADDLESWEEP_ACTIVATION_H

#include "saddlesweep/activation_list.h"
#include "saddlesweep/error.h"

#include <stddef.h>

#define SS_ACTIVATION_ENUM(kind, name, value, source, slope) SS_ACTIVATION_##kind,
typedef enum ss_activation_kind {
    SS_ACTIVATIONS(SS_ACTIVATION_ENUM) SS_ACTIVATION_KINDS
} ss_activation_kind;
#undef SS_ACTIVATION_ENUM

/* What φ' is computed from, u or φ(u); and that of each kind, SS_SLOPE_SOURCE_TANH and so on. */
#define SS_SLOPE_SOURCE(kind, name, value, source, slope)                                          \
    SS_SLOPE_SOURCE_##kind = SS_SLOPE_##source,
typedef enum ss_slope_source {
    SS_SLOPE_OF_ARGUMENT,
    SS_SLOPE_OF_VALUE,
    SS_ACTIVATIONS(SS_SLOPE_SOURCE)
} ss_slope_source;
#undef SS_SLOPE_SOURCE

typedef struct ss_activation {
    ss_activation_kind kind;
    double alpha; /* the parameter: slope of leaky ReLU below zero, in [0, 1]; else 0 */
} ss_activation;

enum { SS_ACTIVATION_TEXT_SIZE = 40 }; /* room for any activation's name and parameter */

/* Reads a name, e.g. "tanh", or one with its parameter, "leaky_relu(α)" with 0 ≤ α ≤ 1. SS_ERR_SPEC
 * with the names allowed and the nearest one. Local. */
ss_error ss_activation_parse(const char *text, ss_activation *out);

/* The name of a kind, without a parameter; a constant. */
const char *ss_activation_name(ss_activation_kind kind);

/* The name as a sweep file writes it; parsing it gives the same activation, bit for bit. Written
 * into `buffer` (SS_ACTIVATION_TEXT_SIZE bytes), which is returned. */
const char *ss_activation_format(ss_activation activation, char *buffer);

/* φ(u). */
double ss_activation_value(ss_activation activation, double u);

/* φ'(u); at the kink of leaky ReLU (u = 0) the left derivative α. */
double ss_activation_slope(ss_activation activation, double u);

/* φ' from φ, for SS_SLOPE_OF_VALUE; NaN for the others. */
double ss_activation_slope_of_value(ss_activation activation, double phi);

#endif
