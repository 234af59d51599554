#include "train/vocabulary.h"

#include "model/base/utf8.h"
#include "train/sources/text_file.h"

#include <stdio.h>
#include <string.h>

int vocabulary_leading(const Probe *probe) {
    int leading = probe->bos < 0 ? 0 : probe->length;
    for (int sample = 0; sample < probe->samples; sample++) {
        const int32_t *inputs = probe->inputs + (size_t)sample * (size_t)probe->length;
        int own = 0;
        while (own < leading && inputs[own] == probe->bos)
            own++;
        leading = own;
    }
    return leading;
}

/* Whether every probe sequence ends in [SEP]. */
static bool closes(const Probe *probe) {
    for (int sample = 0; sample < probe->samples; sample++) {
        size_t last = (size_t)(sample + 1) * (size_t)probe->length - 1;
        if (strcmp(probe->token_names[probe->inputs[last]], "[SEP]") != 0)
            return false;
    }
    return probe->samples > 0;
}

static int find_token(const Probe *probe, const char *name) {
    for (int token = 0; token < probe->vocabulary; token++)
        if (strcmp(probe->token_names[token], name) == 0)
            return token;
    return -1;
}

/* The names that stand for one character each: what can be typed. */
static const char *allowed_symbols(const Probe *probe, Arena *arena) {
    enum { SHOWN_BYTES = 2000 };
    const char *text = "";
    for (int token = 0; token < probe->vocabulary; token++) {
        const char *name = probe->token_names[token];
        const unsigned char *bytes = (const unsigned char *)name;
        size_t length = strlen(name);
        bool one = length > 0 && utf8_end(bytes, length) == length;
        int first = 0;
        if (one)
            utf8_code_point(bytes, &first);
        one = one && ((size_t)first == length || name[0] == '\\');
        if (one && strlen(text) < SHOWN_BYTES)
            text = arena_format(arena, "%s %s", text, name);
    }
    return text;
}

static Status refuse(const Probe *probe, const char *name, int place, Arena *arena, Error *error) {
    return error_set(error, STATUS_BAD_INPUT,
                     "symbol %d of the text, \"%s\", is not in this run's vocabulary; allowed "
                     "(␣ is a blank):%s",
                     place, name, allowed_symbols(probe, arena));
}

static Status encode(const Probe *probe, SourceSymbols symbols, const char *text, Arena *arena,
                     int32_t *tokens, int *count, Error *error) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t size = strlen(text);
    for (size_t at = 0; at < size;) {
        char name[16];
        int length = 1;
        if (symbols == SYMBOLS_CHARACTERS)
            text_symbol_name(utf8_code_point(bytes + at, &length), name);
        else if (bytes[at] < 0x80)
            text_symbol_name(bytes[at], name);
        else
            snprintf(name, sizeof name, "x%02X", bytes[at]);
        int token = find_token(probe, name);
        if (token < 0)
            return refuse(probe, name, *count + 1, arena, error);
        tokens[(*count)++] = token;
        at += (size_t)length;
    }
    return STATUS_OK;
}

Status vocabulary_encode(const Probe *probe, SourceSymbols symbols, const char *text, Arena *arena,
                         int32_t **tokens, int *count, Error *error) {
    size_t size = strlen(text), sound = utf8_end((const unsigned char *)text, size);
    if (symbols == SYMBOLS_NONE)
        return error_set(error, STATUS_BAD_INPUT,
                         "the tokens of this run's data stand for no characters: give --sample, or "
                         "--tokens with numbers from 0 to %d",
                         probe->vocabulary - 1);
    if (sound < size)
        return error_set(error, STATUS_BAD_INPUT, "the text is not UTF-8 (its byte %zu is 0x%02X)",
                         sound + 1, (unsigned char)text[sound]);
    int leading = vocabulary_leading(probe), encoded = 0;
    *tokens = ARENA_ARRAY(arena, int32_t, size + (size_t)leading + 1);
    for (int i = 0; i < leading; i++)
        (*tokens)[i] = probe->bos;
    TRY(encode(probe, symbols, text, arena, *tokens + leading, &encoded, error));
    *count = leading + encoded;
    if (closes(probe))
        (*tokens)[(*count)++] = find_token(probe, "[SEP]");
    return STATUS_OK;
}
