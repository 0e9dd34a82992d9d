#include "output.h"

#include "provenance.h"
#include "saddlesweep/sched.h"

#include <stdlib.h>
#include <unistd.h>

static ss_error create_file(const ss_output *o, const ss_sweep *sweep, ss_output_origin origin)
{
    ss_text libraries = {0};
    ss_error error = ss_provenance_libraries(&libraries);
    ss_provenance provenance = {
        .spec_text = sweep->text.data,
        .overrides = sweep->overrides.data,
        .hosts = origin.hosts,
        .ranks = o->session->ranks,
        .kernel = origin.kernel,
        .libraries = libraries.data,
    };
    if (error == SS_OK) {
        error = ss_store_create(o->path, &sweep->plan, &provenance);
    }
    free(libraries.data);
    return error;
}

/* Is the file this plan's, and what does it lack? */
static ss_error inspect_file(ss_output *o, const ss_task_order *tasks, bool retry_failed)
{
    ss_store *store;
    SS_TRY(ss_store_open_for_reading(o->path, &store));
    ss_error error = ss_store_match(store, tasks->plan);
    if (error == SS_OK) {
        error = ss_sweep_match_grids(store, o->path, tasks->plan);
    }
    if (error == SS_OK) {
        error = ss_pending_find(store, tasks, retry_failed, &o->pending);
    }
    ss_error closed = ss_store_close(&store);
    return error == SS_OK ? closed : error;
}

/* What rank 0 does alone, before any other rank looks at the file. */
static ss_error prepare_file(ss_output *o, const ss_sweep *sweep, const ss_task_order *tasks,
                             ss_output_origin origin, bool retry_failed)
{
    SS_TRY(ss_store_lock_alone(o->path, SS_STORE_LOCK_PATIENCE, &o->lock));
    if (access(o->path, F_OK) != 0) {
        SS_TRY(create_file(o, sweep, origin));
    }
    SS_TRY(inspect_file(o, tasks, retry_failed));
    return ss_store_lock_shared(o->path, &o->lock);
}

ss_error ss_output_open(const ss_session *session, const char *path, const ss_sweep *sweep,
                        const ss_task_order *tasks, ss_output_origin origin, bool retry_failed,
                        ss_output *output)
{
    MPI_Comm comm = session->comm;
    bool first = session->rank == 0;
    *output = (ss_output){.session = session, .path = path, .lock = SS_STORE_NO_LOCK};
    ss_error error = first ? prepare_file(output, sweep, tasks, origin, retry_failed) : SS_OK;
    SS_TRY(ss_sched_agree(comm, error));
    SS_TRY(ss_sched_agree(comm, first ? SS_OK : ss_store_lock_shared(path, &output->lock)));
    return ss_sched_agree(comm, ss_store_open_for_writing(path, comm, &output->store));
}

ss_error ss_output_close(ss_output *o, ss_error error)
{
    MPI_Comm comm = o->session->comm;
    ss_error closed = o->store ? ss_store_close(&o->store) : SS_OK;
    error = ss_sched_agree(comm, error == SS_OK ? closed : error);
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
