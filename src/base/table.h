/* Tables for people, on stdout. */
#ifndef SADDLESWEEP_BASE_TABLE_H
#define SADDLESWEEP_BASE_TABLE_H

#include "text.h"

enum { SS_TABLE_COLUMNS = 16 };

/* Cells are added row by row; columns are as wide as their widest cell, and right-aligned unless
 * their heading begins with '<' (which is not printed). */
typedef struct ss_table {
    int columns;
    const char *headings[SS_TABLE_COLUMNS];
    ss_text cells; /* NUL-separated */
    size_t count;
} ss_table;

/* Adds one cell. */
void ss_table_add(ss_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the table, each line after `indent`, and releases it. SS_ERR_MEMORY. */
ss_error ss_table_print(ss_table *table, const char *indent);

#endif
