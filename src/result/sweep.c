#include "sweep.h"

#include "../base/memory.h"
#include "saddlesweep/marginal.h"
#include "saddlesweep/sched.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
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

static ss_error parse(const char *path, const ss_texts *overrides, ss_sweep *sweep)
{
    SS_TRY(ss_spec_parse(path, sweep->text.data, overrides->texts, overrides->count, &sweep->spec));
    ss_text_append(&sweep->overrides, "%s", "");
    for (size_t i = 0; i < overrides->count; i++) {
        ss_text_append(&sweep->overrides, "%s\n", overrides->texts[i]);
    }
    return sweep->overrides.failed ? ss_fail(SS_ERR_MEMORY, "out of memory for the options")
                                   : SS_OK;
}

static ss_error parse_shard(const char *path, const ss_texts *overrides, ss_shard shard,
                            ss_sweep *sweep)
{
    SS_TRY(parse(path, overrides, sweep));
    SS_TRY(ss_plan_of_shard(sweep->spec, shard, &sweep->plan));
    return make_label(sweep);
}

ss_error ss_sweep_load(const char *path, const ss_texts *overrides, ss_shard shard, ss_sweep *sweep)
{
    memset(sweep, 0, sizeof *sweep);
    SS_TRY(ss_text_read_file(path, &sweep->text));
    return parse_shard(path, overrides, shard, sweep);
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

ss_error ss_sweep_load_all(MPI_Comm comm, const char *path, const ss_texts *overrides,
                           ss_shard shard, ss_sweep *sweep)
{
    int rank;
    MPI_Comm_rank(comm, &rank);
    memset(sweep, 0, sizeof *sweep);
    ss_error error = rank == 0 ? ss_text_read_file(path, &sweep->text) : SS_OK;
    SS_TRY(ss_sched_agree(comm, error));
    SS_TRY(share_text(comm, &sweep->text));
    return ss_sched_agree_once(comm, parse_shard(path, overrides, shard, sweep));
}

/* The lines of `text`, which are ended in place. */
static ss_error split_lines(char *text, ss_texts *lines)
{
    while (*text) {
        SS_TRY(ss_texts_add(lines, text));
        text += strcspn(text, "\n");
        if (*text) {
            *text++ = '\0';
        }
    }
    return SS_OK;
}

/* Its cells' numbers; what is no number of a cell becomes one that no sweep has. */
static ss_error read_numbers(const ss_store *store, int64_t cells, uint32_t **numbers)
{
    int64_t *found = NULL;
    *numbers = NULL;
    SS_TRY(ss_allocate((size_t)cells, sizeof *found, &found));
    ss_error error = ss_store_read_cell_numbers(store, found);
    if (error == SS_OK) {
        error = ss_allocate((size_t)cells, sizeof **numbers, numbers);
    }
    for (int64_t cell = 0; cell < cells && error == SS_OK; cell++) {
        bool possible = found[cell] >= 0 && found[cell] < UINT32_MAX;
        (*numbers)[cell] = possible ? (uint32_t)found[cell] : UINT32_MAX;
    }
    free(found);
    return error;
}

/* Which cells a shard of one seed has, depends on what they were predicted to cost when the file
 * was made: so the file says which. */
static ss_error plan_of_store(const ss_store *store, const char *path, ss_sweep *sweep)
{
    ss_shard shard;
    uint32_t *numbers = NULL;
    int64_t cells = ss_store_shape_of(store).cells;
    ss_error error = SS_OK;
    SS_TRY(ss_store_read_shard(store, &shard));
    if (shard.count <= sweep->spec->seeds.count) {
        error = ss_plan_of_shard(sweep->spec, shard, &sweep->plan);
    } else {
        SS_TRY(read_numbers(store, cells, &numbers));
        error = ss_plan_of_cells(sweep->spec, shard, numbers, cells, &sweep->plan);
    }
    return error != SS_ERR_USAGE
               ? error
               : ss_fail(SS_ERR_FORMAT,
                         "%s: is damaged: its sweep has no shard %" PRId64 "/%" PRId64
                         " of such cells; restore the file from a copy",
                         path, shard.index, shard.count);
}

ss_error ss_sweep_of_store(const ss_store *store, const char *path, ss_sweep *sweep)
{
    char *spec = NULL;
    char *lines = NULL;
    ss_texts overrides = {0};
    memset(sweep, 0, sizeof *sweep);
    ss_error error = ss_store_read_attribute(store, "spec", &spec);
    if (error == SS_OK) {
        sweep->text.data = spec;
        sweep->text.length = strlen(spec);
        error = ss_store_read_attribute(store, "overrides", &lines);
    }
    if (error == SS_OK) {
        error = split_lines(lines, &overrides);
    }
    if (error == SS_OK) {
        error = parse(path, &overrides, sweep);
    }
    if (error == SS_OK) {
        error = plan_of_store(store, path, sweep);
    }
    if (error == SS_OK) {
        error = make_label(sweep);
    }
    if (error == SS_OK) {
        error = ss_store_match_own(store, &sweep->plan);
    }
    free(overrides.texts);
    free(lines);
    return error;
}

ss_error ss_sweep_match_grids(const ss_store *store, const char *path, const ss_plan *plan)
{
    ss_sweep found;
    ss_difference d;
    ss_error error = ss_sweep_of_store(store, path, &found);
    if (error == SS_OK && ss_plan_grids_differ(&found.plan, plan, &d)) {
        error = ss_fail(SS_ERR_PLAN_DIFFERS,
                        "%s: its runs are computed with %s %s, not %s, and the bits of wide runs "
                        "depend on it; leave it as it is in the file, or name another output file",
                        path, d.what, d.first, d.second);
    }
    ss_sweep_release(&found);
    return error;
}

ss_error ss_sweep_take_whole(ss_sweep *sweep)
{
    ss_plan_release(&sweep->plan);
    sweep->plan = ss_plan_of(sweep->spec);
    free(sweep->label);
    return make_label(sweep);
}

static void warn_of_pairings(const ss_spec *spec, ss_discriminator discriminator)
{
    for (int64_t i = 0; i < spec->axes[SS_AXIS_ACTIVATION].values.count; i++) {
        char activation[SS_ACTIVATION_TEXT_SIZE];
        const char *doubt = ss_marginal_doubt(discriminator, spec->activations[i]);
        if (doubt) {
            fprintf(stderr, "warning: discriminator %s with %s: %s\n",
                    ss_discriminator_name(discriminator),
                    ss_activation_format(spec->activations[i], activation), doubt);
        }
    }
}

void ss_sweep_warn(const ss_sweep *sweep)
{
    const ss_spec *spec = sweep->spec;
    bool learns = ss_spec_trains(spec, SS_TRAIN_ROW_NORM_LEARNED) && !spec->discriminator_follows;
    if (spec->algorithm == SS_ALGORITHM_MARGINAL) {
        warn_of_pairings(spec, spec->discriminator);
    } else if (learns) {
        warn_of_pairings(spec, spec->stage.discriminator);
    }
    if (spec->noise_is_default && spec->algorithm == SS_ALGORITHM_SGDA) {
        fprintf(
            stderr,
            "note: train.noise is not given, so it is 1, as in the paper: the error has a floor "
            "of about sqrt(step size / 2 lambda), lambda being the curvature of the objective "
            "at A*, that more samples do not lower; `noise: 0` switches it off, "
            "train.step.decay lowers it\n");
    }
    if (spec->seeds.count == 1 && !spec->seeds.list && spec->seeds.first > 1) {
        fprintf(stderr,
                "note: grid.seed: %" PRId64 " is one seed, of that value; for so many seeds write "
                "{count: %" PRId64 "}\n",
                spec->seeds.first, spec->seeds.first);
    }
}

void ss_sweep_release(ss_sweep *sweep)
{
    ss_plan_release(&sweep->plan);
    ss_spec_destroy(&sweep->spec);
    free(sweep->label);
    free(sweep->text.data);
    free(sweep->overrides.data);
}
