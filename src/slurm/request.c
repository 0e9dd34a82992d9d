#include "request.h"

#include "units.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Predictions are within a third of what is measured (docs/cost-model.md), on this processor. */
static const double margin = 1.5;

/* Seconds that a start may take until the first iteration, MPI and a shared disk included. */
static const double starting = 30;

/* More starts than this are a mistake in the request. */
enum { MOST_STARTS = 100 };

/* The value of a word of `extra` that is option `name` ("--mem"), as "--mem=VALUE" or in the word
 * after it; NULL if there is none. */
static const char *extra_value(const ss_slurm_request *request, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < request->extra_count; i++) {
        const char *word = request->extra[i];
        if (strncmp(word, name, length) != 0) {
            continue;
        }
        if (word[length] == '=') {
            return word + length + 1;
        }
        if (word[length] == '\0') {
            return i + 1 < request->extra_count ? request->extra[i + 1] : "";
        }
    }
    return NULL;
}

/* One rank a core. */
static void propose_ranks(ss_slurm_request *request, const ss_slurm_partition *partition,
                          ss_text *notes)
{
    if (partition->known && partition->cores > 0) {
        request->ntasks_per_node = partition->cores;
        ss_text_append(notes, "%" PRId64 " ranks a node: the cores that partition %s has a node\n",
                       request->ntasks_per_node, partition->name);
        return;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    request->ntasks_per_node = cores > 0 ? cores : 1;
    ss_text_append(notes,
                   "%" PRId64 " ranks a node: the cores of this machine, as no Slurm answers here; "
                   "--ntasks-per-node says it better\n",
                   request->ntasks_per_node);
}

ss_error ss_slurm_request_shape(ss_slurm_request *request, const ss_slurm_partition *partition,
                                ss_text *notes)
{
    if (request->nodes == 0) {
        request->nodes = 1;
    }
    if (request->ntasks_per_node == 0) {
        propose_ranks(request, partition, notes);
    }
    if (partition->known && request->nodes > partition->nodes) {
        return ss_fail(SS_ERR_USAGE,
                       "--nodes: found %" PRId64 ", but partition %s has %" PRId64
                       "; choose fewer, or another --partition",
                       request->nodes, partition->name, partition->nodes);
    }
    if (partition->known && request->ntasks_per_node > partition->most_cpus) {
        return ss_fail(SS_ERR_USAGE,
                       "--ntasks-per-node: found %" PRId64
                       ", but the largest nodes of partition %s have %" PRId64
                       " CPUs; choose fewer, or another --partition",
                       request->ntasks_per_node, partition->name, partition->most_cpus);
    }
    return SS_OK;
}

/* Seconds of a start in which runs are computed: the program stops a tenth of the time, at most a
 * minute, before the limit. */
static double useful_seconds(int64_t limit)
{
    double seconds = (double)limit;
    return fmax(1, seconds - fmin(seconds / 10, 60) - starting);
}

/* Room for all of it in one start, where the partition allows that; to 5 minutes, or half an hour.
 */
static int64_t propose_seconds(const ss_slurm_partition *partition, double needed)
{
    double minutes = ceil((needed / 0.9 + starting + 60) / 60);
    double step = minutes > 60 ? 30 : 5;
    double seconds = fmin(ceil(minutes / step) * step, 365.0 * 24 * 60) * 60;
    return (int64_t)(partition->seconds > 0 ? fmin(seconds, (double)partition->seconds) : seconds);
}

static ss_error fit_time(ss_slurm_request *request, const ss_slurm_partition *partition,
                         const ss_slurm_demand *demand, ss_text *notes)
{
    char limit[32];
    char wall[32];
    double needed = margin * demand->wall_seconds;
    if (request->seconds == 0) {
        request->seconds = propose_seconds(partition, needed);
    }
    if (partition->seconds > 0 && request->seconds > partition->seconds) {
        return ss_fail(SS_ERR_USAGE,
                       "--time: found %s, but the limit of partition %s is %s; a shorter one is no "
                       "loss: the job goes on in restarts",
                       ss_slurm_time(request->seconds, wall, sizeof wall), partition->name,
                       ss_slurm_time(partition->seconds, limit, sizeof limit));
    }
    double starts = fmax(1, ceil(needed / useful_seconds(request->seconds)));
    ss_slurm_time(request->seconds, limit, sizeof limit);
    ss_text_duration(demand->wall_seconds, wall, sizeof wall);
    if (starts > MOST_STARTS) {
        return ss_fail(SS_ERR_USAGE,
                       "--time: with %s a start, %s of work take %.0f starts, and every restart "
                       "waits about two minutes; ask for more time, nodes or ranks",
                       limit, wall, starts);
    }
    request->starts = (int64_t)starts;
    request->max_restarts = 2 * request->starts + 8;
    if (starts > 1) {
        ss_text_append(
            notes,
            "%s of work take about %.0f starts of %s: the job stops in time and restarts "
            "by itself, about two minutes (and the queue) later\n",
            wall, starts, limit);
    }
    return SS_OK;
}

/* A rank looks for signals between iterations only. */
static void check_drain(const ss_slurm_request *request, const ss_slurm_demand *demand,
                        ss_text *notes)
{
    char text[32];
    double room = fmin((double)request->seconds / 10, 60);
    if (margin * demand->iteration_seconds > room) {
        ss_text_append(notes,
                       "an iteration of the largest run takes about %s, but a rank has %.0f s to "
                       "stop before the limit: a start may lose what came after the last save "
                       "(--checkpoint)\n",
                       ss_text_duration(demand->iteration_seconds, text, sizeof text), room);
    }
}

/* What the user's own options of sbatch leave a node; 0: they say nothing of it, or "all". */
static ss_error memory_of_extra(const ss_slurm_request *request, double *mebibytes)
{
    static const struct {
        const char *name;
        bool a_rank;
    } options[] = {{"--mem", false}, {"--mem-per-cpu", true}};
    *mebibytes = 0;
    for (int i = 0; i < 2; i++) {
        const char *text = extra_value(request, options[i].name);
        if (text && !ss_slurm_mebibytes(text, mebibytes)) {
            return ss_fail(SS_ERR_USAGE, "%s: found \"%s\", expected a size such as 4000M or 4G",
                           options[i].name, text);
        }
        if (text && options[i].a_rank) {
            *mebibytes *= (double)request->ntasks_per_node;
        }
    }
    return SS_OK;
}

static ss_error fit_memory(ss_slurm_request *request, const ss_slurm_partition *partition,
                           const ss_slurm_demand *demand)
{
    double given;
    char text[32];
    double bytes = demand->bytes_per_rank * (double)request->ntasks_per_node;
    double needed = ceil(bytes / 1048576);
    ss_text_bytes(bytes, text, sizeof text);
    SS_TRY(memory_of_extra(request, &given));
    if (given > 0 && given < needed) {
        return ss_fail(SS_ERR_USAGE,
                       "--mem or --mem-per-cpu: gives a node %.0f MiB, but its %" PRId64
                       " ranks need %s; give more, or leave it out",
                       given, request->ntasks_per_node, text);
    }
    if (partition->known && needed > (double)partition->most_mebibytes) {
        return ss_fail(SS_ERR_USAGE,
                       "--ntasks-per-node: %" PRId64 " ranks need %s, but the largest nodes of "
                       "partition %s have %" PRId64 " MiB; choose fewer, or another --partition",
                       request->ntasks_per_node, text, partition->name, partition->most_mebibytes);
    }
    if (given == 0 && !extra_value(request, "--mem")) {
        request->mebibytes = (int64_t)(ceil((margin * needed + 64) / 64) * 64);
        if (partition->known && request->mebibytes > partition->most_mebibytes) {
            request->mebibytes = partition->most_mebibytes;
        }
    }
    return SS_OK;
}

ss_error ss_slurm_request_fit(ss_slurm_request *request, const ss_slurm_partition *partition,
                              const ss_slurm_demand *demand, ss_text *notes)
{
    int64_t ranks = request->nodes * request->ntasks_per_node;
    if (ranks > demand->runs) {
        ss_text_append(notes,
                       "%" PRId64 " ranks for %" PRId64 " runs: %" PRId64
                       " of them would stay idle; ask for fewer\n",
                       ranks, demand->runs, ranks - demand->runs);
    }
    SS_TRY(fit_time(request, partition, demand, notes));
    check_drain(request, demand, notes);
    return fit_memory(request, partition, demand);
}
