#include "yaml.h"

#include "../base/memory.h"
#include "characters.h"

#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ss_yaml_library_version(void)
{
    return fy_library_version();
}

/* The text of one line, without its end; NULL when there is no such line. */
static const char *find_line(const char *text, int line, int *length)
{
    while (text && line > 1) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
        line--;
    }
    if (text) {
        *length = (int)strcspn(text, "\r\n");
    }
    return text;
}

ss_error ss_yaml_fail(ss_error code, const ss_yaml_place *place, const char *format, ...)
{
    char what[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);

    int length = 0;
    const char *line = find_line(place->source->text, place->line, &length);
    enum { WIDEST_EXCERPT = 160 };
    if (!line || length == 0 || length > WIDEST_EXCERPT || place->column > length + 1) {
        return ss_fail(code, "%s:%d:%d: %s", place->source->name, place->line, place->column, what);
    }
    return ss_fail(code, "%s:%d:%d: %s\n  %.*s\n  %*s", place->source->name, place->line,
                   place->column, what, length, line, place->column, "^");
}

void ss_yaml_destroy(ss_yaml_node **root)
{
    ss_yaml_node *node = *root;
    *root = NULL;
    if (!node) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (node->keys) {
            ss_yaml_destroy(&node->keys[i]);
        }
        ss_yaml_destroy(&node->items[i]);
    }
    free(node->keys);
    free(node->items);
    free(node->text);
    free(node);
}

static ss_error create_node(ss_yaml_kind kind, ss_yaml_place place, ss_yaml_node **out)
{
    SS_TRY(ss_allocate(1, sizeof **out, out));
    (*out)->kind = kind;
    (*out)->place = place;
    return SS_OK;
}

static ss_error create_scalar(ss_yaml_place place, const char *text, size_t length,
                              ss_yaml_node **out)
{
    SS_TRY(create_node(SS_YAML_SCALAR, place, out));
    ss_error error = ss_allocate(length + 1, 1, &(*out)->text);
    if (error != SS_OK) {
        ss_yaml_destroy(out);
        return error;
    }
    if (length > 0) {
        memcpy((*out)->text, text, length);
    }
    return SS_OK;
}

/* Appends a child that `parent` owns on success; `key` is NULL for a sequence. */
static ss_error append_child(ss_yaml_node *parent, ss_yaml_node *key, ss_yaml_node *value)
{
    size_t capacity = parent->capacity;
    if (parent->kind == SS_YAML_MAPPING) {
        SS_TRY(ss_grow(&parent->keys, &capacity, parent->count + 1, sizeof *parent->keys));
        parent->keys[parent->count] = key;
    }
    SS_TRY(ss_grow(&parent->items, &parent->capacity, parent->count + 1, sizeof *parent->items));
    parent->items[parent->count] = value;
    parent->count++;
    return SS_OK;
}

/* libfyaml keeps marks for scalars only; other nodes take the place of what they stand under. */
static ss_yaml_place place_of(struct fy_node *source_node, ss_yaml_place above)
{
    int offset = (int)above.source->offset;
    struct fy_token *token =
        fy_node_is_scalar(source_node) ? fy_node_get_scalar_token(source_node) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    if (mark) {
        enum fy_node_style style = fy_node_get_style(source_node);
        bool in_quotes = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
        above.line = mark->line + 1;
        above.column = mark->column + (in_quotes ? 0 : 1) + /* the mark is behind the quote */
                       (mark->line == 0 ? offset : 0);
    }
    return above;
}

static ss_error convert(struct fy_node *from, ss_yaml_place above, ss_yaml_node **out);

static ss_error convert_sequence(struct fy_node *from, ss_yaml_node *sequence)
{
    void *iterator = NULL;
    struct fy_node *item;
    while ((item = fy_node_sequence_iterate(from, &iterator))) {
        ss_yaml_node *value = NULL;
        SS_TRY(convert(item, sequence->place, &value));
        ss_error error = append_child(sequence, NULL, value);
        if (error != SS_OK) {
            ss_yaml_destroy(&value);
            return error;
        }
    }
    return SS_OK;
}

static ss_error convert_pair(struct fy_node_pair *pair, ss_yaml_node *mapping)
{
    struct fy_node *from_key = fy_node_pair_key(pair);
    ss_yaml_node *key = NULL;
    ss_yaml_node *value = NULL;
    if (!from_key || !fy_node_is_scalar(from_key)) {
        return ss_yaml_fail(SS_ERR_SPEC, &mapping->place, "a key is a plain word");
    }
    ss_error error = convert(from_key, mapping->place, &key);
    if (error == SS_OK && ss_yaml_find(mapping, key->text)) {
        error = ss_yaml_fail(SS_ERR_SPEC, &key->place,
                             "duplicate key \"%s\"; remove one of the two", key->text);
    }
    if (error == SS_OK) {
        error = convert(fy_node_pair_value(pair), key->place, &value);
    }
    if (error == SS_OK) {
        error = append_child(mapping, key, value);
    }
    if (error != SS_OK) {
        ss_yaml_destroy(&key);
        ss_yaml_destroy(&value);
    }
    return error;
}

static ss_error convert_mapping(struct fy_node *from, ss_yaml_node *mapping)
{
    void *iterator = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(from, &iterator))) {
        SS_TRY(convert_pair(pair, mapping));
    }
    return SS_OK;
}

static ss_error convert(struct fy_node *from, ss_yaml_place above, ss_yaml_node **out)
{
    if (!from) {
        return create_scalar(above, "", 0, out);
    }
    ss_yaml_place place = place_of(from, above);
    size_t length = 0;
    if (fy_node_is_alias(from) || fy_node_get_anchor(from) || fy_node_get_tag(from, &length)) {
        return ss_yaml_fail(SS_ERR_SPEC, &place,
                            "anchors, aliases and tags are not used in sweep files; write the "
                            "value itself");
    }
    if (fy_node_is_scalar(from)) {
        const char *text = fy_node_get_scalar(from, &length);
        SS_TRY(create_scalar(place, text, text ? length : 0, out));
        (*out)->quoted = fy_node_get_style(from) != FYNS_PLAIN;
        return SS_OK;
    }
    bool sequence = fy_node_is_sequence(from);
    SS_TRY(create_node(sequence ? SS_YAML_SEQUENCE : SS_YAML_MAPPING, place, out));
    ss_error error = sequence ? convert_sequence(from, *out) : convert_mapping(from, *out);
    if (error != SS_OK) {
        ss_yaml_destroy(out);
    }
    return error;
}

static ss_error syntax_error(const ss_yaml_source *source, struct fy_diag *diag)
{
    void *iterator = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(diag, &iterator);
    ss_yaml_place place = {.source = source, .line = 1, .column = 1};
    if (first) {
        place.line = first->line > 0 ? first->line : 1;
        place.column = first->column > 0 ? first->column : 1;
        place.column += place.line == 1 ? (int)source->offset : 0;
    }
    return ss_yaml_fail(SS_ERR_SPEC, &place, "not valid YAML: %s",
                        first && first->msg ? first->msg : "the parser gave no reason");
}

static ss_error parse_documents(const ss_yaml_source *source, struct fy_parser *parser,
                                struct fy_diag *diag, ss_yaml_node **root)
{
    ss_yaml_place start = {.source = source, .line = 1, .column = 1};
    const char *yaml = source->text + source->offset;
    start.column += (int)source->offset;
    if (fy_parser_set_string(parser, yaml, strlen(yaml)) != 0) {
        return ss_fail(SS_ERR_MEMORY, "libfyaml could not take the text of %s", source->name);
    }
    struct fy_document *document = fy_parse_load_document(parser);
    if (!document) {
        return fy_diag_got_error(diag)
                   ? syntax_error(source, diag)
                   : ss_yaml_fail(SS_ERR_SPEC, &start, "empty; expected a mapping of keys");
    }
    ss_error error = convert(fy_document_root(document), start, root);
    fy_parse_document_destroy(parser, document);
    if (error != SS_OK) {
        return error;
    }
    struct fy_document *second = fy_parse_load_document(parser);
    if (second) {
        fy_parse_document_destroy(parser, second);
        error = ss_yaml_fail(SS_ERR_SPEC, &start, "holds more than one YAML document; keep one");
    } else if (fy_diag_got_error(diag)) {
        error = syntax_error(source, diag);
    }
    if (error != SS_OK) {
        ss_yaml_destroy(root);
    }
    return error;
}

ss_error ss_yaml_parse(const ss_yaml_source *source, ss_yaml_node **root)
{
    struct fy_diag_cfg diag_settings;
    fy_diag_cfg_default(&diag_settings);
    diag_settings.fp = NULL;
    *root = NULL;
    SS_TRY(ss_characters_check(source));
    struct fy_diag *diag = fy_diag_create(&diag_settings);
    if (!diag) {
        return ss_fail(SS_ERR_MEMORY, "out of memory while reading %s", source->name);
    }
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg settings = {
        /* duplicates are allowed here because convert_pair() reports them with their place */
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS,
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&settings);
    ss_error error = SS_ERR_MEMORY;
    if (parser) {
        error = parse_documents(source, parser, diag, root);
        fy_parser_destroy(parser);
    } else {
        ss_fail(SS_ERR_MEMORY, "out of memory while reading %s", source->name);
    }
    fy_diag_destroy(diag);
    return error;
}

static size_t find_index(const ss_yaml_node *mapping, const char *key, size_t length)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const char *name = mapping->keys[i]->text;
        if (strlen(name) == length && memcmp(name, key, length) == 0) {
            return i;
        }
    }
    return mapping->count;
}

ss_yaml_node *ss_yaml_find(const ss_yaml_node *mapping, const char *key)
{
    size_t i = find_index(mapping, key, strlen(key));
    return i < mapping->count ? mapping->items[i] : NULL;
}

/* Appends `key: value`; `mapping` owns both on success, the caller still owns `value` otherwise. */
static ss_error append_pair(ss_yaml_node *mapping, ss_yaml_place place, const char *key,
                            size_t length, ss_yaml_node *value)
{
    ss_yaml_node *name = NULL;
    SS_TRY(create_scalar(place, key, length, &name));
    ss_error error = append_child(mapping, name, value);
    if (error != SS_OK) {
        ss_yaml_destroy(&name);
    }
    return error;
}

ss_error ss_yaml_set(ss_yaml_node *root, const char *path, ss_yaml_place place, ss_yaml_node *value)
{
    ss_yaml_node *mapping = root;
    const char *step = path;
    for (;;) {
        size_t length = strcspn(step, ".");
        place.column = 1 + (int)(step - path);
        if (mapping->kind != SS_YAML_MAPPING || length == 0) {
            return ss_yaml_fail(SS_ERR_USAGE, &place, "\"%.*s\" is not a mapping of keys%s",
                                (int)(step > path ? step - path - 1 : 0), path,
                                length > 0 ? "; make it one in the sweep file, {key: value}" : "");
        }
        size_t i = find_index(mapping, step, length);
        bool last = step[length] == '\0';
        if (last && i < mapping->count) {
            ss_yaml_destroy(&mapping->items[i]);
            mapping->items[i] = value;
            return SS_OK;
        }
        if (last) {
            return append_pair(mapping, place, step, length, value);
        }
        if (i == mapping->count) {
            ss_yaml_node *section = NULL;
            SS_TRY(create_node(SS_YAML_MAPPING, place, &section));
            ss_error error = append_pair(mapping, place, step, length, section);
            if (error != SS_OK) {
                ss_yaml_destroy(&section);
                return error;
            }
        }
        mapping = mapping->items[i];
        step += length + 1;
    }
}
