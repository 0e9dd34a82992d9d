#include "logbook.h"

#include "../base/clock.h"
#include "../base/version.h"
#include "provenance.h"
#include "saddlesweep/sched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

ss_logbook ss_logbook_blank(void)
{
    return (ss_logbook){.row = -1};
}

/* The row and number of the next execution. A damaged record has had a number of its own, too. */
static void find_place(const ss_execution_record *records, int *row, int64_t *number)
{
    *row = SS_EXECUTION_ROWS - 1;
    *number = 1;
    for (int i = SS_EXECUTION_ROWS - 1; i >= 0; i--) {
        const ss_execution_record *found = &records[i];
        bool whole = ss_execution_record_whole(found);
        int64_t used = whole ? found->number : ss_execution_record_blank(found) ? 0 : i + 1;
        *number = used < *number ? *number : used + 1;
        *row = whole ? *row : i;
    }
}

static ss_error clear_damaged(ss_store *store, const ss_execution_record *records, int but)
{
    static const ss_execution_record blank;
    for (int i = 0; i < SS_EXECUTION_ROWS; i++) {
        if (i != but && !ss_execution_record_whole(&records[i]) &&
            !ss_execution_record_blank(&records[i])) {
            SS_TRY(ss_store_write_execution(store, i, &blank));
        }
    }
    return SS_OK;
}

static ss_error fill_in(ss_execution_record *record, const ss_session *session, const char *hosts,
                        const char *kernel)
{
    ss_text libraries = {0};
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(record->started, sizeof record->started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    record->seconds = NAN;
    record->runs = -1;
    record->exit_status = -1;
    record->ranks = session->ranks;
    ss_provenance_job(hosts, record);
    ss_text_fit(kernel, record->kernel, sizeof record->kernel);
    ss_text_fit(ss_version(), record->version, sizeof record->version);
    ss_text_fit(ss_version_commit(), record->git_commit, sizeof record->git_commit);
    ss_error error = ss_provenance_libraries(&libraries);
    if (error == SS_OK) {
        ss_text_fit(libraries.data, record->libraries, sizeof record->libraries);
    }
    free(libraries.data);
    return error;
}

static ss_error write_record(ss_logbook *logbook, ss_store *store)
{
    ss_execution_record_seal(&logbook->record);
    return ss_store_write_execution(store, logbook->row, &logbook->record);
}

/* Rank 0. */
static ss_error begin(const ss_session *session, ss_store *store, const char *hosts,
                      const char *kernel, ss_logbook *logbook)
{
    int row;
    ss_execution_record records[SS_EXECUTION_ROWS];
    SS_TRY(fill_in(&logbook->record, session, hosts, kernel));
    SS_TRY(ss_store_read_executions(store, records));
    find_place(records, &row, &logbook->record.number);
    SS_TRY(clear_damaged(store, records, row));
    logbook->row = row;
    return write_record(logbook, store);
}

ss_error ss_logbook_begin(const ss_session *session, ss_store *store, const char *hosts,
                          const char *kernel, ss_logbook *logbook)
{
    *logbook = ss_logbook_blank();
    logbook->begun = ss_clock_seconds();
    char model[SS_PROVENANCE_MODEL_SIZE];
    ss_provenance_model(model);
    ss_error error =
        ss_provenance_cpu(session->comm, model, logbook->record.cpu, sizeof logbook->record.cpu);
    if (error == SS_OK && session->rank == 0 && ss_store_has_executions(store)) {
        error = begin(session, store, hosts, kernel, logbook);
    }
    return ss_sched_agree(session->comm, error);
}

ss_error ss_logbook_end(ss_logbook *logbook, ss_store *store, int64_t runs, int exit_status)
{
    if (logbook->row < 0) {
        return SS_OK;
    }
    logbook->record.seconds = ss_clock_seconds() - logbook->begun;
    logbook->record.runs = runs;
    logbook->record.exit_status = exit_status;
    SS_TRY(write_record(logbook, store));
    return ss_store_sync(store);
}

/* Whether `earlier` is the same execution as `later`, as it was then. */
static bool same_execution(const ss_execution_record *earlier, const ss_execution_record *later)
{
    ss_execution_record a = *earlier;
    ss_execution_record b = *later;
    a.number = b.number;
    if (earlier->exit_status < 0) { /* had not ended */
        b.seconds = a.seconds;
        b.runs = a.runs;
        b.exit_status = a.exit_status;
    }
    ss_execution_record_seal(&a);
    ss_execution_record_seal(&b);
    return memcmp(&a, &b, sizeof a) == 0;
}

/* present: the records that `to` has, kept up to date. */
static ss_error copy_record(const ss_execution_record *record, ss_execution_record *present,
                            ss_store *to)
{
    int row;
    ss_execution_record copy = *record;
    find_place(present, &row, &copy.number);
    for (int i = 0; i < SS_EXECUTION_ROWS; i++) {
        if (ss_execution_record_whole(&present[i]) && same_execution(&present[i], record)) {
            row = i;
            copy.number = present[i].number;
            break;
        }
    }
    ss_execution_record_seal(&copy);
    present[row] = copy;
    return ss_store_write_execution(to, row, &copy);
}

ss_error ss_logbook_copy(const ss_store *from, ss_store *to)
{
    ss_execution_record records[SS_EXECUTION_ROWS];
    ss_execution_record present[SS_EXECUTION_ROWS];
    SS_TRY(ss_store_read_executions(from, records));
    SS_TRY(ss_store_read_executions(to, present));
    for (int i = 0; i < SS_EXECUTION_ROWS; i++) {
        if (ss_execution_record_whole(&records[i])) {
            SS_TRY(copy_record(&records[i], present, to));
        }
    }
    return SS_OK;
}
