/* What `fit` writes: for people on stdout, for programs as JSON. */
#ifndef SADDLESWEEP_FIT_REPORT_H
#define SADDLESWEEP_FIT_REPORT_H

#include "analysis.h"
#include "digest.h"

#include <jansson.h>

/* What holds for all families. All borrowed. */
typedef struct ss_fit_source {
    const char *path;
    const char *label; /* of the sweep, or shard */
    ss_file_digest digest;
    const ss_plan *plan;
    ss_counts total;
    int64_t resamples;
    ss_axis_id against;
} ss_fit_source;

/* Prints the head, or a family with its verdict: SS_ERR_MEMORY. */
void ss_fit_print_head(const ss_fit_source *source);
ss_error ss_fit_print_family(const ss_fit_source *source, ss_analysis *analysis);

/* The same as JSON, docs/fit.md has its members: a new object, owned by the caller; NULL without
 * memory. The head's "families" is an empty list. */
json_t *ss_fit_json_head(const ss_fit_source *source);
json_t *ss_fit_json_family(const ss_fit_source *source, ss_analysis *analysis);

/* How a quantity and a choice are called. */
const char *ss_fit_quantity_name(ss_quantity quantity);
const char *ss_fit_choice_name(ss_choice choice);

#endif
