#include "saddlesweep/record.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

static uint64_t record_checksum(const ss_record *record)
{
    return XXH3_64bits(record, offsetof(ss_record, record_checksum));
}

static uint64_t trajectory_checksum(const double *trajectory, int64_t count)
{
    return XXH3_64bits(trajectory, (size_t)count * sizeof *trajectory);
}

ss_record ss_record_of(const ss_run *run, const ss_run_outcome *outcome, int rank,
                       const double *trajectory)
{
    ss_record record = {
        .status = (int32_t)outcome->status,
        .rank = rank,
        .iterations = outcome->iterations,
        .truth_norm = outcome->truth_norm,
        .seconds = outcome->seconds,
        .identity = ss_run_identity(run),
        .trajectory_checksum = trajectory_checksum(trajectory, ss_run_result_count(run)),
        .reason = (int32_t)outcome->reason,
        .kernel = (int16_t)outcome->kernel,
        .grid = (uint16_t)outcome->grid,
    };
    record.record_checksum = record_checksum(&record);
    return record;
}

bool ss_record_untouched(const ss_record *record)
{
    const ss_record blank = {0};
    return memcmp(record, &blank, sizeof blank) == 0;
}

bool ss_record_partial(const ss_record *record, const ss_run *run)
{
    return record->status == SS_RUN_PARTIAL && record->identity == ss_run_identity(run) &&
           record->record_checksum == record_checksum(record);
}

bool ss_record_committed(const ss_record *record)
{
    return (record->status == SS_RUN_DONE || record->status == SS_RUN_DIVERGED ||
            record->status == SS_RUN_FAILED) &&
           record->record_checksum == record_checksum(record);
}

bool ss_record_intact(const ss_record *record, const double *trajectory, int64_t count)
{
    return ss_record_committed(record) &&
           record->trajectory_checksum == trajectory_checksum(trajectory, count);
}

bool ss_record_trusted(const ss_record *record, const ss_run *run, const double *trajectory)
{
    return ss_record_intact(record, trajectory, ss_run_result_count(run)) &&
           record->identity == ss_run_identity(run);
}
