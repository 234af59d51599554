/* Configuration tables. A configuration is a plain struct; a FieldTable describes its members:
   name, type, default, range, meaning. The YAML reader, the error messages, `fiducial explain`, the
   JSON Schema and the resolved YAML are all made from these tables and nothing else, so that they
   cannot disagree. Nothing here knows YAML.

   What varies by kind (position encoding, data source, optimizer, measurement …) is a Kind: a name,
   a meaning, and a table of the options that only this kind has. A KindTable lists the kinds of one
   sort. Adding a kind is one new file and one line in its sort's table. */
#ifndef FIDUCIAL_BASE_FIELD_H
#define FIDUCIAL_BASE_FIELD_H

#include "model/base/error.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Field Field;

typedef struct FieldTable {
    const Field *fields;
    size_t count;
} FieldTable;

#define FIELD_TABLE(array)                                                                         \
    { (array), sizeof(array) / sizeof((array)[0]) }

/* The common head of every kind's own struct (PositionKind, OptimizerKind, …). */
typedef struct Kind {
    const char *name;    /* as in YAML */
    const char *meaning; /* one sentence */
    const char *source;  /* paper and equation, or NULL */
    FieldTable options;  /* offsets into a KindOptions */
} Kind;

typedef struct KindTable {
    const char *what;         /* "position encoding", for messages */
    const Kind *const *kinds; /* pointers to the first member of each kind's struct */
    size_t count;
} KindTable;

/* Room for the options of one chosen kind; the kind casts it to its own struct. */
enum { KIND_OPTIONS_BYTES = 192 };

typedef struct KindOptions {
    alignas(16) unsigned char bytes[KIND_OPTIONS_BYTES];
} KindOptions;

typedef struct KindChoice {
    const Kind *kind;
    KindOptions options;
} KindChoice;

enum { KIND_LIST_LARGEST = 64 };

typedef struct KindList {
    KindChoice *items; /* owned by the configuration's arena */
    size_t count;
    bool single; /* FIELD_KIND_EACH: one item that stands for every place */
} KindList;

/* Member type and YAML form of each field type. */
typedef enum FieldType {
    FIELD_BOOL,      /* bool */
    FIELD_INTEGER,   /* int64_t, within [minimum, maximum] */
    FIELD_REAL,      /* double, within [minimum, maximum]; finite */
    FIELD_STRING,    /* const char *, owned by the configuration's arena; "" where not given */
    FIELD_CHOICE,    /* int, an index into choices */
    FIELD_KIND,      /* KindChoice; YAML: `name`, or `{<kind_key>: name, option: value …}` */
    FIELD_KIND_LIST, /* KindList; YAML: a list of the above, or `all` */
    FIELD_KIND_EACH, /* KindList; YAML: one FIELD_KIND for every place, or a list, one for each */
    FIELD_GROUP,     /* a nested struct described by group */
} FieldType;

struct Field {
    const char *name; /* the YAML key */
    FieldType type;
    size_t offset;           /* of the member in its struct */
    const char *fallback;    /* default as YAML text; NULL: must be given (groups: always NULL) */
    double minimum, maximum; /* inclusive; both 0: no bound */
    const char *const *choices; /* FIELD_CHOICE: names, closed by NULL */
    const KindTable *kinds;     /* FIELD_KIND, FIELD_KIND_LIST, FIELD_KIND_EACH */
    const char *kind_key;       /* FIELD_KIND: the key that names the kind ("kind", "source") */
    const FieldTable *group;    /* FIELD_GROUP */
    const char *meaning;        /* one sentence, with the unit */
    const char *source;         /* paper, or NULL */
    bool without_bits;          /* true: cannot change the bits of a run (names, analysis) */
    bool is_path; /* FIELD_STRING: a file or folder, from the folder of the YAML file that
                                   names it */
    const char *const *other_words; /* is_path: texts that are none, closed by NULL; or NULL */
};

/* The kind called name, or NULL. */
const Kind *kind_find(const KindTable *table, const char *name);

/* Whether any kind of the table has options. Where none has, a choice is written as its name
   alone. */
bool kinds_have_options(const KindTable *table);

/* The field called name, or NULL. */
const Field *field_find(const FieldTable *table, const char *name);

#endif
