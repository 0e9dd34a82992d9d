/* The record section of a sweep file: which iterations, and what else of a run. */
#ifndef SADDLESWEEP_SPEC_RECORDING_H
#define SADDLESWEEP_SPEC_RECORDING_H

#include "saddlesweep/spec.h"
#include "yaml.h"

/* Reads `record`, after grid, algorithm and train; all of it has defaults. */
ss_error ss_recording_read(const ss_yaml_node *root, ss_spec *spec);

/* Once all is read: whether what is to be recorded can be. */
ss_error ss_recording_check(const ss_yaml_node *root, const ss_spec *spec);

#endif
