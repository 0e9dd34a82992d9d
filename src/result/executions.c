#include "executions.h"

#include "../base/memory.h"
#include "../base/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    int64_t first = ((const ss_execution_record *)a)->number;
    int64_t second = ((const ss_execution_record *)b)->number;
    return (first > second) - (first < second);
}

static ss_error read_rows(const ss_store *store, ss_executions *e)
{
    e->recorded = ss_store_has_executions(store);
    SS_TRY(ss_store_read_executions(store, e->records));
    for (int row = 0; row < SS_EXECUTION_ROWS; row++) {
        const ss_execution_record *record = &e->records[row];
        if (ss_execution_record_whole(record)) {
            e->records[e->count++] = *record;
        } else if (!ss_execution_record_blank(record)) {
            e->damaged_row[row] = true;
            e->damaged++;
        }
    }
    qsort(e->records, (size_t)e->count, sizeof e->records[0], compare);
    return SS_OK;
}

ss_error ss_executions_read(const ss_store *store, ss_executions **executions)
{
    SS_TRY(ss_allocate(1, sizeof **executions, executions));
    ss_error error = read_rows(store, *executions);
    if (error != SS_OK) {
        free(*executions);
        *executions = NULL;
    }
    return error;
}

void ss_executions_print_count(const ss_executions *e)
{
    if (!e->recorded) {
        printf("not recorded (format_version %d)", SS_STORE_OLDEST_VERSION);
        return;
    }
    printf("%" PRId64, e->count > 0 ? e->records[e->count - 1].number : 0);
    if (e->damaged > 0) {
        printf(", %d damaged", e->damaged);
    }
}

void ss_executions_print_one(const ss_execution_record *record)
{
    if (record->job_id[0]) {
        printf("job %s ", record->job_id);
    }
    printf("on %s, %d rank%s, %s", record->nodes, record->ranks, record->ranks == 1 ? "" : "s",
           record->kernel);
    if (record->restarts > 0) {
        printf(", restart %d", record->restarts);
    }
    if (record->exit_status < 0) {
        printf(", running or killed");
    } else {
        printf(", exit status %d", record->exit_status);
    }
}

static const char *or_dash(const char *text)
{
    return text[0] ? text : "-";
}

/* A number that is not known, or does not apply, is negative. */
static void add_number(ss_table *table, int64_t number)
{
    if (number < 0) {
        ss_table_add(table, "-");
    } else {
        ss_table_add(table, "%" PRId64, number);
    }
}

static void add_record(ss_table *table, const ss_execution_record *record)
{
    char nodes[64]; /* the file has more of them */
    ss_text_fit(or_dash(record->nodes), nodes, sizeof nodes);
    bool ended = record->exit_status >= 0;
    add_number(table, record->number);
    ss_table_add(table, "%s", record->started);
    if (ended) {
        ss_table_add(table, "%.2f", record->seconds);
    } else {
        ss_table_add(table, "-");
    }
    ss_table_add(table, "%s", or_dash(record->job_id));
    ss_table_add(table, "%s", nodes);
    add_number(table, record->ranks);
    ss_table_add(table, "%s", or_dash(record->kernel));
    add_number(table, record->restarts);
    add_number(table, record->runs);
    if (ended) {
        add_number(table, record->exit_status);
    } else {
        ss_table_add(table, "running or killed");
    }
}

ss_error ss_executions_print(const ss_executions *e)
{
    ss_table table = {
        .columns = 10,
        .headings = {"number", "<started", "seconds", "<job", "<nodes", "ranks", "<kernel",
                     "restarts", "runs", "<exit status"},
    };
    for (int i = 0; i < e->count; i++) {
        add_record(&table, &e->records[i]);
    }
    return ss_table_print(&table, "  ");
}
