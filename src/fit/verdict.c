#include "verdict.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Below this part of the variance a power law is said to describe a grid badly. */
static const double good_r_squared = 0.9;

ss_bound ss_bound_of(const ss_family *family)
{
    return (ss_bound){.a = 5, .b = family->against == SS_AXIS_N ? 2 : 1};
}

static void format_end(double end, char *buffer, size_t size)
{
    if (isinf(end)) {
        snprintf(buffer, size, "unbounded");
    } else {
        snprintf(buffer, size, "%.2f", end);
    }
}

const char *ss_interval_format(const ss_interval *i, char buffer[SS_INTERVAL_TEXT_SIZE])
{
    char low[SS_INTERVAL_TEXT_SIZE / 3];
    char high[SS_INTERVAL_TEXT_SIZE / 3];
    if (isnan(i->value)) {
        snprintf(buffer, SS_INTERVAL_TEXT_SIZE, "-");
    } else if (isnan(i->low)) {
        snprintf(buffer, SS_INTERVAL_TEXT_SIZE, "%.2f", i->value);
    } else {
        format_end(i->low, low, sizeof low);
        format_end(i->high, high, sizeof high);
        snprintf(buffer, SS_INTERVAL_TEXT_SIZE, "%.2f [%s, %s]", i->value, low, high);
    }
    return buffer;
}

/* Cells of which runs are done, but with a mean error of 0: it has no logarithm. */
static int64_t count_zeros(const ss_analysis *a)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < a->observation->family->cells; i++) {
        zeros += a->observation->counts[i].done > 0 && isnan(a->cells[i].mean[SS_QUANTITY_ERROR]);
    }
    return zeros;
}

/* "2 of 6 cells are left out, as their error is 0", and `end`; empty if there are none. */
enum { ZEROS_TEXT_SIZE = 128 };
static const char *zeros_text(const ss_analysis *a, const char *end, char buffer[ZEROS_TEXT_SIZE])
{
    int64_t zeros = count_zeros(a);
    buffer[0] = '\0';
    if (zeros > 0) {
        snprintf(buffer, ZEROS_TEXT_SIZE, "%" PRId64 " of %" PRId64 " cells %s error is 0%s", zeros,
                 a->observation->family->cells,
                 zeros == 1 ? "is left out, as its" : "are left out, as their", end);
    }
    return buffer;
}

static void describe_trouble(ss_scaling_trouble trouble, const char *letter, char *buffer,
                             size_t size)
{
    switch (trouble) {
    case SS_SCALING_TOO_FEW:
        snprintf(buffer, size,
                 "fewer than 3 cells have an error to fit to; c, alpha and beta need 3");
        break;
    case SS_SCALING_ONE_PLACE:
        snprintf(buffer, size,
                 "only one d and one %s; alpha needs at least two values of d, beta of %s", letter,
                 letter);
        break;
    case SS_SCALING_TIED:
        snprintf(buffer, size,
                 "log %s is a linear function of log d in these cells; alpha and beta cannot be "
                 "told apart",
                 letter);
        break;
    default:
        buffer[0] = '\0';
    }
}

const char *ss_trouble_text(const ss_analysis *a, char buffer[SS_TROUBLE_TEXT_SIZE])
{
    char zeros[ZEROS_TEXT_SIZE];
    char trouble[SS_TROUBLE_TEXT_SIZE - ZEROS_TEXT_SIZE];
    describe_trouble(a->fits[0].trouble, ss_family_letter(a->observation->family->against), trouble,
                     sizeof trouble);
    snprintf(buffer, SS_TROUBLE_TEXT_SIZE, "%s%s", zeros_text(a, ": ", zeros), trouble);
    return buffer;
}

bool ss_intervals_meet(const ss_interval *first, const ss_interval *second)
{
    return first->low <= second->high && second->low <= first->high;
}

static bool contains(const ss_interval *interval, double value)
{
    return interval->low <= value && value <= interval->high;
}

/* An interval wider than the bound itself that holds it: it would hold as well what differs much.
 */
static bool tells_nothing(const ss_interval *interval, double bound)
{
    return contains(interval, bound) && !(interval->high - interval->low <= bound);
}

static const ss_fit *find(const ss_analysis *a, ss_fit_method method, ss_choice choice)
{
    for (int64_t i = 0; i < a->count; i++) {
        const ss_fit *fit = &a->fits[i];
        if (fit->method == method && fit->quantity == SS_QUANTITY_ERROR &&
            fit->statistic == SS_SCALING_MEAN && fit->choice == choice) {
            return fit;
        }
    }
    return NULL; /* the fit without trapped runs, if there are none */
}

static void say_interval(ss_text *out, const char *name, const ss_interval *interval)
{
    char text[SS_INTERVAL_TEXT_SIZE];
    ss_text_append(out, "%s = %s", name, ss_interval_format(interval, text));
}

/* The exponents that a fit has. */
static void say_values(const ss_fit *fit, ss_text *out)
{
    if (!fit->axes.n) {
        say_interval(out, "alpha", &fit->alpha);
        return;
    }
    say_interval(out, "b", &fit->b);
    if (fit->axes.d) {
        say_interval(out, ", a", &fit->a);
    }
}

/* b = 1/β: 2 is an error that falls as 1/√n. */
static void say_b(const ss_analysis *a, ss_text *out)
{
    const ss_interval *b = &a->fits[0].b;
    int bound = ss_bound_of(a->observation->family).b;
    const char *letter = ss_family_letter(a->observation->family->against);
    say_interval(out, "b", b);
    if (tells_nothing(b, bound)) {
        ss_text_append(out, ": too uncertain to compare with %d", bound);
    } else if (contains(b, bound)) {
        ss_text_append(out, ": consistent with %d", bound);
    } else if (b->high < bound) {
        ss_text_append(out, ": below %d, the error falls faster with %s than the bound says", bound,
                       letter);
    } else {
        ss_text_append(out,
                       ": above %d, the error falls more slowly with %s than the bound says; look "
                       "whether %s is what limits these cells",
                       bound, letter, letter);
    }
}

static void say_a(const ss_analysis *a, ss_text *out)
{
    const ss_interval *exponent = &a->fits[0].a;
    ss_bound bound = ss_bound_of(a->observation->family);
    say_interval(out, "a", exponent);
    if (tells_nothing(exponent, bound.a)) {
        ss_text_append(out, ": too uncertain to compare with %d", bound.a);
    } else if (contains(exponent, bound.a)) {
        ss_text_append(out, ": consistent with %d", bound.a);
    } else if (exponent->low > bound.a) {
        ss_text_append(out,
                       ": above %d, which an upper bound for small errors does not rule out on a "
                       "finite grid; look at the residuals",
                       bound.a);
    } else if (a->observation->family->theorem && a->fits[0].b.low <= bound.b) {
        ss_text_append(out, ": below %d, the bound holds and is not tight on this grid", bound.a);
    } else {
        ss_text_append(out, ": below %d", bound.a);
    }
}

/* Why there is no interval. */
static void say_too_few(const ss_analysis *a, ss_text *out)
{
    const ss_fit *primary = &a->fits[0];
    if (a->observation->seeds == 1) {
        ss_text_append(out, "from a single seed");
    } else {
        ss_text_append(out, "from %" PRId64 " runs in %" PRId64 " cells", primary->runs,
                       primary->cells);
    }
    ss_text_append(out, ", so nothing can be said about their errors.\n");
}

/* Of one n: ε ≤ (d^a / n)^(1/b) for Theorem 4. */
static void say_alpha(const ss_analysis *a, ss_text *out)
{
    const ss_interval *alpha = &a->fits[0].alpha;
    const ss_observation *o = a->observation;
    ss_bound bound = ss_bound_of(o->family);
    const char *letter = ss_family_letter(o->family->against);
    char text[SS_INTERVAL_TEXT_SIZE];
    ss_text_append(out, "The error goes as d^alpha with alpha = %s",
                   ss_interval_format(alpha, text));
    if (isnan(alpha->low)) {
        ss_text_append(out, ": ");
        say_too_few(a, out);
    } else {
        ss_text_append(out, "; Theorem 4's bound goes as d^%g at a fixed %s.\n",
                       (double)bound.a / bound.b, letter);
    }
    ss_text_append(out, "There is one %s here, so nothing is known of beta, a and b.\n", letter);
}

static void say_exponents(const ss_analysis *a, ss_text *out)
{
    const ss_fit *primary = &a->fits[0];
    const char *letter = ss_family_letter(a->observation->family->against);
    char beta[SS_INTERVAL_TEXT_SIZE];
    if (!primary->axes.n) {
        say_alpha(a, out);
        return;
    }
    if (!(primary->beta.value > 0)) {
        ss_text_append(
            out, "The error does not fall with %s here (beta = %s): there is no %s(d, eps).\n",
            letter, ss_interval_format(&primary->beta, beta), letter);
    } else if (primary->beta.value < ss_fit_least_beta) {
        ss_text_append(out,
                       "The error hardly falls with %s here (beta = %s): something else limits "
                       "these cells, and a and b say nothing about %s.\n",
                       letter, ss_interval_format(&primary->beta, beta), letter);
    } else if (isnan(primary->beta.low)) {
        say_values(primary, out);
        ss_text_append(out, ": ");
        say_too_few(a, out);
    } else if (primary->beta.low <= 0) {
        ss_text_append(out,
                       "That the error falls with %s is not certain here (beta = %s), so a and b "
                       "have no bounded interval.\n",
                       letter, ss_interval_format(&primary->beta, beta));
    } else {
        say_b(a, out);
        if (primary->axes.d) {
            ss_text_append(out, "; ");
            say_a(a, out);
        }
        ss_text_append(out, ".\n");
    }
    if (!primary->axes.d) {
        ss_text_append(out, "There is one d here, so nothing is known of alpha and a.\n");
    }
}

static void say_setting(const ss_analysis *a, ss_text *out)
{
    const ss_family *family = a->observation->family;
    if (!family->theorem) {
        ss_text_append(out, "Theorem 4 is about k = d; for %s its bound is a comparison only.\n",
                       family->k);
    }
}

static void say_curvature(const ss_analysis *a, ss_text *out)
{
    const char *letter = ss_family_letter(a->observation->family->against);
    char names[SS_CURVATURE_TERMS][32];
    bool told = false;
    bool bent = false;
    snprintf(names[0], sizeof names[0], "log^2 d");
    snprintf(names[1], sizeof names[1], "log^2 %s", letter);
    snprintf(names[2], sizeof names[2], "log d log %s", letter);
    for (int term = 0; term < SS_CURVATURE_TERMS; term++) {
        const ss_interval *curvature = &a->curvature[term];
        told = told || !isnan(curvature->low);
        if (!isnan(curvature->low) && !contains(curvature, 0)) {
            char text[SS_INTERVAL_TEXT_SIZE];
            ss_text_append(out, "%s%s is %s", bent ? ", of " : "The law bends: the term of ",
                           names[term], ss_interval_format(curvature, text));
            bent = true;
        }
    }
    if (bent) {
        ss_text_append(out, ". The exponents are averages over this grid.\n");
    } else if (told) {
        ss_text_append(out, "No curvature is seen: quadratic terms do not differ from 0.\n");
    }
}

static void say_crossings(const ss_analysis *a, ss_text *out)
{
    const ss_fit *primary = &a->fits[0];
    const ss_fit *crossings = find(a, SS_METHOD_CROSSINGS, SS_CHOICE_WITH);
    if (!primary->axes.n) {
        return; /* there is nothing to cross */
    }
    if (crossings->trouble != SS_SCALING_SOUND) {
        ss_text_append(out, "The second method has nothing to say: too few levels of the error are "
                            "crossed.\n");
        return;
    }
    if (isnan(primary->b.low) || isnan(crossings->b.low)) {
        return;
    }
    bool agree = ss_intervals_meet(&primary->b, &crossings->b) &&
                 (!primary->axes.d || ss_intervals_meet(&primary->a, &crossings->a));
    ss_text_append(out, "By crossings: ");
    say_values(crossings, out);
    ss_text_append(out, ": the two methods %s within their intervals.\n",
                   agree ? "agree" : "do not agree");
}

/* False without an interval. */
static bool is_outside(const ss_interval *interval, double value)
{
    return !isnan(interval->low) && !contains(interval, value);
}

/* Whether an exponent that is told of `other` is outside its interval in `primary`. */
static bool differ(const ss_fit *primary, const ss_fit *other)
{
    return primary->axes.n
               ? is_outside(&primary->a, other->a.value) || is_outside(&primary->b, other->b.value)
               : is_outside(&primary->alpha, other->alpha.value);
}

static void say_trapped(const ss_analysis *a, ss_text *out)
{
    int64_t trapped = a->observation->total.trapped;
    const ss_fit *primary = &a->fits[0];
    const ss_fit *without = find(a, SS_METHOD_CELLS, SS_CHOICE_WITHOUT);
    if (!without || without->trouble != SS_SCALING_SOUND) {
        return;
    }
    ss_text_append(out, "%" PRId64 " %s trapped; without %s ", trapped,
                   trapped == 1 ? "run is" : "runs are", trapped == 1 ? "it" : "them");
    say_values(without, out);
    ss_text_append(out, "%s", differ(primary, without) ? ": they change the answer" : "");
    ss_text_append(out, ".\n");
}

static void say_quality(const ss_analysis *a, ss_text *out)
{
    const ss_observation *o = a->observation;
    int64_t few = 0;
    int64_t missing = 0;
    char zeros[ZEROS_TEXT_SIZE];
    for (int64_t i = 0; i < o->family->cells; i++) {
        few += o->counts[i].done < SS_FEW_RUNS;
        missing += o->counts[i].done < o->counts[i].requested;
    }
    if (a->fits[0].r_squared < good_r_squared) {
        ss_text_append(out, "R^2 is %.2f: a power law describes this grid badly.\n",
                       a->fits[0].r_squared);
    }
    ss_text_append(out, "%s", zeros_text(a, ".\n", zeros));
    if (few > 0) {
        ss_text_append(out, "%" PRId64 " of %" PRId64 " cells have fewer than %d runs.\n", few,
                       o->family->cells, SS_FEW_RUNS);
    }
    if (missing > 0) {
        ss_text_append(out,
                       "%" PRId64 " of %" PRId64 " cells miss runs: what is fitted is the "
                       "survivors.\n",
                       missing, o->family->cells);
    }
}

void ss_verdict(const ss_analysis *a, ss_text *out)
{
    say_exponents(a, out);
    say_setting(a, out);
    say_curvature(a, out);
    say_crossings(a, out);
    say_trapped(a, out);
    say_quality(a, out);
}
