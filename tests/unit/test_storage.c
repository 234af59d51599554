/* HDF5 files: what is written is read back; what is damaged, missing or cannot be written is a
   sentence, and leaves what was there before. */
#include "tests/support/numbers.h"
#include "tests/support/scratch.h"
#include "train/storage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void check(Status status, const Error *error) {
    if (status != STATUS_OK)
        fail_msg("%s", error->message);
}

static void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* A file with one dataset of values 0, 1, 2 …; announced: as a file of so many bytes. */
static Status try_numbers(const char *path, size_t count, size_t announced, Error *error) {
    StorageWriter writer;
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)i;
    hsize_t shape[1] = {count};
    Status status = storage_create_sized(&writer, path, announced, error);
    if (status == STATUS_OK)
        status = storage_write(writer.file, "/group/inner/values", H5T_NATIVE_FLOAT, 1, shape,
                               values, error);
    if (status == STATUS_OK)
        status = storage_commit(&writer, error);
    storage_abandon(&writer);
    free(values);
    return status;
}

static void write_numbers(const char *path, size_t count) {
    Error error;
    check(try_numbers(path, count, 0, &error), &error);
}

static void assert_numbers(const char *path, size_t count) {
    Error error;
    hid_t file;
    float *values = malloc(count * sizeof *values);
    check(storage_open(path, &file, &error), &error);
    check(storage_read(file, "/group/inner/values", H5T_NATIVE_FLOAT, count, values, &error),
          &error);
    storage_close(file);
    for (size_t i = 0; i < count; i++)
        if (!(values[i] == (float)i))
            fail_msg("value %zu is %g, not %g", i, (double)values[i], (double)i);
    free(values);
}

static void datasets_and_attributes_read_back(void **state) {
    const char *path = scratch_path(state, "a.h5");
    Error error;
    StorageWriter writer;
    Arena arena = arena_create("a test");
    const int32_t grid[6] = {-1, 2, 3, 4, 5, INT32_MAX};
    const char *texts[3] = {"BOS", "␣", ""};
    hsize_t shape[2] = {2, 3}, nothing[1] = {0};
    check(storage_create(&writer, path, &error), &error);
    check(storage_write(writer.file, "/a/grid", H5T_NATIVE_INT32, 2, shape, grid, &error), &error);
    check(storage_write(writer.file, "/empty", H5T_NATIVE_FLOAT, 1, nothing, NULL, &error), &error);
    check(storage_write_strings(writer.file, "/texts", 3, texts, &error), &error);
    check(storage_set_integer(writer.file, "/", "whole", INT64_MIN, &error), &error);
    check(storage_set_integer(writer.file, "/", "whole", -7, &error), &error);
    check(storage_set_real(writer.file, "/a/grid", "real", 0.1, &error), &error);
    check(storage_set_text(writer.file, "/a/grid", "units", "nats", &error), &error);
    assert_false(scratch_exists(path));
    check(storage_commit(&writer, &error), &error);
    storage_abandon(&writer);
    assert_false(scratch_exists(scratch_path(state, "a.h5.tmp")));

    hid_t file;
    int32_t read[6];
    int rank;
    hsize_t held[8];
    int64_t whole;
    const char *text, **names;
    size_t count;
    check(storage_open(path, &file, &error), &error);
    check(storage_shape(file, "a/grid", &rank, held, &error), &error);
    assert_int_equal(rank, 2);
    assert_int_equal(held[0] * 10 + held[1], 23);
    check(storage_read(file, "/a/grid", H5T_NATIVE_INT32, 6, read, &error), &error);
    assert_memory_equal(read, grid, sizeof grid);
    check(storage_get_integer(file, "/", "whole", &whole, &error), &error);
    assert_int_equal(whole, -7);
    check(storage_get_text(file, "/a/grid", "units", &arena, &text, &error), &error);
    assert_string_equal(text, "nats");
    check(storage_read_strings(file, "/texts", &arena, &names, &count, &error), &error);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(names[i], texts[i]);
    assert_true(storage_exists(file, "/empty"));
    assert_false(storage_exists(file, "/absent"));
    assert_false(storage_exists(file, "/absent/inner"));
    storage_close(file);
    arena_destroy(&arena);
}

static void a_text_attribute_may_be_longer_than_64_kilobytes(void **state) {
    const char *path = scratch_path(state, "long.h5");
    Error error;
    StorageWriter writer;
    Arena arena = arena_create("a test");
    size_t bytes = 300000;
    char *text = arena_allocate(&arena, bytes + 1);
    for (size_t i = 0; i < bytes; i++)
        text[i] = (char)('a' + i % 26);
    check(storage_create(&writer, path, &error), &error);
    check(storage_set_text(writer.file, "/", "yaml", text, &error), &error);
    check(storage_commit(&writer, &error), &error);
    hid_t file;
    const char *held;
    check(storage_open(path, &file, &error), &error);
    check(storage_get_text(file, "/", "yaml", &arena, &held, &error), &error);
    assert_string_equal(held, text);
    storage_close(file);
    arena_destroy(&arena);
}

static void missing_things_are_named(void **state) {
    const char *path = scratch_path(state, "a.h5");
    Error error;
    hid_t file;
    int64_t whole;
    float values[4];
    write_numbers(path, 3);
    assert_int_equal(storage_open(scratch_path(state, "no.h5"), &file, &error), STATUS_FAILED);
    assert_contains(error.message, "no.h5: No such file or directory");
    assert_int_equal(storage_open((const char *)*state, &file, &error), STATUS_FAILED);
    assert_contains(error.message, "not a regular file");
    check(storage_open(path, &file, &error), &error);
    assert_int_equal(storage_read(file, "/nothing", H5T_NATIVE_FLOAT, 1, values, &error),
                     STATUS_FAILED);
    assert_contains(error.message, "/nothing");
    assert_int_equal(storage_read(file, "/group/inner/values", H5T_NATIVE_FLOAT, 4, values, &error),
                     STATUS_FAILED);
    assert_contains(error.message, "holds 3 values, not 4");
    assert_int_equal(storage_get_integer(file, "/", "absent", &whole, &error), STATUS_FAILED);
    assert_contains(error.message, "absent");
    storage_close(file);
}

static void what_hdf5_refuses_is_given_its_reason(void **state) {
    Error error;
    StorageWriter writer;
    const float value = 1;
    check(storage_create(&writer, scratch_path(state, "a.h5"), &error), &error);
    check(storage_write(writer.file, "/a", H5T_NATIVE_FLOAT, 0, NULL, &value, &error), &error);
    assert_int_equal(storage_write(writer.file, "/a", H5T_NATIVE_FLOAT, 0, NULL, &value, &error),
                     STATUS_FAILED);
    assert_contains(error.message, "a.h5: cannot make the dataset /a: name already exists");
    assert_int_equal(storage_write(writer.file, "/a/b", H5T_NATIVE_FLOAT, 0, NULL, &value, &error),
                     STATUS_FAILED);
    assert_contains(error.message, "cannot make the dataset /a/b");
    storage_abandon(&writer);
}

static void damaged_files_are_refused(void **state) {
    const char *path = scratch_path(state, "a.h5");
    Error error;
    hid_t file = 0;
    write_numbers(path, 5000);
    size_t size = scratch_size(path);
    for (size_t kept = size - 25; kept > 0; kept /= 2) { /* a lost checksum alone is no loss */
        scratch_truncate(path, kept);
        assert_int_equal(storage_open(path, &file, &error), STATUS_FAILED);
        assert_contains(error.message, "a.h5");
        assert_contains(error.message, "damaged");
    }
    scratch_truncate(path, 0);
    assert_int_equal(storage_open(path, &file, &error), STATUS_FAILED);
    assert_contains(error.message, "empty (0 bytes)");
    scratch_write(path, "experiment: not HDF5 at all\n");
    assert_int_equal(storage_open(path, &file, &error), STATUS_FAILED);
    assert_contains(error.message, "not an HDF5 file");
    write_numbers(path, 5000);
    for (size_t at = 0; at < size - 24; at += 97) {
        scratch_flip(path, at);
        if (storage_open(path, &file, &error) == STATUS_OK)
            fail_msg("a file with byte %zu flipped was opened", at);
        assert_contains(error.message, "does not fit the checksum");
        scratch_flip(path, at);
    }
    assert_numbers(path, 5000);
}

/* A link to itself can be opened by nobody, the superuser included. */
static void what_cannot_be_opened_is_not_missing(void **state) {
    const char *path = scratch_path(state, "a.h5");
    Error error;
    bool exists = true;
    check(storage_can_open(path, &exists, &error), &error);
    assert_false(exists);
    write_numbers(path, 1);
    check(storage_can_open(path, &exists, &error), &error);
    assert_true(exists);
    assert_int_equal(remove(path), 0);
    assert_int_equal(symlink("a.h5", path), 0);
    assert_int_equal(storage_can_open(path, &exists, &error), STATUS_FAILED);
    assert_contains(error.message, "a.h5: Too many levels of symbolic links");
}

static void a_full_disk_leaves_the_earlier_file(void **state) {
    const char *path = scratch_path(state, "a.h5");
    Error error;
    StorageWriter writer;
    static const float many[100000];
    hsize_t shape[1] = {100000};
    write_numbers(path, 10);
    scratch_limit_file_size(50000);
    Status created = storage_create(&writer, path, &error);
    Status written = storage_write(writer.file, "/x", H5T_NATIVE_FLOAT, 1, shape, many, &error);
    Status status = storage_commit(&writer, &error);
    scratch_limit_file_size(0);
    assert_int_equal(created, STATUS_OK);
    assert_int_equal(written, STATUS_OK);
    assert_int_equal(status, STATUS_FAILED);
    assert_contains(error.message, path);
    assert_contains(error.message, "File too large");
    assert_false(scratch_exists(scratch_path(state, "a.h5.tmp")));
    assert_numbers(path, 10);
    write_numbers(path, 20);
    assert_numbers(path, 20);
}

static void an_unwritable_folder_is_named(void **state) {
    Error error;
    StorageWriter writer = {0};
    scratch_write(scratch_path(state, "plain"), "a file");
    const char *below = scratch_path(state, "plain/a.h5");
    assert_int_equal(storage_create(&writer, below, &error), STATUS_FAILED);
    assert_contains(error.message, below);
    assert_contains(error.message, "Not a directory");
    storage_abandon(&writer);
    assert_int_equal(storage_create(&writer, scratch_path(state, "no/a.h5"), &error),
                     STATUS_FAILED);
    assert_contains(error.message, "No such file or directory");
    assert_int_equal(storage_make_directory(scratch_path(state, "plain/deep/er"), &error),
                     STATUS_FAILED);
    assert_contains(error.message, "plain: Not a directory");
    assert_int_equal(storage_write_text(below, "x", 1, &error), STATUS_FAILED);
    assert_contains(error.message, "Not a directory");
}

static void abandoned_and_interrupted_files_leave_nothing(void **state) {
    const char *path = scratch_path(state, "a.h5"), *temporary = scratch_path(state, "a.h5.tmp");
    Error error;
    StorageWriter writer;
    check(storage_create(&writer, path, &error), &error);
    assert_true(scratch_exists(temporary));
    storage_abandon(&writer);
    assert_false(scratch_exists(temporary));
    assert_false(scratch_exists(path));
    scratch_write(temporary, "left by a killed process, longer than what will be written now");
    write_numbers(path, 2);
    assert_numbers(path, 2);
    assert_false(scratch_exists(temporary));
}

static void an_earlier_file_can_be_kept(void **state) {
    const char *path = scratch_path(state, "a.h5"), *kept = scratch_path(state, "kept.h5");
    Error error;
    for (int round = 0; round < 2; round++) {
        StorageWriter writer;
        const float value = (float)round;
        check(storage_create(&writer, path, &error), &error);
        check(storage_write(writer.file, "value", H5T_NATIVE_FLOAT, 0, NULL, &value, &error),
              &error);
        check(storage_commit_keeping(&writer, kept, &error), &error);
        assert_int_equal(scratch_exists(kept), round == 1);
    }
    const char *paths[2] = {kept, path};
    for (int i = 0; i < 2; i++) {
        hid_t file;
        float value = -1;
        check(storage_open(paths[i], &file, &error), &error);
        check(storage_read(file, "value", H5T_NATIVE_FLOAT, 1, &value, &error), &error);
        storage_close(file);
        assert_float_equal(value, (float)i, 0);
    }
}

static void a_stack_shows_its_files_and_survives_a_move(void **state) {
    Error error;
    StorageWriter writer;
    const char *sources[3] = {"parts/0.h5", "parts/missing.h5", "parts/2.h5"};
    check(storage_make_directory(scratch_path(state, "run/parts"), &error), &error);
    write_numbers(scratch_path(state, "run/parts/0.h5"), 4);
    write_numbers(scratch_path(state, "run/parts/2.h5"), 4);
    check(storage_create(&writer, scratch_path(state, "run/all.h5"), &error), &error);
    check(storage_write_stack(writer.file, "/group/inner/values", 4, 0, 3, sources, &error),
          &error);
    check(storage_commit(&writer, &error), &error);
    assert_int_equal(rename(scratch_path(state, "run"), scratch_path(state, "moved")), 0);
    hid_t file;
    float values[12];
    check(storage_open(scratch_path(state, "moved/all.h5"), &file, &error), &error);
    check(storage_read(file, "/group/inner/values", H5T_NATIVE_FLOAT, 12, values, &error), &error);
    storage_close(file);
    for (int i = 0; i < 12; i++) {
        bool missing = i / 4 == 1;
        if (missing ? !isnan(values[i]) : !(values[i] == (float)(i % 4)))
            fail_msg("value %d is %g, not %g", i, (double)values[i], missing ? NAN : i % 4);
    }
}

static void the_same_content_gives_the_same_bytes(void **state) {
    const char *first = scratch_path(state, "a.h5"), *second = scratch_path(state, "b.h5");
    write_numbers(first, 100);
    write_numbers(second, 100);
    size_t size = scratch_size(first);
    assert_int_equal(scratch_size(second), size);
    char bytes[16384];
    assert_true(size < sizeof bytes);
    FILE *file = fopen(first, "rb");
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    assert_int_equal(scratch_find(second, bytes, size), 0);
}

/* A large file is built on disk; it is the same to whoever reads it, and fails in the same way. */
static void large_files_are_built_on_disk(void **state) {
    enum { HUGE_BYTES = 1 << 26, COUNT = 100000 };
    const char *path = scratch_path(state, "large.h5");
    Error error;
    check(try_numbers(path, COUNT, HUGE_BYTES, &error), &error);
    assert_numbers(path, COUNT);
    assert_false(scratch_exists(scratch_path(state, "large.h5.tmp")));
    scratch_limit_file_size(COUNT);
    Status status = try_numbers(path, 2 * COUNT, HUGE_BYTES, &error);
    scratch_limit_file_size(0);
    assert_int_equal(status, STATUS_FAILED);
    assert_contains(error.message, "File too large");
    assert_false(scratch_exists(scratch_path(state, "large.h5.tmp")));
    assert_numbers(path, COUNT);
    scratch_flip(path, scratch_size(path) / 2);
    hid_t file;
    assert_int_equal(storage_open(path, &file, &error), STATUS_FAILED);
    assert_contains(error.message, "damaged");
}

/* In any order; read back while the file is written, and from the whole file. */
static void entries_are_written_one_by_one(void **state) {
    enum { ENTRIES = 5, ROWS = 2, COLUMNS = 3, COUNT = ROWS * COLUMNS };
    const char *path = scratch_path(state, "entries.h5");
    const hsize_t shape[3] = {ENTRIES, ROWS, COLUMNS};
    const size_t order[ENTRIES] = {3, 0, 4, 1, 2};
    double entry[COUNT], all[ENTRIES * COUNT];
    Error error;
    StorageWriter writer;
    hid_t dataset = 0, file;
    check(storage_create_on_disk(&writer, path, 1000, &error), &error);
    check(storage_begin(writer.file, "/a/b", H5T_NATIVE_DOUBLE, 3, shape, &dataset, &error),
          &error);
    for (int e = 0; e < ENTRIES; e++) {
        for (int i = 0; i < COUNT; i++)
            entry[i] = (double)order[e] + 0.01 * i;
        check(storage_write_entry(dataset, H5T_NATIVE_DOUBLE, order[e], entry, &error), &error);
    }
    check(storage_read_entry(dataset, H5T_NATIVE_DOUBLE, 4, entry, &error), &error);
    for (int i = 0; i < COUNT; i++)
        assert_number("read back", entry[i], 4 + 0.01 * i, 0);
    assert_int_equal(storage_write_entry(dataset, H5T_NATIVE_DOUBLE, ENTRIES, entry, &error),
                     STATUS_FAILED);
    assert_contains(error.message, "cannot write entry 5 of /a/b");
    assert_contains(error.message, "entries.h5");
    storage_end(dataset);
    assert_false(scratch_exists(path));
    check(storage_commit(&writer, &error), &error);
    check(storage_open(path, &file, &error), &error);
    check(storage_read(file, "a/b", H5T_NATIVE_DOUBLE, ENTRIES * COUNT, all, &error), &error);
    storage_close(file);
    for (int i = 0; i < ENTRIES * COUNT; i++)
        assert_number("in the file", all[i], i / COUNT + 0.01 * (i % COUNT), 0);
}

static void texts_are_written_whole(void **state) {
    Error error;
    const char *path = scratch_path(state, "deep/er/summary.csv");
    check(storage_make_directory(scratch_path(state, "deep/er/"), &error), &error);
    check(storage_make_directory(scratch_path(state, "deep/er"), &error), &error);
    check(storage_write_text(path, "run,seed\n", 9, &error), &error);
    assert_int_equal(scratch_size(path), 9);
    assert_int_equal(scratch_find(path, "run,seed\n", 9), 0);
    assert_false(scratch_exists(scratch_path(state, "deep/er/summary.csv.tmp")));
}

#define SCRATCH_TEST(function)                                                                     \
    cmocka_unit_test_setup_teardown(function, scratch_create, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(datasets_and_attributes_read_back),
        SCRATCH_TEST(a_text_attribute_may_be_longer_than_64_kilobytes),
        SCRATCH_TEST(missing_things_are_named),
        SCRATCH_TEST(what_hdf5_refuses_is_given_its_reason),
        SCRATCH_TEST(damaged_files_are_refused),
        SCRATCH_TEST(what_cannot_be_opened_is_not_missing),
        SCRATCH_TEST(a_full_disk_leaves_the_earlier_file),
        SCRATCH_TEST(an_unwritable_folder_is_named),
        SCRATCH_TEST(abandoned_and_interrupted_files_leave_nothing),
        SCRATCH_TEST(an_earlier_file_can_be_kept),
        SCRATCH_TEST(a_stack_shows_its_files_and_survives_a_move),
        SCRATCH_TEST(the_same_content_gives_the_same_bytes),
        SCRATCH_TEST(large_files_are_built_on_disk),
        SCRATCH_TEST(entries_are_written_one_by_one),
        SCRATCH_TEST(texts_are_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
