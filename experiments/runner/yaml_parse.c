/* The libyaml side of yaml_tree.h. */
#include "experiments/runner/yaml_tree.h"

#include "model/base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct Anchor Anchor;
struct Anchor {
    const char *name;
    const Node *node;
    bool open; /* its node is still being read: an alias to it would be its own part */
    Anchor *next;
};

typedef struct Reader {
    yaml_parser_t parser;
    const char *text; /* without byte order mark */
    size_t bytes;
    const char *origin;
    bool in_file; /* whether lines and columns mean something to a person */
    Arena *arena;
    Error *error;
    Anchor *anchors;
    int anchor_count;
} Reader;

static Node place_at(const Reader *reader, size_t line, size_t column) {
    return (Node){.origin = reader->origin,
                  .line = reader->in_file ? (int)line + 1 : 0,
                  .column = (int)column + 1};
}

static Status place_error(const Reader *reader, size_t line, size_t column, const char *sentence) {
    const Node place = place_at(reader, line, column);
    return node_error(&place, reader->error, "%s", sentence);
}

static Status characters_check(const Reader *reader) {
    size_t line = 0, column = 0;
    for (size_t at = 0; at < reader->bytes;) {
        const unsigned char *character = (const unsigned char *)reader->text + at;
        size_t length = utf8_length(character, reader->bytes - at);
        char sentence[96];
        if (length == 0) {
            snprintf(sentence, sizeof sentence,
                     "the byte 0x%02x is not UTF-8; save the file as UTF-8 text", character[0]);
            return place_error(reader, line, column, sentence);
        }
        if (character[0] < 0x20 && strchr("\t\n\r", character[0]) == NULL) {
            snprintf(sentence, sizeof sentence, "the control character 0x%02x is not YAML text",
                     character[0]);
            return place_error(reader, line, column, sentence);
        }
        if (character[0] == '\0')
            return place_error(reader, line, column, "a zero byte is not YAML text");
        column = character[0] == '\n' ? 0 : column + 1;
        line += character[0] == '\n';
        at += length;
    }
    return STATUS_OK;
}

/* The character at a place (libyaml counts characters, not bytes); zero behind the end. */
static char character_at(const Reader *reader, size_t line, size_t column) {
    const char *at = reader->text, *end = reader->text + reader->bytes;
    for (; line > 0 && at < end; at++)
        line -= *at == '\n';
    for (; column > 0 && at < end; column--)
        at += utf8_length((const unsigned char *)at, (size_t)(end - at));
    return at < end ? *at : '\0';
}

static Status syntax_error(Reader *reader) {
    const yaml_parser_t *parser = &reader->parser;
    const yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem == NULL ? "cannot be read" : parser->problem;
    if (parser->error == YAML_READER_ERROR)
        return error_set(reader->error, STATUS_BAD_INPUT, "%s: at byte %zu: %s", reader->origin,
                         parser->problem_offset, problem);
    char sentence[512], context[160] = "";
    if (parser->context != NULL)
        snprintf(context, sizeof context, " %s from line %zu on,", parser->context,
                 parser->context_mark.line + 1);
    const char *hint = "";
    char character = character_at(reader, mark.line, mark.column);
    if (parser->error == YAML_SCANNER_ERROR && character == '\t')
        hint = " (a tab cannot indent in YAML; use spaces)";
    else if (parser->error == YAML_SCANNER_ERROR && character != '\0' &&
             strchr("%@`", character) != NULL)
        hint = " (put the text in quotes)";
    snprintf(sentence, sizeof sentence, "YAML syntax:%s %s%s", context, problem, hint);
    return place_error(reader, mark.line, mark.column, sentence);
}

static Status next_event(Reader *reader, yaml_event_t *event) {
    return yaml_parser_parse(&reader->parser, event) ? STATUS_OK : syntax_error(reader);
}

static Node *node_create(Reader *reader, NodeType type, const yaml_event_t *event) {
    Node *node = ARENA_ARRAY(reader->arena, Node, 1);
    *node = place_at(reader, event->start_mark.line, event->start_mark.column);
    node->type = type;
    node->weight = 1;
    return node;
}

static Status anchor_add(Reader *reader, const yaml_char_t *name, const Node *node,
                         Anchor **anchor) {
    *anchor = NULL;
    if (name == NULL)
        return STATUS_OK;
    if (++reader->anchor_count > YAML_ANCHORS_LARGEST)
        return node_error(node, reader->error, "more than %d anchors", YAML_ANCHORS_LARGEST);
    Anchor *added = ARENA_ARRAY(reader->arena, Anchor, 1);
    *added = (Anchor){.name = arena_string(reader->arena, (const char *)name),
                      .node = node,
                      .open = true,
                      .next = reader->anchors};
    reader->anchors = added;
    *anchor = added;
    return STATUS_OK;
}

static Status alias_find(Reader *reader, const yaml_event_t *event, const Node **node) {
    const char *name = (const char *)event->data.alias.anchor;
    const Node place = place_at(reader, event->start_mark.line, event->start_mark.column);
    for (const Anchor *anchor = reader->anchors; anchor != NULL; anchor = anchor->next) {
        if (strcmp(anchor->name, name) != 0)
            continue;
        if (anchor->open)
            return node_error(&place, reader->error,
                              "the alias *%s stands inside its own anchor &%s (line %d), so it "
                              "would contain itself without end",
                              name, name, anchor->node->line);
        *node = anchor->node;
        return STATUS_OK;
    }
    return node_error(&place, reader->error, "the alias *%s has no anchor &%s before it", name,
                      name);
}

static Status node_append(Reader *reader, Node *parent, const Node *key, const Node *value,
                          size_t *capacity) {
    if (parent->count == *capacity) {
        *capacity = *capacity == 0 ? 8 : 2 * *capacity;
        const Node **items = ARENA_ARRAY(reader->arena, const Node *, *capacity);
        const Node **keys = ARENA_ARRAY(reader->arena, const Node *, *capacity);
        if (parent->count > 0) {
            memcpy(items, parent->items, parent->count * sizeof *items);
            memcpy(keys, parent->keys, parent->count * sizeof *keys);
        }
        parent->items = items;
        parent->keys = keys;
    }
    parent->keys[parent->count] = key;
    parent->items[parent->count++] = value;
    parent->weight += value->weight + (key != NULL);
    if (parent->weight > YAML_WEIGHT_LARGEST)
        return node_error(value, reader->error,
                          "with its aliases written out this has more than %d values",
                          YAML_WEIGHT_LARGEST);
    return STATUS_OK;
}

static Status tag_check(Reader *reader, const yaml_char_t *tag, const Node *node) {
    if (tag == NULL || strcmp((const char *)tag, "!") == 0)
        return STATUS_OK;
    return node_error(node, reader->error, "the tag '%.60s' is not used in experiment files",
                      (const char *)tag);
}

static Status scalar_read(Reader *reader, const yaml_event_t *event, const Node **out) {
    Node *node = node_create(reader, NODE_SCALAR, event);
    TRY(tag_check(reader, event->data.scalar.tag, node));
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(value, '\0', length) != NULL)
        return node_error(node, reader->error, "a text cannot hold a zero character");
    node->text = arena_string(reader->arena, value);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    Anchor *anchor;
    TRY(anchor_add(reader, event->data.scalar.anchor, node, &anchor));
    if (anchor != NULL)
        anchor->open = false;
    *out = node;
    return STATUS_OK;
}

static Status key_check(Reader *reader, const Node *map, const Node *key) {
    if (key->type != NODE_SCALAR)
        return node_error(key, reader->error, "a key must be a name, not %s",
                          node_describe(key, reader->arena));
    if (map->count >= YAML_KEYS_LARGEST)
        return node_error(key, reader->error, "more than %d keys in one map", YAML_KEYS_LARGEST);
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key->text) == 0)
            return node_error(key, reader->error,
                              "the key '%.60s' is given twice (first in line %d); keep one",
                              key->text, map->keys[i]->line);
    return STATUS_OK;
}

static Status node_read(Reader *reader, yaml_event_t *event, int depth, const Node **out);

/* Reads the node that the next event begins; *closed where that event closes the collection. */
static Status member_read(Reader *reader, int depth, const Node **out, bool *closed) {
    yaml_event_t event;
    TRY(next_event(reader, &event));
    *closed = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
    Status status = *closed ? STATUS_OK : node_read(reader, &event, depth, out);
    yaml_event_delete(&event);
    return status;
}

static Status members_read(Reader *reader, Node *parent, int depth) {
    size_t capacity = 0;
    if (depth >= YAML_DEPTH_LARGEST)
        return node_error(parent, reader->error, "nested deeper than %d levels",
                          YAML_DEPTH_LARGEST);
    for (;;) {
        bool closed;
        const Node *key = NULL, *value = NULL;
        if (parent->type == NODE_MAP) {
            TRY(member_read(reader, depth + 1, &key, &closed));
            if (closed)
                return STATUS_OK;
            TRY(key_check(reader, parent, key));
        }
        TRY(member_read(reader, depth + 1, &value, &closed));
        if (closed)
            return STATUS_OK;
        TRY(node_append(reader, parent, key, value, &capacity));
    }
}

static Status node_read(Reader *reader, yaml_event_t *event, int depth, const Node **out) {
    if (event->type == YAML_ALIAS_EVENT)
        return alias_find(reader, event, out);
    if (event->type == YAML_SCALAR_EVENT)
        return scalar_read(reader, event, out);
    bool map = event->type == YAML_MAPPING_START_EVENT;
    Node *node = node_create(reader, map ? NODE_MAP : NODE_LIST, event);
    TRY(tag_check(reader, map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
                  node));
    Anchor *anchor;
    TRY(anchor_add(reader,
                   map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor, node,
                   &anchor));
    TRY(members_read(reader, node, depth));
    if (anchor != NULL)
        anchor->open = false;
    *out = node;
    return STATUS_OK;
}

static Status document_read(Reader *reader, const Node **root) {
    bool begun = false;
    for (;;) {
        yaml_event_t event;
        TRY(next_event(reader, &event));
        yaml_event_type_t type = event.type;
        Status status = STATUS_OK;
        if (type == YAML_DOCUMENT_START_EVENT && begun)
            status = place_error(reader, event.start_mark.line, event.start_mark.column,
                                 "a second document begins here; a file holds one experiment");
        else if (type == YAML_DOCUMENT_START_EVENT)
            begun = true;
        else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                 type == YAML_MAPPING_START_EVENT || type == YAML_ALIAS_EVENT)
            status = node_read(reader, &event, 0, root);
        yaml_event_delete(&event);
        TRY(status);
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    if (!begun)
        return place_error(reader, 0, 0, "holds no YAML (it is empty)");
    return STATUS_OK;
}

static Status parse(Reader *reader, const Node **root) {
    if (reader->bytes >= 3 && memcmp(reader->text, "\xef\xbb\xbf", 3) == 0) {
        reader->text += 3; /* byte order mark */
        reader->bytes -= 3;
    }
    TRY(characters_check(reader));
    if (!yaml_parser_initialize(&reader->parser))
        return error_set(reader->error, STATUS_FAILED, "%s: no memory left to read YAML",
                         reader->origin);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text,
                                 reader->bytes);
    Status status = document_read(reader, root);
    yaml_parser_delete(&reader->parser);
    return status;
}

Status yaml_parse(const char *text, size_t bytes, const char *origin, Arena *arena,
                  const Node **root, Error *error) {
    Reader reader = {.text = text,
                     .bytes = bytes,
                     .origin = arena_string(arena, origin),
                     .in_file = true,
                     .arena = arena,
                     .error = error};
    return parse(&reader, root);
}

Status yaml_parse_value(const char *text, const char *origin, Arena *arena, const Node **root,
                        Error *error) {
    Reader reader = {.text = text,
                     .bytes = strlen(text),
                     .origin = arena_string(arena, origin),
                     .arena = arena,
                     .error = error};
    return parse(&reader, root);
}
