/* The report's texts: numbers for people, and what is quoted in CSV, HTML and gnuplot. */
#include "results/report/output.h"
#include "tests/support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void numbers_for_people(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.0741, "0.074"},      {0.5, "0.500"},      {1024, "1,024"}, {-2.345, "−2.35"},
                 {12.34, "12.3"},        {999.6, "1,000"},    {123.4, "123"},  {99.97, "100"},
                 {1234567, "1,234,567"}, {2.5e-7, "2.5e-07"}, {NAN, "–"},      {0, "0"}};
    char text[NUMBER_TEXT_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(number_text(cases[i].value, text), cases[i].text);
}

static void texts_are_quoted(void **state) {
    static const struct {
        const char *text, *csv, *html, *gnuplot;
    } cases[] = {
        {"plain", "plain", "plain", "'plain'"},
        {"a,b", "\"a,b\"", "a,b", "'a,b'"},
        {"say \"x\"", "\"say \"\"x\"\"\"", "say &quot;x&quot;", "'say \"x\"'"},
        {"it's", "it's", "it&#39;s", "'it''s'"},
        {"<&>\n", "\"<&>\n\"", "&lt;&amp;&gt;\n", "'<&> '"},
        {"\xFF\x01α", "\xFF\x01α", "\uFFFD\uFFFDα", "'\xFF α'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *path = scratch_path(state, "text");
        FILE *file = fopen(path, "w");
        output_csv_text(file, cases[i].text);
        fputc('|', file);
        output_html(file, cases[i].text);
        fputc('|', file);
        output_gnuplot_text(file, cases[i].text);
        fclose(file);
        char written[256] = "", expected[256];
        file = fopen(path, "r");
        written[fread(written, 1, sizeof written - 1, file)] = 0;
        fclose(file);
        snprintf(expected, sizeof expected, "%s|%s|%s", cases[i].csv, cases[i].html,
                 cases[i].gnuplot);
        assert_string_equal(written, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_for_people),
        cmocka_unit_test_setup_teardown(texts_are_quoted, scratch_create, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
