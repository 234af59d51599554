#include "model/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { ALIGNMENT = 64, SMALLEST_BLOCK = 1 << 16, HUGE_PAGE = 1 << 21 };

static const size_t largest_request = SIZE_MAX / 2;

struct ArenaBlock {
    ArenaBlock *next;
    size_t used, capacity; /* bytes behind the header */
    char padding[ALIGNMENT - sizeof(ArenaBlock *) - 2 * sizeof(size_t)];
};

_Static_assert(sizeof(ArenaBlock) == ALIGNMENT, "the header keeps what follows aligned");

Arena arena_create(const char *name) {
    return (Arena){.name = name};
}

static size_t round_up(size_t bytes, size_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
}

static ArenaBlock *block_create(size_t capacity) {
    size_t total = round_up(sizeof(ArenaBlock) + capacity, ALIGNMENT);
    size_t alignment = ALIGNMENT;
    if (total >= HUGE_PAGE) {
        alignment = HUGE_PAGE;
        total = round_up(total, HUGE_PAGE);
    }
    ArenaBlock *block = aligned_alloc(alignment, total);
    if (block == NULL)
        return NULL;
#ifdef MADV_HUGEPAGE
    if (alignment == HUGE_PAGE)
        madvise(block, total, MADV_HUGEPAGE);
#endif
    *block = (ArenaBlock){.capacity = total - sizeof(ArenaBlock)};
    return block;
}

Status arena_reserve(Arena *arena, size_t bytes, Error *error) {
    if (arena->block != NULL && arena->block->capacity - arena->block->used >= bytes)
        return STATUS_OK;
    if (bytes > largest_request)
        return error_set(error, STATUS_FAILED, "%s needs more memory than can be addressed",
                         arena->name);
    ArenaBlock *block = block_create(bytes);
    if (block == NULL)
        return error_set(error, STATUS_FAILED,
                         "%s needs %.1f MB of memory, which the system does not have free",
                         arena->name, (double)bytes / 1e6);
    block->next = arena->block;
    arena->block = block;
    return STATUS_OK;
}

void *arena_allocate(Arena *arena, size_t bytes) {
    /* Rounding up may not wrap around; arena_reserve refuses what is cut here. */
    size_t limited = bytes <= largest_request ? bytes : largest_request + 1;
    size_t needed = round_up(limited == 0 ? 1 : limited, ALIGNMENT);
    if (arena->block == NULL || arena->block->capacity - arena->block->used < needed) {
        Error error;
        size_t wanted = needed < SMALLEST_BLOCK ? SMALLEST_BLOCK : needed;
        if (arena_reserve(arena, wanted, &error) != STATUS_OK) {
            fprintf(stderr, "fiducial: %s\n", error.message);
            exit(STATUS_FAILED);
        }
    }
    void *memory = (char *)(arena->block + 1) + arena->block->used;
    arena->block->used += needed;
    arena->allocated += needed;
    memset(memory, 0, needed);
    return memory;
}

void *arena_allocate_array(Arena *arena, size_t size, size_t count) {
    return arena_allocate(arena, count > SIZE_MAX / size ? SIZE_MAX : size * count);
}

void *arena_grow(Arena *arena, void *items, size_t size, size_t count, size_t *capacity) {
    enum { FIRST = 64 };
    if (count < *capacity)
        return items;
    *capacity = *capacity > 0 ? 2 * *capacity : FIRST;
    void *grown = arena_allocate_array(arena, size, *capacity);
    if (count > 0)
        memcpy(grown, items, count * size);
    return grown;
}

char *arena_string(Arena *arena, const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_allocate(arena, bytes), text, bytes);
}

char *arena_format(Arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    size_t bytes = (size_t)(length < 0 ? 0 : length) + 1;
    char *text = arena_allocate(arena, bytes);
    vsnprintf(text, bytes, format, again);
    va_end(again);
    return text;
}

void arena_destroy(Arena *arena) {
    while (arena->block != NULL) {
        ArenaBlock *next = arena->block->next;
        free(arena->block);
        arena->block = next;
    }
    arena->allocated = 0;
}
