#include "cli.h"
#include "options.h"
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

static void print_tally(const char *path, const char *name, ss_store_shape shape,
                        const ss_tally *tally)
{
    printf("file      %s\n", path);
    printf("sweep     %s\n", name);
    printf("cells     %" PRId64 "\n", shape.cells);
    printf("seeds     %" PRId64 "\n", shape.seeds);
    printf("runs      %" PRId64 "\n", shape.cells * shape.seeds);
    printf("done      %" PRId64 "\n", tally->runs[SS_RUN_DONE]);
    printf("pending   %" PRId64 "\n", tally->runs[SS_RUN_PENDING]);
    printf("diverged  %" PRId64 "\n", tally->runs[SS_RUN_DIVERGED]);
    printf("failed    %" PRId64 "\n", tally->runs[SS_RUN_FAILED]);
    ss_tally_print_reasons(tally);
}

static ss_error print_status(const char *path, void *context)
{
    const int *cells = context;
    ss_store *store;
    ss_tally tally;
    char name[256];
    SS_TRY(ss_store_open_for_reading(path, &store));
    ss_error error = ss_store_read_name(store, name, sizeof name);
    if (error == SS_OK) {
        error = ss_tally_all(store, &tally);
    }
    if (error == SS_OK) {
        print_tally(path, name, ss_store_shape_of(store), &tally);
    }
    if (error == SS_OK && *cells) {
        printf("\n");
        error = ss_tally_print_cells(store, false);
    }
    ss_error closed = ss_store_close(&store);
    return error == SS_OK ? closed : error;
}

int ss_cmd_status(int argc, char **argv)
{
    int cells = 0;
    const ss_option options[] = {
        {"--cells", NULL, NULL, "also a line for each cell", SS_OPTION_FLAG, &cells},
    };
    const ss_command_line line = {
        .usage = "saddlesweep status FILE.h5 [--cells]",
        .description = "Shows how many runs of a result file are done, pending, diverged and "
                       "failed.\nWorks while a run is writing the file.",
        .positional = "FILE.h5",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    return ss_options_command(&line, argc, argv, print_status, &cells);
}
