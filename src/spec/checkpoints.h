/* Which iterations of a run are recorded. */
#ifndef SADDLESWEEP_SPEC_CHECKPOINTS_H
#define SADDLESWEEP_SPEC_CHECKPOINTS_H

#include "saddlesweep/spec.h"

typedef enum ss_spacing { SS_SPACING_LOG, SS_SPACING_LINEAR } ss_spacing;

/* min(points, T + 1) distinct iterations from 0 to T = spec->iterations, both included, spaced
 * evenly in t or in log t (as far as integers allow), into the spec. points ≥ 2. */
ss_error ss_checkpoints_spaced(ss_spec *spec, int64_t points, ss_spacing spacing);

/* The `count` given iterations in [0, T], in any order, with 0 and T added, into the spec. */
ss_error ss_checkpoints_listed(ss_spec *spec, const int64_t *list, size_t count);

#endif
