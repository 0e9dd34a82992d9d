#include "digest.h"

#include "../base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static ss_error hash_stream(FILE *in, const char *path, XXH3_state_t *state, int64_t *bytes)
{
    enum { PIECE = 1 << 20 };
    char *piece;
    size_t count;
    SS_TRY(ss_allocate(PIECE, 1, &piece));
    while ((count = fread(piece, 1, PIECE, in)) > 0) {
        XXH3_128bits_update(state, piece, count);
        *bytes += (int64_t)count;
    }
    free(piece);
    return ferror(in) ? ss_fail(SS_ERR_IO, "%s: cannot be read: %s", path, strerror(errno)) : SS_OK;
}

ss_error ss_file_digest_of(const char *path, ss_file_digest *out)
{
    *out = (ss_file_digest){0};
    FILE *in = fopen(path, "rb");
    if (!in) {
        return ss_fail(SS_ERR_USAGE, "%s: cannot be opened: %s", path, strerror(errno));
    }
    XXH3_state_t *state = XXH3_createState();
    ss_error error = ss_fail(SS_ERR_MEMORY, "no memory for a digest");
    if (state) {
        XXH3_128bits_reset(state);
        error = hash_stream(in, path, state, &out->bytes);
        XXH128_hash_t hash = XXH3_128bits_digest(state);
        snprintf(out->xxh128, sizeof out->xxh128, "%016" PRIx64 "%016" PRIx64, hash.high64,
                 hash.low64);
    }
    XXH3_freeState(state);
    fclose(in);
    return error;
}
