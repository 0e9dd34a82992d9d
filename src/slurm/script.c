#include "script.h"

#include "templates.h"
#include "units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the rest of a template begins. */
static const char mark[] = "# ---- from here on";

/* `word`, and a suffix that is plain, quoted for a shell. */
static void append_path(ss_text *script, const char *word, const char *suffix)
{
    ss_text_append(script, "'");
    for (const char *at = word; *at; at++) {
        ss_text_append(script, *at == '\'' ? "'\\''" : "%c", *at);
    }
    ss_text_append(script, "%s'", suffix);
}

void ss_slurm_quote(ss_text *script, const char *word)
{
    append_path(script, word, "");
}

static void append_setting(ss_text *script, const char *name, const char *word)
{
    ss_text_append(script, "%s=", name);
    ss_slurm_quote(script, word);
    ss_text_append(script, "\n");
}

static void append_option(ss_text *script, const char *name, const char *value)
{
    if (value && value[0]) {
        ss_text_append(script, "#SBATCH --%s=%s\n", name, value);
    }
}

/* In double quotes; "%" begins a pattern of sbatch. */
static void append_log(ss_text *script, const char *stem, const char *step, bool array)
{
    ss_text_append(script, "#SBATCH --output=\"");
    for (const char *at = stem; *at; at++) {
        ss_text_append(script, *at == '%' ? "%%%%" : "%c", *at);
    }
    ss_text_append(script, ".%s.%s.log\"\n#SBATCH --open-mode=append\n", step,
                   array ? "%A_%a" : "%j");
}

/* Options of sbatch that are about the size or the start of the sweep alone. */
static bool about_the_sweep(const char *word)
{
    static const char *const names[] = {"--mem", "--exclusive", "--dependency", "--begin",
                                        "--cpus-per-task"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(word, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* An option a line, with the words that do not begin with a dash after it. */
static void append_extra(ss_text *script, const ss_slurm_request *request, bool sweep)
{
    bool taken = false;
    for (size_t i = 0; i < request->extra_count; i++) {
        const char *word = request->extra[i];
        bool option = word[0] == '-';
        taken = option ? sweep || !about_the_sweep(word) : taken;
        if (taken) {
            bool last = i + 1 == request->extra_count || request->extra[i + 1][0] == '-';
            const char *quote = word[strcspn(word, " \t#\"")] ? "'" : "";
            ss_text_append(script, "%s%s%s%s%s", option ? "#SBATCH " : " ", quote, word, quote,
                           last ? "\n" : "");
        }
    }
}

static void append_head(const ss_slurm_job *job, const char *step, const char *what,
                        ss_text *script)
{
    ss_text_append(script,
                   "#!/bin/bash\n# %s of the sweep \"%s\" (%" PRId64 " runs).\n"
                   "# Written by `saddlesweep submit`; by hand, edited or not:\n#\n#   sbatch ",
                   what, job->name, job->runs);
    bool sweep = strcmp(step, "sweep") == 0;
    append_path(script, job->stem, sweep ? ".sweep.sbatch" : ".figures.sbatch");
    ss_text_append(script, "\n#\n#SBATCH --job-name=%s%s\n", job->name, sweep ? "" : ".figures");
}

static void append_place(const ss_slurm_request *request, ss_text *script)
{
    append_option(script, "partition", request->partition);
    append_option(script, "account", request->account);
    append_option(script, "qos", request->qos);
}

static void append_modules(const char *modules, ss_text *script)
{
    ss_text_append(script, "# The modules that the program was built with:\n%smodule load %s\n",
                   modules && modules[0] ? "" : "# ",
                   modules && modules[0] ? modules : "openmpi hdf5");
}

static void append_rest(const char *template, ss_text *script)
{
    ss_text_append(script, "\n%s", strstr(template, mark));
}

/* sbatch has no way to write such a name. */
static ss_error check_path(const char *path)
{
    return path[strcspn(path, "\"\\\n")]
               ? ss_fail(SS_ERR_USAGE,
                         "-o %s: has a quotation mark, a backslash or a line end in it, which the "
                         "options of sbatch cannot hold; choose another name",
                         path)
               : SS_OK;
}

static ss_error finished(const ss_text *script)
{
    return script->failed ? ss_fail(SS_ERR_MEMORY, "out of memory for a job script") : SS_OK;
}

ss_error ss_slurm_sweep_script(const ss_slurm_job *job, ss_text *script)
{
    char limit[32];
    const ss_slurm_request *request = job->request;
    SS_TRY(check_path(job->stem));
    append_head(job, "sweep", "The runs", script);
    ss_text_append(script, "#SBATCH --nodes=%" PRId64 "\n#SBATCH --ntasks-per-node=%" PRId64 "\n",
                   request->nodes, request->ntasks_per_node);
    append_option(script, "time", ss_slurm_time(request->seconds, limit, sizeof limit));
    if (request->mebibytes > 0) {
        ss_text_append(script, "#SBATCH --mem=%" PRId64 "M\n", request->mebibytes);
    }
    append_place(request, script);
    append_log(script, job->stem, "sweep", job->shards > 1);
    if (job->shards > 1) {
        ss_text_append(script, "#SBATCH --array=1-%" PRId64 "\n", job->shards);
    }
    ss_text_append(script, "#SBATCH --requeue\n#SBATCH --signal=B:USR1@30\n");
    append_extra(script, request, true);
    ss_text_append(script, "\n");
    append_modules(job->modules, script);
    ss_text_append(script, "# Slurm's own launcher, or (mpirun):\nlauncher=(%s)\n\n",
                   job->launcher);
    append_setting(script, "program", job->program);
    append_setting(script, "spec", job->spec);
    append_setting(script, "result", job->result);
    ss_text_append(script, "options=(");
    for (size_t i = 0; i < job->option_count; i++) {
        ss_slurm_quote(script, job->options[i]);
        ss_text_append(script, " ");
    }
    ss_text_append(script, "\"$@\")\nmax_restarts=%" PRId64 "\nshards=%" PRId64 "\n",
                   request->max_restarts, job->shards);
    append_rest(ss_slurm_template_sweep, script);
    return finished(script);
}

ss_error ss_slurm_figures_script(const ss_slurm_job *job, ss_text *script)
{
    SS_TRY(check_path(job->stem));
    append_head(job, "figures", "Bands, scaling law, figures, table and report", script);
    ss_text_append(script, "#SBATCH --ntasks=1\n#SBATCH --time=00:15:00\n");
    append_place(job->request, script);
    append_log(script, job->stem, "figures", false);
    ss_text_append(script, "#SBATCH --requeue\n");
    append_extra(script, job->request, false);
    ss_text_append(script, "\n");
    append_modules(job->modules, script);
    ss_text_append(script, "# One that has h5py and matplotlib:\n");
    append_setting(script, "python", job->python);
    ss_text_append(script, "\n");
    append_setting(script, "program", job->program);
    append_setting(script, "figures", job->figures);
    append_setting(script, "result", job->result);
    ss_text_append(script, "shards=%" PRId64 "\n", job->shards);
    append_rest(ss_slurm_template_figures, script);
    return finished(script);
}
