/*
 * Activations φ: names as sweep files write them, values and derivatives in float64.
 */
#ifndef SADDLESWEEP_ACTIVATION_H
#define SADDLESWEEP_ACTIVATION_H

#include "saddlesweep/error.h"

#include <stddef.h>

typedef enum ss_activation_kind {
    SS_ACTIVATION_TANH,
    SS_ACTIVATION_SIGMOID,
    SS_ACTIVATION_LEAKY_RELU,
    SS_ACTIVATION_ERF,
    SS_ACTIVATION_IDENTITY,
    SS_ACTIVATION_KINDS
} ss_activation_kind;

typedef struct ss_activation {
    ss_activation_kind kind;
    double alpha; /* slope of leaky ReLU below zero, in [0, 1]; 0 for the others */
} ss_activation;

enum { SS_ACTIVATION_TEXT_SIZE = 40 }; /* room for any activation's name and parameter */

/* Reads "tanh", "sigmoid", "erf", "identity" or "leaky_relu(α)" with 0 ≤ α ≤ 1. SS_ERR_SPEC with
 * the names allowed and the nearest one. Local. */
ss_error ss_activation_parse(const char *text, ss_activation *out);

/* The name as a sweep file writes it; parsing it gives the same activation, bit for bit. Written
 * into `buffer` (SS_ACTIVATION_TEXT_SIZE bytes), which is returned. */
const char *ss_activation_format(ss_activation activation, char *buffer);

/* φ(u). */
double ss_activation_value(ss_activation activation, double u);

/* φ'(u); at the kink of leaky ReLU (u = 0) the left derivative α. */
double ss_activation_slope(ss_activation activation, double u);

#endif
