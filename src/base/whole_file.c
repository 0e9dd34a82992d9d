#include "whole_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

ss_error ss_whole_file_begin(const char *path, ss_whole_file *file)
{
    ss_error error = SS_OK;
    *file = (ss_whole_file){.path = path};
    ss_text_append(&file->temporary, "%s.creating", path);
    if (file->temporary.failed) {
        error = ss_fail(SS_ERR_MEMORY, "out of memory for a path");
    } else if (!(file->out = fopen(file->temporary.data, "w"))) {
        error = ss_fail(SS_ERR_USAGE, "%s cannot be written: %s", path, strerror(errno));
    }
    if (error != SS_OK) {
        free(file->temporary.data);
    }
    return error;
}

ss_error ss_whole_file_end(ss_whole_file *file, ss_error written)
{
    ss_error error = written;
    bool whole = !ferror(file->out);
    whole = fclose(file->out) == 0 && whole;
    if (error == SS_OK && !(whole && rename(file->temporary.data, file->path) == 0)) {
        error = ss_fail(SS_ERR_IO, "%s cannot be written: %s", file->path, strerror(errno));
    }
    if (error != SS_OK) {
        remove(file->temporary.data);
    }
    free(file->temporary.data);
    return error;
}

ss_error ss_whole_file_write(const char *path, const ss_text *text)
{
    ss_whole_file file;
    SS_TRY(ss_whole_file_begin(path, &file));
    fwrite(text->data, 1, text->length, file.out);
    return ss_whole_file_end(&file, SS_OK);
}
