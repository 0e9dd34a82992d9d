#include "tally.h"

#include "../base/memory.h"
#include "../base/phase.h"
#include "../base/table.h"
#include "cell_row.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void count_record(const ss_record *record, ss_tally *tally)
{
    if (!ss_record_committed(record)) {
        tally->runs[record->status == SS_RUN_PARTIAL ? SS_RUN_PARTIAL : SS_RUN_PENDING]++;
        return;
    }
    tally->runs[record->status]++;
    if (record->status != SS_RUN_DONE && record->reason >= 0 &&
        record->reason < SS_RUN_REASON_COUNT) {
        tally->reasons[record->reason]++;
    }
}

int64_t ss_tally_pending(const ss_tally *tally)
{
    return tally->runs[SS_RUN_PENDING] + tally->runs[SS_RUN_PARTIAL];
}

int64_t ss_tally_wanted(const ss_tally *tally)
{
    return ss_tally_pending(tally) - tally->seeds.unwanted;
}

int64_t ss_tally_failures(const ss_tally *tally)
{
    return tally->runs[SS_RUN_DIVERGED] + tally->runs[SS_RUN_FAILED];
}

/* Of `runs` runs from number `first` on, in the order of cells and seeds. */
static ss_error count_records(const ss_store *store, int64_t first, int64_t runs, ss_tally *tally)
{
    enum { PIECE = 8192 };
    ss_record *records = NULL;
    int64_t seeds = ss_store_shape_of(store).seeds;
    ss_error error = ss_allocate(PIECE, sizeof *records, &records);
    ss_phase phase = ss_phase_begin("counting the runs", runs);
    *tally = (ss_tally){0};
    for (int64_t done = 0; done < runs && error == SS_OK; done += PIECE) {
        int64_t count = runs - done < PIECE ? runs - done : PIECE;
        int64_t run = first + done;
        error = ss_phase_step(&phase, done);
        if (error == SS_OK) {
            error = ss_store_read_records(store, run / seeds, run % seeds, count, records);
        }
        for (int64_t i = 0; i < count && error == SS_OK; i++) {
            count_record(&records[i], tally);
        }
    }
    ss_phase_end(&phase);
    free(records);
    return error;
}

ss_error ss_tally_cell(const ss_store *store, int64_t cell, ss_tally *tally)
{
    int64_t seeds = ss_store_shape_of(store).seeds;
    return count_records(store, cell * seeds, seeds, tally);
}

void ss_tally_print_counts(const char *label, const ss_tally *tally, int64_t now, double seconds)
{
    char took[32];
    int64_t committed =
        tally->runs[SS_RUN_DONE] + tally->runs[SS_RUN_DIVERGED] + tally->runs[SS_RUN_FAILED];
    printf("%s: %" PRId64 " of %" PRId64 " runs committed (%" PRId64 " now, in %s): %" PRId64
           " done, %" PRId64 " diverged, %" PRId64 " failed\n",
           label, committed, committed + ss_tally_wanted(tally), now,
           ss_text_duration(seconds, took, sizeof took), tally->runs[SS_RUN_DONE],
           tally->runs[SS_RUN_DIVERGED], tally->runs[SS_RUN_FAILED]);
}

void ss_tally_print_reasons(const ss_tally *tally)
{
    for (int reason = SS_REASON_NONE + 1; reason < SS_RUN_REASON_COUNT; reason++) {
        if (tally->reasons[reason] > 0) {
            printf("  %" PRId64 "%s: %s\n", tally->reasons[reason],
                   tally->reasons[reason] == 1 ? " run" : " runs",
                   ss_run_reason_text((ss_run_reason)reason));
        }
    }
}

ss_error ss_tally_all(const ss_store *store, const ss_plan *plan, ss_tally *tally)
{
    SS_TRY(count_records(store, 0, ss_plan_runs(plan), tally));
    return ss_seeds_look(store, plan, &tally->seeds);
}

static void add_counts(ss_table *table, const ss_tally *tally)
{
    int64_t counts[] = {tally->runs[SS_RUN_DONE], ss_tally_pending(tally),
                        tally->runs[SS_RUN_DIVERGED], tally->runs[SS_RUN_FAILED]};
    for (int i = 0; i < 4; i++) {
        ss_table_add(table, "%" PRId64, counts[i]);
    }
}

/* What its seeds have come to. */
static void add_seeds(ss_table *table, const ss_stopping *wanted)
{
    ss_table_add(table, "%" PRId64, wanted->seeds);
    if (isnan(wanted->standard_error)) {
        ss_table_add(table, "-");
    } else {
        ss_table_add(table, "%.2f %%", 100 * wanted->standard_error);
    }
}

static ss_error add_cell(const ss_plan *plan, ss_seeds *seeds, int64_t cell, ss_table *table)
{
    ss_tally tally;
    ss_stopping wanted;
    SS_TRY(ss_tally_cell(seeds->walk.store, cell, &tally));
    SS_TRY(ss_seeds_wanted(seeds, cell, &wanted));
    ss_cell_row_add(table, plan, cell);
    add_counts(table, &tally);
    if (plan->spec->until_se > 0) {
        add_seeds(table, &wanted);
    }
    return SS_OK;
}

ss_error ss_tally_print_cells(const ss_store *store, const ss_plan *plan)
{
    static const char *const headings[] = {"done",   "pending",      "diverged",
                                           "failed", "seeds wanted", "std.err"};
    ss_table table = ss_cell_table(plan, headings, plan->spec->until_se > 0 ? 6 : 4);
    ss_seeds seeds;
    ss_error error = ss_seeds_open(store, plan, &seeds);
    for (int64_t cell = 0; cell < plan->cells && error == SS_OK; cell++) {
        error = add_cell(plan, &seeds, cell, &table);
    }
    ss_seeds_close(&seeds);
    ss_error printed = ss_table_print(&table, "  ");
    return error == SS_OK ? printed : error;
}
