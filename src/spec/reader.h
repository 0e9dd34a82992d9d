/* Strict reads of single values from a YAML tree; every error names the place and what is allowed.
 */
#ifndef SADDLESWEEP_SPEC_READER_H
#define SADDLESWEEP_SPEC_READER_H

#include "yaml.h"

#include <stdint.h>

/* Each read takes the node, and the dotted path that errors call it by. */

/* Checks that `node` is a mapping whose keys are all among the `count` names. */
ss_error ss_read_keys(const ss_yaml_node *node, const char *path, const char *const *names,
                      size_t count);

/* The value under a key that must be there. */
ss_error ss_read_required(const ss_yaml_node *mapping, const char *path, const char *key,
                          const ss_yaml_node **out);

ss_error ss_read_integer(const ss_yaml_node *node, const char *path, int64_t least, int64_t most,
                         int64_t *out);
ss_error ss_read_unsigned(const ss_yaml_node *node, const char *path, uint64_t *out);

/* A finite number; `above` (exclusive; -INFINITY: any) or, when `or_equal`, at least that. */
ss_error ss_read_number(const ss_yaml_node *node, const char *path, double above, bool or_equal,
                        double *out);

/* One of `count` words; its index. */
ss_error ss_read_choice(const ss_yaml_node *node, const char *path, const char *const *names,
                        size_t count, int *out);

/* ss_yaml_fail with SS_ERR_SPEC and "path: found …, expected `expected`". */
ss_error ss_read_mismatch(const ss_yaml_node *node, const char *path, const char *expected);

#endif
