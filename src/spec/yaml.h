/*
 * A YAML document as a plain tree whose every node knows where it was written. The only place that
 * includes libfyaml. Stricter than YAML: one document, no anchors, aliases, tags or duplicate keys.
 */
#ifndef SADDLESWEEP_SPEC_YAML_H
#define SADDLESWEEP_SPEC_YAML_H

#include "saddlesweep/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Where text came from: a file, or one --set option. Outlives the nodes that point to it. */
typedef struct ss_yaml_source {
    const char *name; /* shown before line and column, e.g. "sweeps/figure1.yaml" */
    const char *text; /* places count in it */
    size_t offset;    /* where the YAML begins in it: behind "path=" of a --set option */
} ss_yaml_source;

typedef struct ss_yaml_place {
    const ss_yaml_source *source;
    int line;   /* from 1 */
    int column; /* from 1 */
} ss_yaml_place;

typedef enum ss_yaml_kind { SS_YAML_SCALAR, SS_YAML_SEQUENCE, SS_YAML_MAPPING } ss_yaml_kind;

typedef struct ss_yaml_node {
    ss_yaml_kind kind;
    ss_yaml_place place;
    char *text;   /* of a scalar; "" for an empty one */
    bool quoted;  /* a quoted scalar is never a number */
    size_t count; /* items of a sequence, pairs of a mapping */
    size_t capacity;
    struct ss_yaml_node **keys;  /* scalars; of a mapping only */
    struct ss_yaml_node **items; /* values of a sequence or mapping */
} ss_yaml_node;

/* Parses source->text, from its offset on, into a new tree (owned by the caller, released with
 * ss_yaml_destroy). SS_ERR_SPEC with line, column and excerpt; *root is then NULL. Local. */
ss_error ss_yaml_parse(const ss_yaml_source *source, ss_yaml_node **root);

void ss_yaml_destroy(ss_yaml_node **root);

/* The value under a key of a mapping, or NULL. */
ss_yaml_node *ss_yaml_find(const ss_yaml_node *mapping, const char *key);

/* Sets root.path (dotted, e.g. "grid.n") to `value`, which the tree then owns; creates mappings
 * on the way. SS_ERR_USAGE, with `value` untouched, if a step of the path is no mapping. */
ss_error ss_yaml_set(ss_yaml_node *root, const char *path, ss_yaml_place place,
                     ss_yaml_node *value);

/* The version of the library, e.g. "0.7.12". */
const char *ss_yaml_library_version(void);

/* ss_fail(code, ...) with "source:line:column: " before the text, and the line with a caret after
 * it. */
ss_error ss_yaml_fail(ss_error code, const ss_yaml_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
