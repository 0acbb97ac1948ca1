/* test_lz4stream.c: what the library packs comes out, in pieces of any size and from pieces of any
 * size; and whatever is stored ends in an answer, which is the library's where that has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/disk/lz4stream.h"
#include "tests/rigs/seed.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RAW = 1 << 20, SMALL_RAW = 5000 };

static uint64_t rng;

typedef struct stored_block {
    const uint8_t *bytes;
    size_t at, end;
    size_t piece; /* at most so many at once */
} stored_block;

static size_t give(void *context, void *buffer, size_t room)
{
    stored_block *b = context;
    size_t bytes = b->end - b->at;
    bytes = bytes < room ? bytes : room;
    bytes = bytes < b->piece ? bytes : b->piece;
    memcpy(buffer, b->bytes + b->at, bytes);
    b->at += bytes;
    return bytes;
}

/* Bytes with runs, and with repetitions of what stood near and far before. */
static void fill(uint8_t *raw, size_t bytes)
{
    size_t at = 0;
    while (at < bytes) {
        size_t run = 1 + seed_below(&rng, seed_below(&rng, 4) == 0 ? 100000 : 40);
        run = run < bytes - at ? run : bytes - at;
        const uint32_t how = seed_below(&rng, 3);
        const size_t back = 1 + (at > 0 ? seed_below(&rng, at < 70000 ? (uint32_t)at : 70000) : 0);
        for (size_t i = 0; i < run; i++, at++) {
            raw[at] = how == 0                 ? (uint8_t)seed_next(&rng)
                      : how == 1 && at >= back ? raw[at - back]
                                               : 7;
        }
    }
}

/* Unpacks in pieces; whether it gave all bytes and ended there. */
static bool unpack(const uint8_t *stored, size_t stored_bytes, uint8_t *out, size_t bytes)
{
    stored_block b = {stored, 0, stored_bytes, 1 + seed_below(&rng, 2) * seed_below(&rng, 3000)};
    lz4stream *s = lz4stream_create(give, &b);
    assert_non_null(s);
    size_t at = 0;
    bool good = true;
    while (at < bytes && good) {
        const size_t part = 1 + seed_below(&rng, seed_below(&rng, 5) == 0 ? 300000 : 3000);
        const size_t rest = bytes - at < part ? bytes - at : part;
        good = lz4stream_read(s, out + at, rest);
        at += rest;
    }
    good = good && lz4stream_ends(s);
    uint8_t more;
    assert_false(good && lz4stream_read(s, &more, 1));
    lz4stream_destroy(s);
    return good;
}

static void what_was_packed_comes_out(void **state)
{
    (void)state;
    uint8_t *raw = malloc(MOST_RAW), *out = malloc(MOST_RAW);
    uint8_t *stored = malloc((size_t)LZ4_compressBound(MOST_RAW));
    for (int round = 0; round < 60; round++) {
        const size_t bytes = 1 + seed_below(&rng, round % 3 == 0 ? MOST_RAW : SMALL_RAW);
        fill(raw, bytes);
        const int packed = LZ4_compress_default((const char *)raw, (char *)stored, (int)bytes,
                                                LZ4_compressBound((int)bytes));
        assert_true(packed > 0);
        assert_true(unpack(stored, (size_t)packed, out, bytes));
        assert_memory_equal(out, raw, bytes);
        if (bytes > 1) { /* there is more than was asked for */
            assert_false(unpack(stored, (size_t)packed, out, bytes - 1));
        }
    }
    free(raw);
    free(out);
    free(stored);
}

/* Buffers are just as large as they have to be, so that the sanitizers see each byte too far. */
static void damage_ends_in_an_answer(void **state)
{
    (void)state;
    uint32_t whole = 0, refused = 0;
    for (int round = 0; round < 4000; round++) {
        const size_t bytes = 1 + seed_below(&rng, SMALL_RAW);
        uint8_t *raw = malloc(bytes), *mine = malloc(bytes), *theirs = malloc(bytes);
        const int room = LZ4_compressBound((int)bytes);
        uint8_t *packed = malloc((size_t)room);
        fill(raw, bytes);
        size_t stored_bytes =
            (size_t)LZ4_compress_default((const char *)raw, (char *)packed, (int)bytes, room);
        for (uint32_t i = seed_below(&rng, 4); i > 0; i--) {
            packed[seed_below(&rng, (uint32_t)stored_bytes)] = (uint8_t)seed_next(&rng);
        }
        stored_bytes -= seed_below(&rng, 3) == 0 ? seed_below(&rng, (uint32_t)stored_bytes) : 0;
        uint8_t *stored = malloc(stored_bytes);
        memcpy(stored, packed, stored_bytes);
        const bool good = unpack(stored, stored_bytes, mine, bytes);
        if (LZ4_decompress_safe((const char *)stored, (char *)theirs, (int)stored_bytes,
                                (int)bytes) == (int)bytes) {
            /* The library does not mind a match that goes back by 0. */
            if (good) {
                assert_memory_equal(mine, theirs, bytes);
            }
            whole += good;
        }
        refused += !good;
        free(raw);
        free(mine);
        free(theirs);
        free(packed);
        free(stored);
    }
    assert_true(whole > 100 && refused > 100);
}

/* 8 KiB that stand for 2 MiB: as far as LZ4 goes. */
static void the_most_that_lz4_packs_is_unpacked(void **state)
{
    (void)state;
    const size_t bytes = 2 << 20;
    uint8_t *raw = calloc(1, bytes), *out = malloc(bytes), *stored = malloc(1 << 16);
    const int packed = LZ4_compress_default((const char *)raw, (char *)stored, (int)bytes, 1 << 16);
    assert_true(packed > 0 && (size_t)packed < bytes / 250);
    assert_true(unpack(stored, (size_t)packed, out, bytes));
    assert_memory_equal(out, raw, bytes);
    free(raw);
    free(out);
    free(stored);
}

static void an_empty_block_is_a_block(void **state)
{
    (void)state;
    const uint8_t nothing = 0;
    assert_true(unpack(&nothing, 1, NULL, 0));
    assert_false(unpack(&nothing, 0, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_comes_out),
        cmocka_unit_test(damage_ends_in_an_answer),
        cmocka_unit_test(the_most_that_lz4_packs_is_unpacked),
        cmocka_unit_test(an_empty_block_is_a_block),
    };
    rng = seed_of_run();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
