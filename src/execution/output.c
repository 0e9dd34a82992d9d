#include "output.h"

#include "provenance.h"
#include "saddlesweep/sched.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static ss_error create_file(const ss_output *o, const ss_sweep *sweep,
                            const ss_output_options *options)
{
    ss_text libraries = {0};
    ss_error error = ss_provenance_libraries(&libraries);
    ss_provenance provenance = {
        .spec_text = sweep->text.data,
        .overrides = sweep->overrides.data,
        .hosts = options->hosts,
        .ranks = o->session->ranks,
        .kernel = options->kernel,
        .libraries = libraries.data,
    };
    if (error == SS_OK) {
        error = ss_store_create(o->path, &sweep->plan, &provenance, !o->lock.without_locks);
    }
    free(libraries.data);
    return error;
}

/* Is the file this plan's, and what does it lack? */
static ss_error inspect_file(ss_output *o, const ss_task_order *tasks, bool retry_failed)
{
    ss_store *store;
    ss_lost_runs lost = {.path = o->path};
    SS_TRY(ss_store_open_for_reading(o->path, &store));
    ss_error error = ss_store_match(store, tasks->plan);
    if (error == SS_OK) {
        error = ss_sweep_match_grids(store, o->path, tasks->plan);
    }
    if (error == SS_OK) {
        error = ss_pending_find(store, tasks, retry_failed, &o->pending, &lost);
    }
    if (error == SS_OK && lost.count > 0) {
        fprintf(stderr,
                "note: %s: %" PRId64
                " runs were saved part-way, but not in %s.partial/: they begin "
                "anew (a file that is moved or copied needs that folder, too)\n",
                o->path, lost.count, o->path);
    }
    ss_store_close(&store);
    return error;
}

/* What rank 0 does alone, before any other rank looks at the file. */
static ss_error prepare_file(ss_output *o, const ss_sweep *sweep, const ss_task_order *tasks,
                             const ss_output_options *options)
{
    SS_TRY(ss_store_lock_alone(o->path, SS_STORE_LOCK_PATIENCE, &o->lock));
    if (access(o->path, F_OK) != 0) {
        SS_TRY(create_file(o, sweep, options));
    }
    SS_TRY(inspect_file(o, tasks, options->retry_failed));
    return ss_store_lock_shared(o->path, &o->lock);
}

ss_error ss_output_open(const ss_session *session, const char *path, const ss_sweep *sweep,
                        const ss_task_order *tasks, const ss_output_options *options,
                        ss_output *output)
{
    MPI_Comm comm = session->comm;
    bool first = session->rank == 0;
    *output = (ss_output){.session = session, .path = path, .lock = SS_STORE_NO_LOCK};
    ss_error error = first ? prepare_file(output, sweep, tasks, options) : SS_OK;
    SS_TRY(ss_sched_agree(comm, error));
    SS_TRY(ss_sched_agree(comm, first ? SS_OK : ss_store_lock_shared(path, &output->lock)));
    return ss_sched_agree(comm, ss_store_open_for_writing(path, comm, options->io, &output->store));
}

ss_error ss_output_close(ss_output *o, ss_error error)
{
    MPI_Comm comm = o->session->comm;
    if (o->store) {
        ss_store_close(&o->store);
    }
    error = ss_sched_agree(comm, error);
    if (o->session->rank != 0) {
        ss_store_unlock(&o->lock, false);
    }
    MPI_Barrier(comm);
    if (o->session->rank == 0) {
        ss_store_unlock(&o->lock, true);
    }
    free(o->pending);
    o->pending = NULL;
    return error;
}
