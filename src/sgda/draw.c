#include "draw.h"

#include "matrix.h"
#include "saddlesweep/stream.h"

#include <string.h>

ss_run_reason ss_draw_truth(const ss_run *run, double *A_star, double *norms)
{
    if (run->truth_matrix) {
        memcpy(A_star, run->truth_matrix, (size_t)(run->d * run->k0) * sizeof *A_star);
    } else {
        ss_stream stream = ss_stream_truth(run->root_seed, run->seed, run->d, run->k0);
        ss_stream_matrix(&stream, 0, run->d, run->k0, A_star);
    }
    if (ss_run_keeps_norms(run)) {
        ss_matrix_row_norms(A_star, run->d, run->k0, norms);
        return SS_REASON_NONE;
    }
    for (int64_t i = 0; i < run->d; i++) {
        norms[i] = 1;
    }
    return ss_matrix_project(A_star, run->d, run->k0, norms);
}

void ss_draw_start(const ss_run *run, double *A)
{
    ss_stream stream = ss_stream_start(run->root_seed, run->seed, run->d, run->k);
    ss_stream_matrix(&stream, 0, run->d, run->k, A);
}

void ss_draw_noise(const ss_run *run, int64_t t, double *direction, double *gradient)
{
    int64_t entries = run->d * run->k;
    if (!(run->noise > 0)) {
        return;
    }
    ss_stream sphere = ss_stream_sphere(run->root_seed, run->seed, run->d, run->k);
    ss_stream_matrix(&sphere, (uint32_t)t, run->d, run->k, direction);
    double scale = run->noise / ss_matrix_norm(direction, entries);
    for (int64_t entry = 0; entry < entries; entry++) {
        gradient[entry] += scale * direction[entry];
    }
}
