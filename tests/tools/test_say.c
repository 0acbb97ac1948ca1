/* Names that strangers gave, as lines and as UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/base/say.h"
#include "tools/base/utf8.h"

#include "tests/rigs/seed.h"

#include <stdlib.h>
#include <string.h>

/* What was written to a stream of its own; the caller frees it. */
static char *said(const char *name)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    say_line(out, "%s: %d pages", name, 3);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void text_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"", "world.mega", "a b", "Größe", "世界", "🌍", "\\x1b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char clean[64], repaired[64];
        assert_string_equal(say_clean(names[i], clean, sizeof clean), names[i]);
        assert_string_equal(utf8_repair(names[i], repaired, sizeof repaired), names[i]);
    }
}

static void what_a_terminal_would_obey_is_shown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shown;
    } cases[] = {
        {"\033[2J", "\\x1b[2J"},
        {"two\nlines", "two\\x0alines"},
        {"\r\t\x7f", "\\x0d\\x09\\x7f"},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b2J"}, /* CSI of 8 bits */
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xe2\x80\xae"
         "txt",
         "\\xe2\\x80\\xaetxt"}, /* turns the text round */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xc0\x80", "\\xc0\\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char clean[64], line[96];
        assert_string_equal(say_clean(cases[i].name, clean, sizeof clean), cases[i].shown);
        (void)snprintf(line, sizeof line, "%s: 3 pages\n", cases[i].shown);
        char *text = said(cases[i].name);
        assert_string_equal(text, line);
        free(text);
    }
}

/* Whether all of it is text, in UTF-8. */
static bool is_text(const char *text)
{
    while (*text != '\0') {
        const size_t bytes = utf8_bytes(text);
        if (bytes == 0) {
            return false;
        }
        text += bytes;
    }
    return true;
}

static void any_bytes_become_text_that_fits(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 20000; round++) {
        char name[24], out[64];
        const size_t length = seed_below(&seed, sizeof name),
                     room = 1 + seed_below(&seed, sizeof out);
        for (size_t i = 0; i < length; i++) {
            name[i] = (char)(1 + seed_below(&seed, 255));
        }
        name[length] = '\0';
        memset(out, 'x', sizeof out);
        assert_true(is_text(say_clean(name, out, room)));
        assert_true(strlen(out) < room);
        assert_true(is_text(utf8_repair(name, out, room)));
        assert_true(strlen(out) < room);
        assert_true(room == sizeof out || out[sizeof out - 1] == 'x');
    }
}

static void a_line_that_is_too_long_is_cut_and_still_a_line(void **state)
{
    (void)state;
    char *name = malloc(4 * SAY_BYTES);
    assert_non_null(name);
    memset(name, '\033', 4 * SAY_BYTES);
    name[4 * SAY_BYTES - 1] = '\0';
    char *text = said(name);
    const size_t bytes = strlen(text);
    assert_true(bytes > SAY_BYTES / 2 && bytes <= SAY_BYTES);
    assert_int_equal(text[bytes - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + bytes - 1);
    free(text);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_stays_as_it_is),
        cmocka_unit_test(what_a_terminal_would_obey_is_shown),
        cmocka_unit_test(any_bytes_become_text_that_fits),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_still_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
