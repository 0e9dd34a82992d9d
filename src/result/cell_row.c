#include "cell_row.h"

#include <inttypes.h>

ss_table ss_cell_table(const ss_plan *plan, const char *const *headings, int count)
{
    ss_table table = {.columns = 7, .headings = {"cell", "d", "k", "k0", "n", "m", "<activation"}};
    if (ss_spec_compares_row_norms(plan->spec)) {
        table.headings[table.columns++] = "<row norms";
    }
    for (int i = 0; i < count; i++) {
        table.headings[table.columns++] = headings[i];
    }
    return table;
}

void ss_cell_row_add(ss_table *table, const ss_plan *plan, int64_t cell)
{
    char text[SS_ACTIVATION_TEXT_SIZE];
    ss_run run = ss_plan_run(plan, cell, 0);
    int64_t numbers[] = {ss_plan_cell_number(plan, cell), run.d, run.k, run.k0};
    for (int i = 0; i < 4; i++) {
        ss_table_add(table, "%" PRId64, numbers[i]);
    }
    ss_table_add(table, "%s", ss_samples_text(run.n, text));
    ss_table_add(table, "%s", ss_samples_text(run.m, text));
    ss_table_add(table, "%s", ss_activation_format(run.activation, text));
    if (ss_spec_compares_row_norms(plan->spec)) {
        ss_table_add(table, "%s", ss_train_row_norm_name(run.train_row_norm));
    }
}
