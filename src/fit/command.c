#include "command.h"

#include "../base/path.h"
#include "../base/whole_file.h"
#include "../result/sweep.h"
#include "../result/tally.h"
#include "report.h"
#include "saddlesweep/sched.h"
#include "verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct fitting {
    const ss_session *session;
    const ss_fit_options *options;
    const char *path;
    ss_store *store;
    ss_sweep sweep;
    ss_families families;
    ss_fit_source source;
    int64_t fitted;  /* families */
    json_t *members; /* rank 0: of the families */
    ss_text reasons; /* rank 0: why others could not be, for the message */
} fitting;

static ss_error choose_axis(const fitting *f, ss_axis_id *against)
{
    const char *wanted = f->options->against;
    *against = ss_families_axis(&f->sweep.plan);
    if (!wanted) {
        return SS_OK;
    }
    if (strcmp(wanted, "n") != 0 && strcmp(wanted, "m") != 0) {
        return ss_fail(SS_ERR_USAGE, "--against: found \"%s\", expected n or m", wanted);
    }
    *against = wanted[0] == 'n' ? SS_AXIS_N : SS_AXIS_M;
    return SS_OK;
}

/* Runs that no cell wants (grid.seed.until_se) are not missing. */
static ss_error count_runs(fitting *f)
{
    ss_tally tally;
    SS_TRY(ss_tally_all(f->store, &f->sweep.plan, &tally));
    int64_t pending = ss_tally_wanted(&tally);
    f->source.total = (ss_counts){
        .requested = tally.runs[SS_RUN_DONE] + ss_tally_failures(&tally) + pending,
        .done = tally.runs[SS_RUN_DONE],
        .diverged = tally.runs[SS_RUN_DIVERGED],
        .failed = tally.runs[SS_RUN_FAILED],
        .pending = pending,
    };
    if (pending > 0 && !f->options->partial) {
        return ss_fail(SS_ERR_USAGE,
                       "%s: %" PRId64 " of %" PRId64
                       " runs are pending, so nothing is fitted; the command that began the file "
                       "goes on with it, --partial fits what there is",
                       f->path, pending, f->source.total.requested);
    }
    return SS_OK;
}

static ss_error check_algorithm(const fitting *f)
{
    return f->sweep.spec->algorithm == SS_ALGORITHM_SGDA
               ? SS_OK
               : ss_fail(SS_ERR_USAGE,
                         "%s: its sweep learns marginals, and the law that is fitted is that of "
                         "Theorem 4, about Algorithm 1; the figures show its errors against n",
                         f->path);
}

/* The file is read by rank 0 alone, as somebody may be writing it: the others know its sweep. */
static ss_error open_source(fitting *f)
{
    ss_axis_id against = SS_AXIS_N;
    SS_TRY(ss_store_open_for_reading(f->path, &f->store));
    SS_TRY(ss_sweep_of_store(f->store, f->path, &f->sweep));
    SS_TRY(check_algorithm(f));
    SS_TRY(choose_axis(f, &against));
    SS_TRY(ss_families_of(&f->sweep.plan, against, &f->families));
    f->source = (ss_fit_source){
        .path = f->path,
        .label = f->sweep.label,
        .plan = &f->sweep.plan,
        .resamples = f->options->resamples,
        .against = against,
    };
    if (f->session->rank != 0) {
        ss_store_close(&f->store);
        return SS_OK;
    }
    SS_TRY(count_runs(f));
    f->members = json_array();
    return ss_file_digest_of(f->path, &f->source.digest);
}

static ss_error check_damage(const fitting *f, const ss_observation *observation)
{
    return observation->damaged == 0 || f->options->partial
               ? SS_OK
               : ss_fail(SS_ERR_DAMAGED,
                         "%s: %" PRId64
                         " committed runs are damaged, so nothing is fitted; `saddlesweep verify` "
                         "names them, the command that began the file repeats them, --partial fits "
                         "the others",
                         f->path, observation->damaged);
}

/* On rank 0, which alone has the intervals. */
static ss_error report_family(fitting *f, ss_analysis *analysis)
{
    char why[SS_TROUBLE_TEXT_SIZE];
    const ss_family *family = analysis->observation->family;
    if (analysis->fits[0].trouble != SS_SCALING_SOUND) {
        ss_text_append(&f->reasons, "%s%s: %s", f->reasons.length > 0 ? "; " : "", family->label,
                       ss_trouble_text(analysis, why));
    }
    f->source.total.trapped += analysis->observation->total.trapped;
    if (f->options->json_path &&
        json_array_append_new(f->members, ss_fit_json_family(&f->source, analysis)) != 0) {
        return ss_fail(SS_ERR_MEMORY, "%s: no memory for a family", f->options->json_path);
    }
    return ss_fit_print_family(&f->source, analysis);
}

static ss_error fit_observed(fitting *f, const ss_observation *observation)
{
    ss_analysis analysis;
    SS_TRY(check_damage(f, observation));
    ss_error error = ss_analysis_of(f->session->comm, observation, f->sweep.spec->root_seed,
                                    f->options->resamples, &analysis);
    if (error == SS_OK) {
        f->fitted += analysis.fits[0].trouble == SS_SCALING_SOUND;
    }
    if (error == SS_OK && f->session->rank == 0) {
        error = report_family(f, &analysis);
    }
    ss_analysis_release(&analysis);
    return ss_sched_agree(f->session->comm, error);
}

static ss_error fit_family(fitting *f, const ss_family *family)
{
    ss_observation observation;
    ss_error error =
        ss_observation_read(f->session->comm, f->store, &f->sweep.plan, family, &observation);
    if (error == SS_OK) {
        error = fit_observed(f, &observation);
    }
    ss_observation_release(&observation);
    return error;
}

static ss_error fit_families(fitting *f)
{
    if (f->session->rank == 0) {
        ss_fit_print_head(&f->source);
    }
    for (int64_t i = 0; i < f->families.count; i++) {
        SS_TRY(fit_family(f, &f->families.families[i]));
    }
    if (f->fitted > 0 || f->session->rank != 0) {
        return SS_OK;
    }
    return ss_fail(SS_ERR_USAGE, "%s: no exponent can be identified: %s", f->path,
                   f->reasons.length > 0 ? f->reasons.data : "no cell has finitely many samples");
}

static ss_error write_json(fitting *f, FILE *out)
{
    json_t *root = ss_fit_json_head(&f->source);
    int failed = json_object_set(root, "families", f->members);
    failed |= json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    failed |= fputc('\n', out) == EOF;
    json_decref(root);
    return failed ? ss_fail(SS_ERR_IO, "%s: cannot be written: %s", f->options->json_path,
                            strerror(errno))
                  : SS_OK;
}

static ss_error fit_all(fitting *f)
{
    MPI_Comm comm = f->session->comm;
    SS_TRY(ss_sched_agree_once(comm, open_source(f)));
    return ss_sched_agree(comm, fit_families(f));
}

/* Rank 0 begins the JSON file before anything is fitted: a mistake in its name costs no time. */
static ss_error fit_into_json(fitting *f)
{
    ss_whole_file file;
    const char *json_path = f->options->json_path;
    bool writer = f->session->rank == 0;
    ss_error error = SS_OK;
    if (writer && ss_path_same_file(f->path, json_path)) {
        error = ss_fail(SS_ERR_USAGE, "--json: %s is the result file itself; name another file",
                        json_path);
    } else if (writer) {
        error = ss_whole_file_begin(json_path, &file);
    }
    SS_TRY(ss_sched_agree(f->session->comm, error));
    error = fit_all(f);
    if (!writer) {
        return error;
    }
    return ss_whole_file_end(&file, error == SS_OK ? write_json(f, file.out) : error);
}

ss_error ss_fit_file(const ss_session *session, const char *path, const ss_fit_options *options)
{
    fitting f = {.session = session, .options = options, .path = path};
    ss_error error = options->json_path ? fit_into_json(&f) : fit_all(&f);
    json_decref(f.members);
    free(f.reasons.data);
    ss_families_release(&f.families);
    ss_sweep_release(&f.sweep);
    if (f.store) {
        ss_store_close(&f.store);
    }
    return error;
}
