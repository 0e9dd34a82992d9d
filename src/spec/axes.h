/* The grid section of a sweep file: axes, ties, ranges, activations, seeds. */
#ifndef SADDLESWEEP_SPEC_AXES_H
#define SADDLESWEEP_SPEC_AXES_H

#include "saddlesweep/spec.h"
#include "yaml.h"

/* Reads `grid` into the spec's axes, order, activations and seeds. */
ss_error ss_axes_read(const ss_yaml_node *grid, ss_spec *spec);

/* Whether the axes that have been read so far multiply to a grid that is not too large; an error is
 * about `node`, the last of them. */
ss_error ss_axes_check_size(const ss_yaml_node *node, const ss_spec *spec);

/* Reads truth.latent (NULL: the default, k) and checks k ≥ k0 in every cell. After ss_axes_read. */
ss_error ss_latent_read(const ss_yaml_node *latent, const ss_yaml_node *grid, ss_spec *spec);

#endif
