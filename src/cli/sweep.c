#include "sweep.h"

#include "../base/memory.h"
#include "saddlesweep/sched.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static ss_error make_label(ss_sweep *sweep)
{
    ss_text label = {0};
    char shard[SS_SHARD_TEXT_SIZE];
    bool part = sweep->plan.shard.count > 1;
    ss_text_append(&label, "%s%s%s", sweep->spec->name, part ? " " : "",
                   part ? ss_shard_format(sweep->plan.shard, shard) : "");
    sweep->label = label.data;
    return label.failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a name") : SS_OK;
}

static ss_error parse(const char *path, const ss_option_texts *overrides, ss_shard shard,
                      ss_sweep *sweep)
{
    SS_TRY(ss_spec_parse(path, sweep->text.data, overrides->texts, overrides->count, &sweep->spec));
    SS_TRY(ss_plan_of_shard(sweep->spec, shard, &sweep->plan));
    SS_TRY(make_label(sweep));
    ss_text_append(&sweep->overrides, "%s", "");
    for (size_t i = 0; i < overrides->count; i++) {
        ss_text_append(&sweep->overrides, "%s\n", overrides->texts[i]);
    }
    return sweep->overrides.failed ? ss_fail(SS_ERR_MEMORY, "out of memory for the options")
                                   : SS_OK;
}

ss_error ss_sweep_load(const char *path, const ss_option_texts *overrides, ss_shard shard,
                       ss_sweep *sweep)
{
    memset(sweep, 0, sizeof *sweep);
    SS_TRY(ss_text_read_file(path, &sweep->text));
    return parse(path, overrides, shard, sweep);
}

/* Rank 0's text to all. */
static ss_error share_text(MPI_Comm comm, ss_text *text)
{
    int64_t length = (int64_t)text->length;
    MPI_Bcast(&length, 1, MPI_INT64_T, 0, comm);
    if (length > INT_MAX - 1) {
        return ss_fail(SS_ERR_USAGE, "the sweep file is larger than 2 GiB");
    }
    SS_TRY(ss_sched_agree(comm, ss_grow(&text->data, &text->capacity, (size_t)length + 1, 1)));
    MPI_Bcast(text->data, (int)length, MPI_CHAR, 0, comm);
    text->data[length] = '\0';
    text->length = (size_t)length;
    return SS_OK;
}

ss_error ss_sweep_load_all(MPI_Comm comm, const char *path, const ss_option_texts *overrides,
                           ss_shard shard, ss_sweep *sweep)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    memset(sweep, 0, sizeof *sweep);
    ss_error error = rank == 0 ? ss_text_read_file(path, &sweep->text) : SS_OK;
    SS_TRY(ss_sched_agree(comm, error));
    SS_TRY(share_text(comm, &sweep->text));
    return ss_sched_agree_once(comm, parse(path, overrides, shard, sweep));
}

/* The lines of `text`, which are ended in place. */
static ss_error split_lines(char *text, ss_option_texts *lines)
{
    while (*text) {
        SS_TRY(ss_grow(&lines->texts, &lines->capacity, lines->count + 1, sizeof *lines->texts));
        lines->texts[lines->count++] = text;
        text += strcspn(text, "\n");
        if (*text) {
            *text++ = '\0';
        }
    }
    return SS_OK;
}

ss_error ss_sweep_of_store(const ss_store *store, const char *path, ss_sweep *sweep)
{
    char *spec = NULL;
    char *lines = NULL;
    ss_shard shard;
    ss_option_texts overrides = {0};
    memset(sweep, 0, sizeof *sweep);
    ss_error error = ss_store_read_shard(store, &shard);
    if (error == SS_OK) {
        error = ss_store_read_attribute(store, "spec", &spec);
    }
    if (error == SS_OK) {
        sweep->text.data = spec;
        sweep->text.length = strlen(spec);
        error = ss_store_read_attribute(store, "overrides", &lines);
    }
    if (error == SS_OK) {
        error = split_lines(lines, &overrides);
    }
    if (error == SS_OK) {
        error = parse(path, &overrides, shard, sweep);
    }
    if (error == SS_OK) {
        error = ss_store_match(store, &sweep->plan);
    }
    free(overrides.texts);
    free(lines);
    return error;
}

void ss_sweep_release(ss_sweep *sweep)
{
    ss_plan_release(&sweep->plan);
    ss_spec_destroy(&sweep->spec);
    free(sweep->label);
    free(sweep->text.data);
    free(sweep->overrides.data);
}
