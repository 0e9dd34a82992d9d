/*
 * The activations φ: what the program knows of each, in one place (CONTRIBUTING.md, "Adding an
 * activation"). The first list is required, the others are for those that have more to offer.
 *
 * Entries are expressions that activation.c, closed_form.c, cost.c and the kernels expand.
 */
#ifndef SADDLESWEEP_ACTIVATION_LIST_H
#define SADDLESWEEP_ACTIVATION_LIST_H

/* clang-format off */

/*
 * Kind, name in sweep files, φ(u), what φ' is computed from, φ'. In float64, for every finite u;
 * `alpha` is the parameter. Where φ' is OF_VALUE, of phi = φ(u), the kernels need not keep it beside
 * φ; OF_ARGUMENT is of u.
 *
 * Kinds are part of the identity of runs: new ones go at the end.
 */
#define SS_ACTIVATIONS(X)                                                                          \
    X(TANH, "tanh", tanh(u), OF_VALUE, 1 - phi * phi)                                              \
    X(SIGMOID, "sigmoid", 1 / (1 + exp(-u)), OF_VALUE, phi * (1 - phi))                            \
    X(LEAKY_RELU, "leaky_relu", u > 0 ? u : alpha * u, OF_VALUE, phi > 0 ? 1 : alpha)              \
    X(ERF, "erf", erf(u), OF_ARGUMENT, M_2_SQRTPI * exp(-u * u))                                   \
    X(IDENTITY, "identity", u, OF_VALUE, 1)                                                        \
    X(SOFTPLUS, "softplus", fmax(u, 0) + log1p(exp(-fabs(u))), OF_ARGUMENT, 1 / (1 + exp(-u)))     \
    X(GELU, "gelu", u * (0.5 * erfc(-M_SQRT1_2 * u)), OF_ARGUMENT,                                 \
      0.5 * erfc(-M_SQRT1_2 * u) + u * (M_SQRT1_2 * M_2_SQRTPI / 2 * exp(-0.5 * u * u)))

/* With a parameter: its least and greatest value, and one for examples. */
#define SS_ACTIVATION_PARAMETERS(X)                                                                \
    X(LEAKY_RELU, 0, 1, 0.2)

/* With a closed form of F: a function of src/sgda/closed_form.c. */
#define SS_CLOSED_FORMS(X)                                                                         \
    X(LEAKY_RELU, leaky_relu(alpha, z, r, s))                                                      \
    X(ERF, error_function(z, r, s))                                                                \
    X(IDENTITY, linear(z))

/*
 * With a vector form, of what src/kernel/lane_math.h offers: φ of a register u; φ' of phi or u, as
 * in the first list; ns for both in single and double precision (docs/cost-model.md).
 *
 * The vector kernels compute the others in float64 by the first list, number by number: the same on
 * every instruction set, but as the C library rounds, and 10 to 50 times as long.
 */
#define SS_VECTOR_FORMS(X, ...)                                                                    \
    X(TANH, lanes_tanh(u), lanes_fma(-phi, phi, lanes_all(1)), 0.24, 0.95, __VA_ARGS__)            \
    X(SIGMOID, lanes_sigmoid(u), lanes_fma(-phi, phi, phi), 0.3, 1.1, __VA_ARGS__)                 \
    X(LEAKY_RELU, lanes_max(alpha * u, u) /* alpha is at most 1 */,                                \
      lanes_select(lanes_less(lanes_all(0), phi), lanes_all(1), lanes_all(alpha)),                 \
      0.1, 0.17, __VA_ARGS__)                                                                      \
    X(ERF, lanes_erf(u), (real)M_2_SQRTPI * lanes_exp(-u * u), 1.13, 4.8, __VA_ARGS__)             \
    X(IDENTITY, u, lanes_all(1), 0.05, 0.08, __VA_ARGS__)                                          \
    X(GELU, lanes_gelu(u), lanes_gelu_slope(u), 1.3, 5.4, __VA_ARGS__)

/* clang-format on */

#endif
