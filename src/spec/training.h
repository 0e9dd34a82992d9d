/* The train section of a sweep file: Algorithm 1's steps, and which norms it projects onto. */
#ifndef SADDLESWEEP_SPEC_TRAINING_H
#define SADDLESWEEP_SPEC_TRAINING_H

#include "saddlesweep/spec.h"
#include "yaml.h"

/* Reads `train`, after algorithm, grid and truth. SS_ERR_SPEC, SS_ERR_MEMORY. */
ss_error ss_training_read(const ss_yaml_node *root, ss_spec *spec);

#endif
