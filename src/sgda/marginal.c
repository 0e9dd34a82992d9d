#include "saddlesweep/marginal.h"

#include "../base/memory.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>

/* 1/√(2π): the density of z at 0, and E max(z, 0). */
static const double density_at_zero = M_2_SQRTPI * M_SQRT1_2 / 2;

struct ss_half_line {
    gsl_integration_glfixed_table *panel; /* Gauss-Legendre nodes of one panel */
};

/* Beyond the end lies a mass of 1e-19. */
enum { PANEL_NODES = 16 };
static const double end_of_line = 9;

/* Odd plus a constant: the constant is φ(0). Seen from values, so that nobody has to say it. */
static bool is_odd_plus_constant(ss_activation activation)
{
    static const double places[] = {0.1, 0.5, 1, 3};
    double centre = ss_activation_value(activation, 0);
    double even = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        double sides = ss_activation_value(activation, places[i]) +
                       ss_activation_value(activation, -places[i]);
        even = fmax(even, fabs(sides / 2 - centre));
    }
    return even < 1e-12;
}

double ss_marginal_centre(ss_activation activation)
{
    return ss_activation_value(activation, 0);
}

ss_discriminator ss_marginal_discriminator(ss_activation activation)
{
    return is_odd_plus_constant(activation) ? SS_DISCRIMINATOR_RECTIFIED_LINEAR
                                            : SS_DISCRIMINATOR_LINEAR;
}

const char *ss_marginal_doubt(ss_discriminator discriminator, ss_activation activation)
{
    bool odd = is_odd_plus_constant(activation);
    if (discriminator == SS_DISCRIMINATOR_LINEAR && odd) {
        return "this activation is odd plus a constant, so that the mean of phi is the same for "
               "every norm and nothing can be learned; the theory needs an even part of phi that "
               "is monotone on [0, inf), as leaky_relu has, or discriminator: rectified_linear";
    }
    if (discriminator == SS_DISCRIMINATOR_RECTIFIED_LINEAR && !odd) {
        return "the theory is about activations that are odd plus a constant (tanh, sigmoid, erf, "
               "identity), which this one is not; discriminator: linear is for it";
    }
    return NULL;
}

ss_error ss_half_line_create(ss_half_line **out)
{
    SS_TRY(ss_allocate(1, sizeof **out, out));
    gsl_error_handler_t *before = gsl_set_error_handler_off();
    (*out)->panel = gsl_integration_glfixed_table_alloc(PANEL_NODES);
    gsl_set_error_handler(before);
    if (!(*out)->panel) {
        ss_half_line_destroy(out);
        return ss_fail(SS_ERR_MEMORY, "out of memory for the nodes of a quadrature");
    }
    return SS_OK;
}

void ss_half_line_destroy(ss_half_line **half_line)
{
    if (*half_line) {
        if ((*half_line)->panel) {
            gsl_integration_glfixed_table_free((*half_line)->panel);
        }
        free(*half_line);
        *half_line = NULL;
    }
}

/* φ'(u) at a kink at 0 is that of the side that the quadrature is on, as no node lies at 0. */
static ss_marginal_mean sides_at(ss_discriminator discriminator, ss_activation activation, double r,
                                 double z)
{
    ss_marginal_mean sum = {0, 0};
    double centre = discriminator == SS_DISCRIMINATOR_LINEAR ? 0 : ss_marginal_centre(activation);
    for (int side = -1; side <= 1; side += 2) {
        double x = ss_activation_value(activation, side * r * z) - centre;
        if (discriminator == SS_DISCRIMINATOR_LINEAR || x > 0) {
            sum.value += x;
            sum.slope += side * z * ss_activation_slope(activation, side * r * z);
        }
    }
    return sum;
}

/* Panels that end at s, 2 s, 4 s, … and are at most 2 long, where φ(r z) changes over s = 1/r: so
 * its poles are no nearer to any panel than the panel is long. */
static ss_marginal_mean integrate(const ss_half_line *half_line, ss_discriminator discriminator,
                                  ss_activation activation, double r)
{
    ss_marginal_mean sum = {0, 0};
    double left = 0;
    double right = fmin(1, 1 / r);
    while (left < end_of_line) {
        for (size_t node = 0; node < PANEL_NODES; node++) {
            double z;
            double weight;
            gsl_integration_glfixed_point(left, right, node, &z, &weight, half_line->panel);
            weight *= density_at_zero * exp(-z * z / 2);
            ss_marginal_mean sides = sides_at(discriminator, activation, r, z);
            sum.value += weight * sides.value;
            sum.slope += weight * sides.slope;
        }
        left = right;
        right = left + fmin(left, 2);
    }
    return sum;
}

ss_marginal_mean ss_marginal_mean_at(const ss_half_line *half_line, ss_discriminator discriminator,
                                     ss_activation activation, double r)
{
    if (!isfinite(r)) {
        return (ss_marginal_mean){NAN, NAN};
    }
    if (activation.kind == SS_ACTIVATION_LEAKY_RELU) {
        double below = discriminator == SS_DISCRIMINATOR_LINEAR ? activation.alpha : 0;
        double slope = (1 - below) * density_at_zero;
        return (ss_marginal_mean){slope * r, slope};
    }
    return integrate(half_line, discriminator, activation, r);
}
