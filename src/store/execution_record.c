#include "saddlesweep/execution_record.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

static uint64_t checksum_of(const ss_execution_record *record)
{
    return XXH3_64bits(record, offsetof(ss_execution_record, checksum));
}

void ss_execution_record_seal(ss_execution_record *record)
{
    record->checksum = checksum_of(record);
}

bool ss_execution_record_blank(const ss_execution_record *record)
{
    static const ss_execution_record blank;
    return memcmp(record, &blank, sizeof blank) == 0;
}

/* A record with a right checksum may still be forged: its texts are printed, and numbers go on. */
static bool texts_end(const ss_execution_record *r)
{
    return !r->started[sizeof r->started - 1] && !r->job_id[sizeof r->job_id - 1] &&
           !r->cluster[sizeof r->cluster - 1] && !r->nodes[sizeof r->nodes - 1] &&
           !r->cpu[sizeof r->cpu - 1] && !r->kernel[sizeof r->kernel - 1] &&
           !r->version[sizeof r->version - 1] && !r->git_commit[sizeof r->git_commit - 1] &&
           !r->libraries[sizeof r->libraries - 1];
}

bool ss_execution_record_whole(const ss_execution_record *record)
{
    return record->number > 0 && record->number < INT64_MAX &&
           record->checksum == checksum_of(record) && texts_end(record);
}
