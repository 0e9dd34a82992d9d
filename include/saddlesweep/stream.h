/*
 * Random streams: counter-based standard normals (Philox4x32-10, Random123), so that any number of
 * any stream can be computed alone, in any order, on any rank.
 *
 * A stream is keyed by the root seed, its purpose, and only what it may depend on: the arguments
 * of its constructor below, no more. Entry (row, column) at iteration t of a stream is the word
 * row % 4 of the block with the counter {row / 4, column, t, salt}: four consecutive rows
 * share one Philox block, and fewer rows are a prefix of more. "Rows" are the rows of A or the
 * samples of a batch; "columns" are the latent components.
 */
#ifndef SADDLESWEEP_STREAM_H
#define SADDLESWEEP_STREAM_H

#include <stdint.h>

typedef struct ss_stream {
    uint32_t key[2];
    uint32_t salt; /* the last counter word: 96 bits tell streams apart */
} ss_stream;

ss_stream ss_stream_truth(uint64_t root_seed, int64_t seed, int64_t d, int64_t k0);
ss_stream ss_stream_start(uint64_t root_seed, int64_t seed, int64_t d, int64_t k);
ss_stream ss_stream_data(uint64_t root_seed, int64_t seed, int64_t k0);
ss_stream ss_stream_latents(uint64_t root_seed, int64_t seed, int64_t k);
ss_stream ss_stream_stage(uint64_t root_seed, int64_t seed, int64_t k); /* latents that norms are
                                                                            learned from first */
ss_stream ss_stream_sphere(uint64_t root_seed, int64_t seed, int64_t d, int64_t k);
ss_stream ss_stream_bootstrap(uint64_t root_seed); /* of no run: resamples of seeds */

/* The raw Philox4x32-10 block of a counter. Local. */
void ss_stream_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/*
 * Entries (4·group … 4·group + 3, column) at iteration t in float64, by Box–Muller from 32-bit
 * uniforms u = (x + 1/2) / 2³²: words 0 and 1 give rows 0 and 1 of the group, words 2 and 3 the
 * other two. The smallest u bounds |z| by 6.76. Single-precision kernels draw the same
 * numbers up to float32 rounding. Local.
 */
void ss_stream_group(const ss_stream *stream, uint32_t t, uint32_t group, uint32_t column,
                     double z[4]);

/* Fills `matrix` (rows × columns, row-major, out) with the entries at iteration t. Local. */
void ss_stream_matrix(const ss_stream *stream, uint32_t t, int64_t rows, int64_t columns,
                      double *matrix);

#endif
