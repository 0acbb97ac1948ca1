/* Dumps of a screen: read right, and refused whatever they lack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/seed.h"
#include "tests/tools/view/window/xwd.h"

#include <string.h>

enum { WIDTH = 3, HEIGHT = 2, ROW = 16, HEADER = 104, BYTES = HEADER + 12 + ROW * HEIGHT };

static void put(uint8_t *dump, int which, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        dump[4 * which + i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* A dump whose pixel x, y is red x, green y, blue 7. */
static void make(uint8_t dump[BYTES])
{
    static const uint32_t numbers[25] = {HEADER, 7,      2,   24, WIDTH,    HEIGHT, 0,    0, 32, 0,
                                         32,     32,     ROW, 4,  0xff0000, 0xff00, 0xff, 8, 1,  1,
                                         WIDTH,  HEIGHT, 0,   0,  0};
    memset(dump, 0, BYTES);
    for (int i = 0; i < 25; i++) {
        put(dump, i, numbers[i]);
    }
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        uint8_t *p = dump + HEADER + 12 + i / WIDTH * ROW + i % WIDTH * 4;
        p[0] = 7;
        p[1] = (uint8_t)(i / WIDTH);
        p[2] = (uint8_t)(i % WIDTH);
    }
}

static void a_dump_is_read_row_by_row(void **state)
{
    (void)state;
    uint8_t dump[BYTES];
    picture p;
    const char *why;
    make(dump);
    assert_true(xwd_parse(dump, BYTES, &p, &why));
    assert_true(p.width == WIDTH && p.height == HEIGHT);
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t *c = p.rgba + 4 * (size_t)i;
        assert_true(c[0] == i % WIDTH && c[1] == i / WIDTH && c[2] == 7 && c[3] == 255);
    }
    picture_free(&p);
}

static void what_ends_early_is_refused(void **state)
{
    (void)state;
    uint8_t dump[BYTES];
    picture p;
    make(dump);
    for (size_t count = 0; count < BYTES; count++) {
        uint8_t *exact = malloc(count + 1); /* so that reading past it is seen */
        const char *why = NULL;
        assert_non_null(exact);
        memcpy(exact, dump, count);
        assert_false(xwd_parse(exact, count, &p, &why));
        assert_true(why != NULL && p.rgba == NULL);
        free(exact);
    }
}

static void hostile_headers_do_no_harm(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    static const uint32_t values[] = {0, 1, 2, 7, 1u << 16, 0x7fffffff, 0x80000000, 0xffffffff};
    for (int round = 0; round < 20000; round++) {
        uint8_t dump[BYTES];
        picture p;
        const char *why = NULL;
        make(dump);
        for (int i = 0; i < 3; i++) {
            put(dump, (int)seed_below(&seed, 25), values[seed_below(&seed, 8)]);
        }
        const bool good = xwd_parse(dump, BYTES, &p, &why);
        assert_true(good == (p.rgba != NULL) && good == (why == NULL));
        picture_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dump_is_read_row_by_row),
        cmocka_unit_test(what_ends_early_is_refused),
        cmocka_unit_test(hostile_headers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
