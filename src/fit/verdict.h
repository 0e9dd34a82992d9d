/* What the fits of a family say, in words that claim no more than the data. */
#ifndef SADDLESWEEP_FIT_VERDICT_H
#define SADDLESWEEP_FIT_VERDICT_H

#include "../base/text.h"
#include "analysis.h"

/* The exponents of Theorem 4's upper bounds: n = Θ(d⁵/ε²) samples, batches of m = O(d⁵/ε). */
typedef struct ss_bound {
    int a;
    int b;
} ss_bound;

ss_bound ss_bound_of(const ss_family *family);

/* "2.03 [1.98, 2.09]"; an end that is infinite is "unbounded", no interval is none. */
enum { SS_INTERVAL_TEXT_SIZE = 80 };
const char *ss_interval_format(const ss_interval *interval, char buffer[SS_INTERVAL_TEXT_SIZE]);

/* Why a family cannot be fitted whose primary fit is in trouble. */
enum { SS_TROUBLE_TEXT_SIZE = 320 };
const char *ss_trouble_text(const ss_analysis *analysis, char buffer[SS_TROUBLE_TEXT_SIZE]);

/* Whether two intervals have a value in common; not if one has no ends. */
bool ss_intervals_meet(const ss_interval *first, const ss_interval *second);

/* Appends the verdict on a family whose primary fit is sound: a sentence a line. */
void ss_verdict(const ss_analysis *analysis, ss_text *out);

#endif
