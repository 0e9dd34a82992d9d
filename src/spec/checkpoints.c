#include "checkpoints.h"

#include "../base/memory.h"
#include "../base/sort.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * The next of `left` further points, the last of which is T. In log spacing the ratio is chosen
 * anew at every point: where early points are pushed apart by being integers, the later ones
 * still share the rest of the way evenly.
 */
static int64_t next_point(int64_t t, int64_t last, int64_t left, ss_spacing spacing)
{
    double start = (double)t;
    double way = (double)last;
    double next = start + (way - start) / (double)left;
    if (spacing == SS_SPACING_LOG && left > 1) {
        next = t == 0 ? 1 : start * pow(way / start, 1 / (double)left);
    }
    int64_t rounded = llround(next);
    int64_t latest = last - (left - 1); /* leaves an integer for each point to come */
    if (rounded <= t) {
        rounded = t + 1;
    }
    return rounded < latest ? rounded : latest;
}

ss_error ss_checkpoints_spaced(ss_spec *spec, int64_t points, ss_spacing spacing)
{
    int64_t last = spec->iterations;
    int64_t count = points < last + 1 ? points : last + 1;
    SS_TRY(ss_allocate((size_t)count, sizeof *spec->checkpoints, &spec->checkpoints));
    spec->checkpoint_count = count;
    for (int64_t i = 1; i < count; i++) {
        spec->checkpoints[i] = next_point(spec->checkpoints[i - 1], last, count - i, spacing);
    }
    return SS_OK;
}

ss_error ss_checkpoints_listed(ss_spec *spec, const int64_t *list, size_t count)
{
    int64_t *sorted = NULL;
    SS_TRY(ss_allocate(count + 2, sizeof *sorted, &sorted));
    memcpy(sorted, list, count * sizeof *sorted);
    sorted[count] = 0;
    sorted[count + 1] = spec->iterations;
    ss_sort_integers(sorted, count + 2);
    int64_t kept = 1;
    for (size_t i = 1; i < count + 2; i++) {
        if (sorted[i] != sorted[kept - 1]) {
            sorted[kept++] = sorted[i];
        }
    }
    spec->checkpoints = sorted;
    spec->checkpoint_count = kept;
    return SS_OK;
}
