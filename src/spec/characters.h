/* The characters that a sweep file may hold. */
#ifndef SADDLESWEEP_SPEC_CHARACTERS_H
#define SADDLESWEEP_SPEC_CHARACTERS_H

#include "yaml.h"

/* SS_ERR_SPEC, with the place of the first offender, unless the whole source is UTF-8 without
 * control characters (but tab and line ends): what YAML allows. libfyaml takes the check of its
 * input lightly: it never comes back from a directive with a broken character. Local. */
ss_error ss_characters_check(const ss_yaml_source *source);

#endif
