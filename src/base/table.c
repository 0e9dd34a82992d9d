#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_CELL = 128 };

void ss_table_add(ss_table *table, const char *format, ...)
{
    char cell[LONGEST_CELL];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(cell, sizeof cell, format, arguments);
    va_end(arguments);
    ss_text_append(&table->cells, "%s%c", cell, '\0');
    table->count++;
}

static int longer(int width, const char *text)
{
    int length = (int)strlen(text);
    return length > width ? length : width;
}

static void print_cell(const char *text, int width, int left, int last)
{
    if (left && last) {
        printf("%s", text);
    } else {
        printf(left ? "%-*s" : "%*s", width, text);
    }
    printf(last ? "\n" : "  ");
}

ss_error ss_table_print(ss_table *table, const char *indent)
{
    int widths[SS_TABLE_COLUMNS] = {0};
    int left[SS_TABLE_COLUMNS] = {0};
    for (int c = 0; c < table->columns; c++) {
        left[c] = table->headings[c][0] == '<';
        table->headings[c] += left[c];
        widths[c] = longer(0, table->headings[c]);
    }
    const char *cell = table->cells.data;
    for (size_t i = 0; i < table->count && !table->cells.failed; i++) {
        int c = (int)(i % (size_t)table->columns);
        widths[c] = longer(widths[c], cell);
        cell += strlen(cell) + 1;
    }
    for (int c = 0; c < table->columns; c++) {
        printf("%s", c == 0 ? indent : "");
        print_cell(table->headings[c], widths[c], left[c], c + 1 == table->columns);
    }
    cell = table->cells.data;
    for (size_t i = 0; i < table->count && !table->cells.failed; i++) {
        int c = (int)(i % (size_t)table->columns);
        printf("%s", c == 0 ? indent : "");
        print_cell(cell, widths[c], left[c], c + 1 == table->columns);
        cell += strlen(cell) + 1;
    }
    ss_error error =
        table->cells.failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a table") : SS_OK;
    free(table->cells.data);
    memset(table, 0, sizeof *table);
    return error;
}
