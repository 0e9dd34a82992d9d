#include "saddlesweep/closed_form.h"

#include <math.h>

bool ss_closed_form_exists(ss_activation activation)
{
    switch (activation.kind) {
#define SS_EXISTS(kind, form) case SS_ACTIVATION_##kind:
        SS_CLOSED_FORMS(SS_EXISTS)
#undef SS_EXISTS
        return true;
    default:
        return false;
    }
}

static double within_one(double value)
{
    return fmin(fmax(value, -1), 1);
}

/* φ(x) = (1 + α)/2 · x + (1 − α)/2 · |x|, whose mixed terms vanish. */
static ss_closed_form leaky_relu(double alpha, double z, double r, double s)
{
    double odd = (1 + alpha) * (1 + alpha) / 4;
    double even = (1 - alpha) * (1 - alpha) / 4 * M_2_PI;
    double rho = within_one(z / (r * s));
    double angle = asin(rho);
    double sine = sqrt((1 - rho) * (1 + rho));
    return (ss_closed_form){
        .value = odd * z + even * r * s * (sine + rho * angle),
        .slope = odd + even * angle,
        .radial = even * s / r * sine,
    };
}

static ss_closed_form error_function(double z, double r, double s)
{
    double scale = 2 / sqrt((1 + 2 * r * r) * (1 + 2 * s * s));
    double sine = within_one(scale * z);
    double cosine = sqrt((1 - sine) * (1 + sine));
    return (ss_closed_form){
        .value = M_2_PI * asin(sine),
        .slope = M_2_PI * scale / cosine,
        .radial = -2 * M_2_PI * sine / ((1 + 2 * r * r) * cosine),
    };
}

static ss_closed_form linear(double z)
{
    return (ss_closed_form){z, 1, 0};
}

ss_closed_form ss_closed_form_at(ss_activation activation, double z, double r, double s)
{
    const double alpha = activation.alpha;
    switch (activation.kind) {
#define SS_FORM(kind, form)                                                                        \
    case SS_ACTIVATION_##kind:                                                                     \
        return form;
        SS_CLOSED_FORMS(SS_FORM)
#undef SS_FORM
    default:
        return linear(z);
    }
}
