/* Linked into the program of the asan preset. */
#include "keep_modules.h"

typedef int keep_modules_is_no_empty_file;
