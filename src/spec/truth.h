/* truth.matrix of a sweep file: A* itself. */
#ifndef SADDLESWEEP_SPEC_TRUTH_H
#define SADDLESWEEP_SPEC_TRUTH_H

#include "saddlesweep/spec.h"
#include "yaml.h"

/* Reads a list of d rows of k0 numbers into the spec's truth_matrix, truth_rows and latent, and
 * checks them against the axes, which have been read. SS_ERR_SPEC, SS_ERR_MEMORY. */
ss_error ss_truth_matrix_read(const ss_yaml_node *matrix, ss_spec *spec);

#endif
