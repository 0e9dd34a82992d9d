#include "reuse.h"

#include "../base/memory.h"
#include "../base/path.h"

#include <stdlib.h>

static ss_error open_one(const char *path, const char *output, ss_reuse *reuse)
{
    if (ss_path_same_file(path, output)) {
        return ss_fail(SS_ERR_USAGE, "--reuse %s: is the output itself; name an older file", path);
    }
    ss_reuse_file *file = &reuse->files[reuse->count];
    SS_TRY(ss_store_open_for_reading(path, &file->store));
    reuse->count++;
    return ss_sweep_of_store(file->store, path, &file->sweep);
}

ss_error ss_reuse_open(const ss_texts *paths, const char *output, bool only_done, ss_reuse *reuse)
{
    *reuse = (ss_reuse){.kind = only_done ? SS_TAKEOVER_DONE : SS_TAKEOVER_REPEATABLE};
    SS_TRY(ss_allocate(paths->count, sizeof *reuse->files, &reuse->files));
    for (size_t i = 0; i < paths->count; i++) {
        reuse->files[i].path = paths->texts[i];
        SS_TRY(open_one(paths->texts[i], output, reuse));
    }
    return SS_OK;
}

void ss_reuse_close(ss_reuse *reuse)
{
    for (size_t i = 0; i < reuse->count; i++) {
        ss_sweep_release(&reuse->files[i].sweep);
        ss_store_close(&reuse->files[i].store);
    }
    free(reuse->files);
    *reuse = (ss_reuse){0};
}

ss_error ss_reuse_take(ss_reuse *reuse, ss_store *store, const ss_task_order *tasks,
                       uint64_t *pending)
{
    ss_takeover takeover = {0};
    ss_error error = SS_OK;
    if (reuse->count > 0) {
        error = ss_takeover_begin(store, tasks, pending, reuse->kind, &takeover);
    }
    for (size_t i = 0; i < reuse->count && error == SS_OK; i++) {
        const ss_reuse_file *old = &reuse->files[i];
        error = ss_takeover_from(&takeover, old->path, old->store, &old->sweep.plan);
    }
    reuse->taken = takeover.taken;
    ss_takeover_end(&takeover);
    return error;
}
