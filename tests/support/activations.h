/* An activation of every kind, and the plain ReLU. */
#ifndef TESTS_SUPPORT_ACTIVATIONS_H
#define TESTS_SUPPORT_ACTIVATIONS_H

#include "saddlesweep/activation.h"

static const ss_activation activations[] = {
    {SS_ACTIVATION_TANH, 0},     {SS_ACTIVATION_SIGMOID, 0},      {SS_ACTIVATION_ERF, 0},
    {SS_ACTIVATION_IDENTITY, 0}, {SS_ACTIVATION_LEAKY_RELU, 0.2}, {SS_ACTIVATION_LEAKY_RELU, 0},
    {SS_ACTIVATION_SOFTPLUS, 0}, {SS_ACTIVATION_GELU, 0},
};
_Static_assert(sizeof activations / sizeof activations[0] == SS_ACTIVATION_KINDS + 1,
               "a new activation needs an entry here, at the end");

#endif
