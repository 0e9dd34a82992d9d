#include "whole_file.h"

#include "path.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void release(ss_whole_file *file)
{
    free(file->temporary.data);
    free(file->real);
}

ss_error ss_whole_file_begin(const char *path, ss_whole_file *file)
{
    ss_error error = SS_OK;
    *file = (ss_whole_file){.path = path};
    SS_TRY(ss_path_follow(path, &file->real));
    ss_text_append(&file->temporary, "%s.creating", file->real);
    if (file->temporary.failed) {
        error = ss_fail(SS_ERR_MEMORY, "out of memory for a path");
    } else if (!(file->out = fopen(file->temporary.data, "w"))) {
        error = ss_fail(SS_ERR_USAGE, "%s cannot be written: %s", path, strerror(errno));
    }
    if (error != SS_OK) {
        release(file);
    }
    return error;
}

ss_error ss_whole_file_end(ss_whole_file *file, ss_error written)
{
    ss_error error = written;
    bool whole = !ferror(file->out);
    whole = fclose(file->out) == 0 && whole;
    if (error == SS_OK && !(whole && rename(file->temporary.data, file->real) == 0)) {
        error = ss_fail(SS_ERR_IO, "%s cannot be written: %s", file->path, strerror(errno));
    }
    if (error != SS_OK) {
        remove(file->temporary.data);
    }
    release(file);
    return error;
}

ss_error ss_whole_file_write(const char *path, const ss_text *text)
{
    ss_whole_file file;
    SS_TRY(ss_whole_file_begin(path, &file));
    fwrite(text->data, 1, text->length, file.out);
    return ss_whole_file_end(&file, SS_OK);
}
