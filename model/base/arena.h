/* Arenas: every allocation is owned by one named place (a run, a thread's workspace, an experiment)
   and freed with it. Memory is zeroed, 64-byte aligned, and never moves. */
#ifndef FIDUCIAL_BASE_ARENA_H
#define FIDUCIAL_BASE_ARENA_H

#include "model/base/error.h"

#include <stddef.h>

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
    const char *name; /* whose memory this is, for messages; not owned */
    ArenaBlock *block;
    size_t allocated; /* bytes handed out so far */
} Arena;

/* An empty arena; allocates nothing yet. */
Arena arena_create(const char *name);

/* Makes sure that the next allocations up to bytes in all, each rounded up to 64, succeed (a large
   workspace asks first, so that "too large" is an error message and not a crash). */
Status arena_reserve(Arena *arena, size_t bytes, Error *error);

/* Zeroed memory, 64-byte aligned; bytes = 0 gives a valid unique pointer. Where the system has no
   memory left the process ends with a sentence on standard error: use arena_reserve before
   anything large. */
void *arena_allocate(Arena *arena, size_t bytes);

/* The same of size · count bytes, where that can be addressed. */
void *arena_allocate_array(Arena *arena, size_t size, size_t count);

/* Room for one item more in a list of count items of size bytes: items itself while count is below
   *capacity, else a copy with room for twice as many, which *capacity then says. NULL and 0
   begin. */
void *arena_grow(Arena *arena, void *items, size_t size, size_t count, size_t *capacity);

char *arena_string(Arena *arena, const char *text);
char *arena_format(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Frees everything that came from the arena; it can be used again. */
void arena_destroy(Arena *arena);

#define ARENA_ARRAY(arena, type, count)                                                            \
    ((type *)arena_allocate_array((arena), sizeof(type), (count)))

#endif
