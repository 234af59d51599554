/* Aligned columns and wrapped lines. */
#include "experiments/runner/columns.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

static void test_cells(void **state) {
    (void)state;
    assert_int_equal(text_cells(""), 0);
    assert_int_equal(text_cells("abc"), 3);
    assert_int_equal(text_cells("0 … 1 ß"), 7);
}

static void test_alignment(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    TextBuffer buffer = {.arena = &arena};
    Columns columns = {.arena = &arena, .count = 3, .right = "lrl"};
    columns_add(&columns, (const char *[]){"name", "shape", "what"});
    columns_add(&columns, (const char *[]){"ß", "12", ""});
    columns_add(&columns, (const char *[]){"final_norm", "1,024", "a gain"});
    columns_write(&columns, 2, &buffer);
    assert_string_equal(buffer.text, "  name        shape  what\n"
                                     "  ß              12\n"
                                     "  final_norm  1,024  a gain\n");
    arena_destroy(&arena);
}

/* Whatever the cells hold, no line is longer than it may be, and no word is lost. */
static void test_width(void **state) {
    (void)state;
    Arena arena = arena_create("test");
    TextBuffer buffer = {.arena = &arena};
    Columns columns = {.arena = &arena, .count = 3, .right = "lll"};
    columns_add(&columns,
                (const char *[]){"a_name_that_goes_on_for_rather_more_than_fifty_characters",
                                 "layer head threshold distance",
                                 "one two three four five "
                                 "six seven eight nine ten eleven twelve thirteen"});
    columns_add(&columns, (const char *[]){"short", "layer", "last"});
    columns_write(&columns, 4, &buffer);
    text_wrap(&buffer, 6,
              "a paragraph of words that has to be broken twice, since it is longer than "
              "two lines of the width that there is, when the indent is counted too, as "
              "it must be: the end");
    for (const char *line = buffer.text; *line != '\0';) {
        size_t bytes = strcspn(line, "\n");
        char *copy = arena_format(&arena, "%.*s", (int)bytes, line);
        if (text_cells(copy) > TEXT_COLUMNS)
            fail_msg("%d cells: %s", text_cells(copy), copy);
        line += bytes + (line[bytes] == '\n');
    }
    const char *words[] = {"fifty_characters\n", "thirteen\n", "short", "the end\n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(buffer.text, words[i]) == NULL)
            fail_msg("\"%s\" is missing in:\n%s", words[i], buffer.text);
    arena_destroy(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells),
                                       cmocka_unit_test(test_alignment),
                                       cmocka_unit_test(test_width)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
