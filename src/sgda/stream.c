#include "saddlesweep/stream.h"

#include <Random123/philox.h>
#include <math.h>

enum purpose {
    PURPOSE_TRUTH = 1,
    PURPOSE_START,
    PURPOSE_DATA,
    PURPOSE_LATENTS,
    PURPOSE_SPHERE,
    PURPOSE_BOOTSTRAP,
    PURPOSE_STAGE
};

void ss_stream_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    philox4x32_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
    philox4x32_key_t k = {{key[0], key[1]}};
    philox4x32_ctr_t r = philox4x32(c, k);
    for (int word = 0; word < 4; word++) {
        out[word] = r.v[word];
    }
}

/* Keys come out of Philox itself: the root seed is its key, the identity of the stream its counter.
 * Dimensions are below 2²⁴ (the sweep file allows 2²⁰), so purpose and rows share a word. */
static ss_stream create(enum purpose purpose, uint64_t root_seed, int64_t seed, int64_t rows,
                        int64_t columns)
{
    uint32_t counter[4] = {
        (uint32_t)((uint64_t)seed & UINT32_MAX),
        (uint32_t)((uint64_t)seed >> 32),
        (uint32_t)purpose << 24 | (uint32_t)rows,
        (uint32_t)columns,
    };
    uint32_t key[2] = {(uint32_t)(root_seed & UINT32_MAX), (uint32_t)(root_seed >> 32)};
    uint32_t out[4];
    ss_stream_philox(counter, key, out);
    return (ss_stream){.key = {out[0], out[1]}, .salt = out[2]};
}

ss_stream ss_stream_truth(uint64_t root_seed, int64_t seed, int64_t d, int64_t k0)
{
    return create(PURPOSE_TRUTH, root_seed, seed, d, k0);
}

ss_stream ss_stream_start(uint64_t root_seed, int64_t seed, int64_t d, int64_t k)
{
    return create(PURPOSE_START, root_seed, seed, d, k);
}

ss_stream ss_stream_data(uint64_t root_seed, int64_t seed, int64_t k0)
{
    return create(PURPOSE_DATA, root_seed, seed, 0, k0);
}

ss_stream ss_stream_latents(uint64_t root_seed, int64_t seed, int64_t k)
{
    return create(PURPOSE_LATENTS, root_seed, seed, 0, k);
}

ss_stream ss_stream_stage(uint64_t root_seed, int64_t seed, int64_t k)
{
    return create(PURPOSE_STAGE, root_seed, seed, 0, k);
}

ss_stream ss_stream_sphere(uint64_t root_seed, int64_t seed, int64_t d, int64_t k)
{
    return create(PURPOSE_SPHERE, root_seed, seed, d, k);
}

ss_stream ss_stream_bootstrap(uint64_t root_seed)
{
    return create(PURPOSE_BOOTSTRAP, root_seed, 0, 0, 0);
}

static double unit_uniform(uint32_t x)
{
    return ((double)x + 0.5) * 0x1p-32;
}

static void box_muller(uint32_t x0, uint32_t x1, double z[2])
{
    double radius = sqrt(-2 * log(unit_uniform(x0)));
    double angle = 2 * M_PI * unit_uniform(x1);
    z[0] = radius * cos(angle);
    z[1] = radius * sin(angle);
}

void ss_stream_group(const ss_stream *stream, uint32_t t, uint32_t group, uint32_t column,
                     double z[4])
{
    uint32_t counter[4] = {group, column, t, stream->salt};
    uint32_t x[4];
    ss_stream_philox(counter, stream->key, x);
    box_muller(x[0], x[1], z);
    box_muller(x[2], x[3], z + 2);
}

void ss_stream_matrix(const ss_stream *stream, uint32_t t, int64_t rows, int64_t columns,
                      double *matrix)
{
    for (int64_t row = 0; row < rows; row += 4) {
        int64_t present = rows - row < 4 ? rows - row : 4;
        for (int64_t column = 0; column < columns; column++) {
            double z[4];
            ss_stream_group(stream, t, (uint32_t)(row / 4), (uint32_t)column, z);
            for (int64_t i = 0; i < present; i++) {
                matrix[(row + i) * columns + column] = z[i];
            }
        }
    }
}
