/* The ground floor: arenas, errors, SHA-256 and the log. */
#include "model/base/arena.h"
#include "model/base/log.h"
#include "model/base/sha256.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void arena_memory_is_zeroed_aligned_and_stays(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    unsigned char *pieces[300];
    size_t total = 0;
    for (size_t i = 0; i < 300; i++) {
        size_t bytes = i * i * 7 % 5000;
        pieces[i] = arena_allocate(&arena, bytes);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        for (size_t k = 0; k < bytes; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 251) + 1, bytes);
        total += bytes;
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * i * 7 % 5000; k++)
            assert_int_equal(pieces[i][k], i % 251 + 1);
    assert_true(arena.allocated >= total);
    arena_destroy(&arena);
    assert_int_equal(arena.allocated, 0);
}

static void arena_empty_pieces_are_distinct(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    void *first = arena_allocate(&arena, 0), *second = arena_allocate(&arena, 0);
    assert_non_null(first);
    assert_ptr_not_equal(first, second);
    arena_destroy(&arena);
    assert_non_null(arena_allocate(&arena, 10));
    arena_destroy(&arena);
}

/* After a reservation the pieces come from one block: they lie behind one another. */
static void arena_reserves(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    Error error;
    assert_int_equal(arena_reserve(&arena, 64 * 10000, &error), STATUS_OK);
    char *first = arena_allocate(&arena, 64 * 5000), *second = arena_allocate(&arena, 64 * 5000);
    assert_ptr_equal(second, first + 64 * 5000);
    arena_destroy(&arena);
}

static void arena_refuses_what_cannot_be(void **state) {
    (void)state;
    Arena arena = arena_create("the workspace of lane 3");
    Error error = {{0}};
    assert_int_equal(arena_reserve(&arena, SIZE_MAX - 100, &error), STATUS_FAILED);
    assert_non_null(strstr(error.message, "the workspace of lane 3"));
    arena_destroy(&arena);
}

/* Runs allocate in a process of its own; returns its exit status, −1 where a signal ended it. */
static int status_of(void (*allocate)(Arena *arena)) {
    fflush(NULL);
    pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        Arena arena = arena_create("a test");
        assert_non_null(freopen("/dev/null", "w", stderr));
        allocate(&arena);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(process, &status, 0), process);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void allocate_little(Arena *arena) {
    ARENA_ARRAY(arena, double, 3);
}

/* Rounded up to whole lines of cache, this is 0 bytes. */
static void allocate_everything(Arena *arena) {
    arena_allocate(arena, SIZE_MAX - 3);
}

/* Of eight bytes each, this is 8 bytes once the product has wrapped around. */
static void allocate_array(Arena *arena) {
    ARENA_ARRAY(arena, double, SIZE_MAX / 8 + 2);
}

static void arena_never_gives_less_than_it_was_asked(void **state) {
    (void)state;
    assert_int_equal(status_of(allocate_little), 0);
    assert_int_equal(status_of(allocate_everything), STATUS_FAILED);
    assert_int_equal(status_of(allocate_array), STATUS_FAILED);
}

static void arena_lists_grow_and_keep_what_they_hold(void **state) {
    (void)state;
    enum { COUNT = 1000 };
    Arena arena = arena_create("a test");
    int *items = NULL;
    size_t capacity = 0, moves = 0;
    for (size_t count = 0; count < COUNT; count++) {
        const int *before = items;
        items = arena_grow(&arena, items, sizeof *items, count, &capacity);
        assert_true(capacity > count);
        moves += items != before;
        items[count] = (int)count;
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(items[i], i);
    assert_in_range(moves, 2, 10); /* not with every item */
    arena_destroy(&arena);
}

static void arena_texts(void **state) {
    (void)state;
    Arena arena = arena_create("a test");
    char text[] = "key";
    char *copy = arena_string(&arena, text);
    text[0] = 'x';
    assert_string_equal(copy, "key");
    assert_string_equal(arena_format(&arena, "%s=%d", copy, 12), "key=12");
    assert_string_equal(arena_format(&arena, "%s", ""), "");
    char *wide = arena_format(&arena, "%070000d", 5);
    assert_int_equal(strlen(wide), 70000);
    assert_int_equal(wide[69999], '5');
    arena_destroy(&arena);
}

static void error_gains_context(void **state) {
    (void)state;
    Error error;
    assert_int_equal(error_set(&error, STATUS_BAD_INPUT, "width %d", 7), STATUS_BAD_INPUT);
    assert_int_equal(error_context(&error, STATUS_BAD_INPUT, "model"), STATUS_BAD_INPUT);
    assert_int_equal(error_context(&error, STATUS_BAD_INPUT, "%s:%d", "a.yaml", 3),
                     STATUS_BAD_INPUT);
    assert_string_equal(error.message, "a.yaml:3: model: width 7");
}

static void error_names_errno(void **state) {
    (void)state;
    Error error;
    errno = ENOSPC;
    assert_int_equal(error_errno(&error, STATUS_FAILED, "cannot write %s", "run.h5"),
                     STATUS_FAILED);
    assert_string_equal(error.message, "cannot write run.h5: No space left on device");
}

/* Too long a message is cut, never overrun; no Error at all is allowed. */
static void error_survives_extremes(void **state) {
    (void)state;
    struct {
        Error error;
        char guard[8];
    } held = {.guard = "guarded"};
    error_set(&held.error, STATUS_FAILED, "%06000d", 1);
    assert_int_equal(strlen(held.error.message), sizeof held.error.message - 1);
    error_context(&held.error, STATUS_FAILED, "%06000d", 2);
    assert_int_equal(strlen(held.error.message), sizeof held.error.message - 1);
    errno = EACCES;
    error_errno(&held.error, STATUS_FAILED, "%04090d", 3);
    assert_int_equal(strlen(held.error.message), sizeof held.error.message - 1);
    assert_string_equal(held.guard, "guarded");
    assert_int_equal(error_set(NULL, STATUS_FAILED, "x"), STATUS_FAILED);
    assert_int_equal(error_context(NULL, STATUS_FAILED, "x"), STATUS_FAILED);
    assert_int_equal(error_errno(NULL, STATUS_FAILED, "x"), STATUS_FAILED);
}

static Status step(Status status, int *calls) {
    ++*calls;
    return status;
}

static Status two_steps(Status first, int *calls) {
    TRY(step(first, calls));
    TRY(step(STATUS_OK, calls));
    return STATUS_OK;
}

static void try_stops_at_the_first_failure(void **state) {
    (void)state;
    int calls = 0;
    assert_int_equal(two_steps(STATUS_INTERRUPTED, &calls), STATUS_INTERRUPTED);
    assert_int_equal(calls, 1);
    assert_int_equal(two_steps(STATUS_OK, &calls), STATUS_OK);
    assert_int_equal(calls, 3);
}

/* The examples of FIPS 180-2 appendix B, the empty message, and a million times "a". */
static void sha256_known_answers(void **state) {
    (void)state;
    static const struct {
        const char *message, *digest;
    } answers[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    char hex[65];
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        sha256_of(answers[i].message, strlen(answers[i].message), hex);
        assert_string_equal(hex, answers[i].digest);
    }
    Sha256 hash = sha256_begin();
    char piece[1000];
    memset(piece, 'a', sizeof piece);
    for (int i = 0; i < 1000; i++)
        sha256_add(&hash, piece, sizeof piece);
    sha256_end(&hash, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* However a message is cut into pieces, its digest is the same; every length around a block's
   end. */
static void sha256_pieces_do_not_matter(void **state) {
    (void)state;
    unsigned char message[200];
    for (int i = 0; i < 200; i++)
        message[i] = (unsigned char)(i * 37);
    for (size_t length = 0; length <= sizeof message; length++) {
        char whole[65], pieced[65];
        sha256_of(message, length, whole);
        Sha256 hash = sha256_begin();
        for (size_t at = 0, piece = 1; at < length; at += piece, piece = piece % 67 + 5) {
            if (piece > length - at)
                piece = length - at;
            sha256_add(&hash, message + at, piece);
        }
        sha256_end(&hash, pieced);
        assert_string_equal(whole, pieced);
    }
}

static void keep_line(void *context, LogLevel level, const char *line) {
    char *kept = context;
    strcpy(kept, level == LOG_WARNING ? "warning: " : "");
    strcat(kept, line);
}

static void log_goes_to_its_sink(void **state) {
    (void)state;
    char kept[100] = "";
    log_line(LOG_INFO, "before there is a sink");
    log_set_sink(keep_line, kept);
    log_line(LOG_WARNING, "%d lanes", 8);
    assert_string_equal(kept, "warning: 8 lanes");
    log_set_sink(NULL, NULL);
    log_line(LOG_INFO, "dropped");
    assert_string_equal(kept, "warning: 8 lanes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_stays),
        cmocka_unit_test(arena_empty_pieces_are_distinct),
        cmocka_unit_test(arena_reserves),
        cmocka_unit_test(arena_refuses_what_cannot_be),
        cmocka_unit_test(arena_never_gives_less_than_it_was_asked),
        cmocka_unit_test(arena_lists_grow_and_keep_what_they_hold),
        cmocka_unit_test(arena_texts),
        cmocka_unit_test(error_gains_context),
        cmocka_unit_test(error_names_errno),
        cmocka_unit_test(error_survives_extremes),
        cmocka_unit_test(try_stops_at_the_first_failure),
        cmocka_unit_test(sha256_known_answers),
        cmocka_unit_test(sha256_pieces_do_not_matter),
        cmocka_unit_test(log_goes_to_its_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
