#include "experiments/runner/run_name.h"

#include "experiments/runner/sweep.h"
#include "experiments/runner/text.h"
#include "model/base/sha256.h"

#include <inttypes.h>
#include <string.h>

enum { VALUE_LARGEST = 60, HASH_DIGITS = 8 };

/* The last count parts of a dotted key. */
static const char *key_ending(const char *key, int count) {
    const char *at = key + strlen(key);
    while (at > key && !(at[-1] == '.' && --count == 0))
        at--;
    return at;
}

static bool same_ending(const char *first, const char *second, int parts) {
    return strcmp(key_ending(first, parts), key_ending(second, parts)) == 0;
}

void run_labels(const char *const *keys, size_t count, Arena *arena, const char **labels) {
    const char **plain = ARENA_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(keys[i]);
        bool kind = length > 5 && strcmp(keys[i] + length - 5, ".kind") == 0;
        plain[i] = arena_format(arena, "%.*s", (int)(kind ? length - 5 : length), keys[i]);
    }
    for (size_t i = 0; i < count; i++) {
        int parts = 1;
        for (size_t j = 0; j < count; j++)
            while (j != i && same_ending(plain[i], plain[j], parts) &&
                   key_ending(plain[i], parts) != plain[i])
                parts++;
        labels[i] = key_ending(plain[i], parts);
    }
}

static void add_scalar(const Node *value, TextBuffer *buffer) {
    char number[NUMBER_TEXT_BYTES];
    double real;
    int64_t integer;
    if (!value->quoted && number_read_integer(value->text, &integer))
        text_add(buffer, "%" PRId64, integer);
    else if (!value->quoted && number_read_real(value->text, &real))
        text_add(buffer, "%s", number_write(real, number));
    else
        text_add(buffer, "%s", value->text);
}

static bool names_kind(const Node *key) {
    return strcmp(key->text, "kind") == 0 || strcmp(key->text, "source") == 0;
}

static void add_value(const Node *value, TextBuffer *buffer) {
    if (value->type == NODE_SCALAR) {
        add_scalar(value, buffer);
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        text_add(buffer, "%s", i == 0 ? "" : value->type == NODE_MAP ? "-" : "+");
        if (value->type == NODE_MAP && !names_kind(value->keys[i]))
            text_add(buffer, "%s=", value->keys[i]->text);
        add_value(value->items[i], buffer);
    }
}

const char *value_text(const Node *value, Arena *arena) {
    TextBuffer buffer = {.arena = arena};
    text_add(&buffer, "%s", "");
    add_value(value, &buffer);
    return buffer.text;
}

static void add_phrase(const Node *value, TextBuffer *buffer);

/* The kind, then its options in brackets; options alone where no kind is given. */
static void add_map_phrase(const Node *map, TextBuffer *buffer) {
    bool has_kind = false;
    size_t options = 0;
    for (size_t i = 0; i < map->count; i++)
        if (names_kind(map->keys[i])) {
            add_phrase(map->items[i], buffer);
            has_kind = true;
        }
    for (size_t i = 0; i < map->count; i++) {
        if (names_kind(map->keys[i]))
            continue;
        text_add(buffer, "%s%s ", options++ > 0 ? ", " : has_kind ? " (" : "", map->keys[i]->text);
        add_phrase(map->items[i], buffer);
    }
    if (has_kind && options > 0)
        text_add(buffer, ")");
}

static void add_phrase(const Node *value, TextBuffer *buffer) {
    if (value->type == NODE_SCALAR)
        add_scalar(value, buffer);
    else if (value->type == NODE_MAP)
        add_map_phrase(value, buffer);
    for (size_t i = 0; value->type == NODE_LIST && i < value->count; i++) {
        text_add(buffer, "%s", i > 0 ? "+" : "");
        add_phrase(value->items[i], buffer);
    }
}

const char *value_phrase(const Node *value, Arena *arena) {
    TextBuffer buffer = {.arena = arena};
    text_add(&buffer, "%s", "");
    add_phrase(value, &buffer);
    return buffer.text;
}

static void add_short_hash(TextBuffer *buffer, const char *text) {
    char hex[65];
    sha256_of(text, strlen(text), hex);
    text_add(buffer, "~%.*s", HASH_DIGITS, hex);
}

/* Letters, digits and a few signs stay; runs of anything else become one "_" and the whole gets a
   hash, so that different values stay different names. */
static void add_safe(TextBuffer *buffer, const char *value) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789._+-=";
    bool exact = value[0] != '\0';
    size_t written = 0;
    for (const char *at = value; *at != '\0'; at++) {
        bool fits = strchr(allowed, *at) != NULL;
        exact &= fits && written < VALUE_LARGEST;
        if (written >= VALUE_LARGEST || (!fits && at > value && strchr(allowed, at[-1]) == NULL))
            continue;
        text_add(buffer, "%c", fits ? *at : '_');
        written++;
    }
    if (!exact)
        add_short_hash(buffer, value);
}

const char *run_name(const char *const *labels, const char *const *values, size_t count,
                     int64_t seed, Arena *arena) {
    TextBuffer buffer = {.arena = arena};
    for (size_t i = 0; i < count; i++) {
        text_add(&buffer, "%s=", labels[i]);
        add_safe(&buffer, values[i]);
        text_add(&buffer, ",");
    }
    text_add(&buffer, "seed=%" PRId64, seed);
    if (buffer.length <= RUN_NAME_LARGEST)
        return buffer.text;
    TextBuffer cut = {.arena = arena};
    text_add(&cut, "%.*s", RUN_NAME_LARGEST - 40, buffer.text);
    add_short_hash(&cut, buffer.text);
    text_add(&cut, ",seed=%" PRId64, seed);
    return cut.text;
}
