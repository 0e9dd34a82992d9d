/* Families: the cells of a sweep that one scaling law is fitted to. */
#ifndef SADDLESWEEP_FIT_FAMILY_H
#define SADDLESWEEP_FIT_FAMILY_H

#include "saddlesweep/plan.h"

enum { SS_FAMILY_RULE_SIZE = 48, SS_FAMILY_LABEL_SIZE = 256 };

/* Cells of one activation, one rule for k and k0, one for the sample size that the law is not
 * about, and one way to know the norms: a rule is "k = d" if the sweep ties the axis to d, or a
 * number. */
typedef struct ss_family {
    ss_axis_id against; /* SS_AXIS_N or SS_AXIS_M: what the law calls n */
    bool theorem;       /* k = d, which Theorem 4 is about */
    char activation[SS_ACTIVATION_TEXT_SIZE];
    char k[SS_FAMILY_RULE_SIZE];     /* "k = d" or "k = 2" */
    char k0[SS_FAMILY_RULE_SIZE];    /* likewise */
    char other[SS_FAMILY_RULE_SIZE]; /* "m = n" or "m = 1000" */
    ss_train_row_norm row_norm;
    char label[SS_FAMILY_LABEL_SIZE]; /* all of them, row_norm if cells differ in it */
    int64_t first_cell;               /* in the plan */
    int64_t cells;
    int64_t *cell; /* [cells] their numbers in the plan, by ascending d, then n; owned */
} ss_family;

typedef struct ss_families {
    ss_axis_id against;
    int64_t count;
    ss_family *families; /* by their first cell in the plan */
} ss_families;

/* Which axis a law would be about: n, or m if the sweep has one n and several m. Local. */
ss_axis_id ss_families_axis(const ss_plan *plan);

/* Splits all cells of a plan into families. Cells of infinitely many samples are in none. Release
 * it even after an error: SS_ERR_MEMORY. Local. */
ss_error ss_families_of(const ss_plan *plan, ss_axis_id against, ss_families *out);
void ss_families_release(ss_families *families);

/* What the law calls that axis: "n" or "m". */
static inline const char *ss_family_letter(ss_axis_id against)
{
    return against == SS_AXIS_N ? "n" : "m";
}

/* The value of a run on the axis that a law is about. */
static inline int64_t ss_family_samples(ss_axis_id against, const ss_run *run)
{
    return against == SS_AXIS_N ? run->n : run->m;
}

#endif
