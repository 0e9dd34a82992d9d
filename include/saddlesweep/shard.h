/*
 * A shard: one of `count` parts of a sweep, each a job of its own with a result file of its own.
 *
 * Every run of a sweep is in exactly one of them. Up to as many shards as there are seeds, each has
 * all cells with every count-th seed. Of more, each has one seed, and the shards of a seed share
 * its cells: by descending predicted cost they are dealt out back and forth, so that shards cost
 * alike.
 */
#ifndef SADDLESWEEP_SHARD_H
#define SADDLESWEEP_SHARD_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ss_shard {
    int64_t index; /* 1 … count */
    int64_t count; /* 1: the whole sweep */
} ss_shard;

#define SS_SHARD_WHOLE ((ss_shard){.index = 1, .count = 1})

enum { SS_SHARD_TEXT_SIZE = 48 };

/* Reads "I/N", 1 ≤ I ≤ N. SS_ERR_USAGE says what was found and what is expected, as of the option
 * --shard; *shard is then the whole. Local. */
ss_error ss_shard_parse(const char *text, ss_shard *shard);

/* "2/5", into `buffer`, which is returned. */
const char *ss_shard_format(ss_shard shard, char buffer[SS_SHARD_TEXT_SIZE]);

/* Whether both are the same part. */
bool ss_shard_same(ss_shard a, ss_shard b);

/* The index of the one of `count` shards that a run is in: `place` is its cell's among all cells by
 * descending cost (ss_plan_longest_first), `seed_index` its seed's among the `seeds` of the sweep.
 */
int64_t ss_shard_holding(int64_t count, int64_t seeds, int64_t place, int64_t seed_index);

#endif
