#include "cell_row.h"

#include <inttypes.h>

void ss_cell_row_add(ss_table *table, int64_t number, const ss_run *run)
{
    char text[SS_ACTIVATION_TEXT_SIZE];
    int64_t numbers[] = {number, run->d, run->k, run->k0};
    for (int i = 0; i < 4; i++) {
        ss_table_add(table, "%" PRId64, numbers[i]);
    }
    ss_table_add(table, "%s", ss_samples_text(run->n, text));
    ss_table_add(table, "%s", ss_samples_text(run->m, text));
    ss_table_add(table, "%s", ss_activation_format(run->activation, text));
}
