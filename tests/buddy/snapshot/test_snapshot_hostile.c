/* Files that are no saved heaps, or were: cut, changed, or written by somebody who makes checksums
 * of his own. Each is refused with the right word, or what is opened is a whole heap. */
#include "tests/rigs/buddy/snapshot_image.h"

#include <errno.h>

#define UNITS      400u
#define UNIT_BYTES 16u
#define BLOCKS     40u
#define HUGE_BYTES (1u << 20)

/* ThreadSanitizer takes an address that it does not like for a hint, and then ends the program. */
#if defined(__SANITIZE_THREAD__)
#define ANY_ADDRESS false
#else
#define ANY_ADDRESS true
#endif

static uint64_t seed;

static image whole; /* as it was saved */

/* Frees every block there is. */
static void free_all(buddy_heap *g)
{
    unsigned char *base = buddy_heap_base(g);
    size_t bytes = buddy_heap_get_desc(g)->bytes, unit = buddy_heap_get_desc(g)->unit_bytes;
    for (size_t at = 0; at < bytes; at += unit) {
        if (buddy_heap_usable_size(g, base + at) != 0) {
            base[at] ^= 1;
            assert_int_equal(buddy_heap_free(g, base + at), BUDDY_HEAP_OK);
        }
    }
    buddy_heap_recall(g);
    buddy_heap_stats stats;
    buddy_heap_get_stats(g, &stats);
    assert_int_equal(stats.core.free_units * unit, bytes);
}

/* An opened heap must work, whatever it holds. One that claims to be huge is not walked. */
static void use_up(buddy_heap *g)
{
    if (buddy_heap_get_desc(g)->max_bytes <= HUGE_BYTES) {
        rig_check(g);
        free_all(g);
        rig_check(g);
    }
    size_t unit = buddy_heap_get_desc(g)->unit_bytes;
    void *block = buddy_heap_alloc(g, unit);
    if (block != NULL) {
        memset(block, 1, unit);
        assert_int_equal(buddy_heap_free(g, block), BUDDY_HEAP_OK);
    }
    buddy_heap_destroy(g);
}

/* Opens what is there in some mode. Whatever comes of it must be sound. Returns the status. */
static buddy_snapshot_status try_open(uint64_t *random)
{
    buddy_snapshot_open_desc desc = {.mode = (buddy_snapshot_mode)seed_below(random, 3),
                                     .want_address = ANY_ADDRESS && seed_below(random, 4) == 0,
                                     .max_bytes = seed_below(random, 2) ? HUGE_BYTES / 8 : 0,
                                     .threads = 1};
    buddy_snapshot_status status;
    buddy_heap *g = buddy_heap_open(rig_path, &desc, &status);
    assert_int_equal(g != NULL, status == BUDDY_SNAPSHOT_OK);
    if (g == NULL) {
        return status;
    }
    (void)buddy_snapshot_root_of(g, "one");
    status = buddy_snapshot_verify_all(g);
    if (desc.mode == BUDDY_SNAPSHOT_READ_ONLY) {
        assert_null(buddy_heap_alloc(g, 1));
        buddy_heap_destroy(g);
    } else {
        use_up(g);
    }
    return status;
}

static void expect_in_all_modes(const image *spoilt, buddy_snapshot_status wanted)
{
    image_put(spoilt);
    rig_refused(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_COPY}, wanted);
    rig_refused(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED}, wanted);
    rig_refused(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_READ_ONLY}, wanted);
}

/* ---- by accident ---- */

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    const size_t end_at = (size_t)(whole.layout.marks_at + whole.layout.marks_bytes);
    for (size_t length = 0; length < whole.length; length += length < end_at ? 1 : 97) {
        image_put_part(&whole, length);
        rig_refused(NULL, BUDDY_SNAPSHOT_LENGTH);
        rig_refused(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED},
                    BUDDY_SNAPSHOT_LENGTH);
    }
    image longer = image_copy_of(&whole);
    longer.bytes = realloc(longer.bytes, ++longer.length);
    longer.bytes[whole.length] = 0;
    expect_in_all_modes(&longer, BUDDY_SNAPSHOT_LENGTH);
    image_drop(&longer);
}

static void any_bit_flipped_in_the_tables_is_noticed(void **state)
{
    (void)state;
    image spoilt = image_copy_of(&whole);
    const size_t bits = 8 * (size_t)(whole.layout.marks_at + whole.layout.marks_bytes);
    for (size_t bit = 0; bit < bits; bit++) {
        spoilt.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        image_put(&spoilt);
        buddy_snapshot_status status;
        assert_null(buddy_heap_open(
            rig_path, &(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED}, &status));
        rig_expect(status, bit < 64     ? BUDDY_SNAPSHOT_FOREIGN
                           : bit < 96   ? BUDDY_SNAPSHOT_VERSION
                           : bit < 1024 ? BUDDY_SNAPSHOT_HEADER_SUM
                                        : BUDDY_SNAPSHOT_TABLE_SUM);
        spoilt.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    image_drop(&spoilt);
}

static void a_bit_flipped_in_the_content_is_noticed_where_it_is(void **state)
{
    (void)state;
    uint64_t random = seed + 1;
    image spoilt = image_copy_of(&whole);
    for (uint32_t round = 0; round < 500; round++) {
        size_t content = (size_t)whole.layout.content_at;
        size_t at = content + seed_below(&random, (uint32_t)(whole.length - content));
        unsigned char bit = (unsigned char)(1 << seed_below(&random, 8));
        spoilt.bytes[at] ^= bit;
        image_put(&spoilt);
        rig_refused(NULL, BUDDY_SNAPSHOT_CONTENT);
        buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED});
        rig_expect(buddy_snapshot_verify(g, buddy_snapshot_at(g, at - content), 1),
                   BUDDY_SNAPSHOT_CONTENT);
        rig_expect(buddy_snapshot_verify_all(g), BUDDY_SNAPSHOT_CONTENT); /* and it stays so */
        buddy_heap_destroy(g);
        spoilt.bytes[at] ^= bit;
    }
    image_drop(&spoilt);
}

static void a_bad_part_does_not_spoil_the_others(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 4 * FORMAT_PART_BYTES});
    unsigned char *blocks[4];
    buddy_snapshot_root roots[] = {{"0", 0}, {"1", 0}, {"2", 0}, {"3", 0}};
    for (uint32_t i = 0; i < 4; i++) {
        roots[i].pointer = blocks[i] = buddy_heap_alloc(h, FORMAT_PART_BYTES);
        memset(blocks[i], (int)i + 1, FORMAT_PART_BYTES);
    }
    rig_save(h, roots, 4);
    int fd = open(rig_path, O_WRONLY);
    off_t second = FORMAT_PART_BYTES + (off_t)buddy_snapshot_offset(h, blocks[2]);
    assert_int_equal(pwrite(fd, "?", 1, second + 777), 1);
    buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED});
    for (uint32_t i = 0; i < 4; i++) {
        unsigned char *block = buddy_snapshot_root_of(g, roots[i].name);
        rig_expect(buddy_snapshot_verify(g, block, FORMAT_PART_BYTES),
                   i == 2 ? BUDDY_SNAPSHOT_CONTENT : BUDDY_SNAPSHOT_OK);
        block[0] = 99; /* what is written to memory does not matter */
    }
    assert_int_equal(pwrite(fd, "\3", 1, second + 777), 1);
    rig_expect(buddy_snapshot_verify_all(g), BUDDY_SNAPSHOT_OK); /* the file has been mended */
    assert_int_equal(pwrite(fd, "?", 1, second + 777), 1);
    rig_expect(buddy_snapshot_verify_all(g),
               BUDDY_SNAPSHOT_OK); /* found good once: not looked at again */
    rig_expect(buddy_snapshot_verify(g, (char *)buddy_heap_base(g) - 1, 1), BUDDY_SNAPSHOT_OUTSIDE);
    rig_expect(buddy_snapshot_verify(g, buddy_heap_base(g), SIZE_MAX), BUDDY_SNAPSHOT_OUTSIDE);
    close(fd);
    buddy_heap_destroy(g);
    buddy_heap_destroy(h);
}

static void a_file_cut_while_it_is_open_is_told_by_verifying(void **state)
{
    (void)state;
    image_put(&whole);
    buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED});
    buddy_heap *copied = rig_open(NULL);
    assert_int_equal(truncate(rig_path, (off_t)whole.layout.content_at), 0);
    rig_expect(buddy_snapshot_verify_all(g), BUDDY_SNAPSHOT_LENGTH);
    rig_check(g);
    buddy_heap_destroy(g);
    rig_expect(buddy_snapshot_verify_all(copied), BUDDY_SNAPSHOT_OK);
    use_up(copied);
}

/* ---- on purpose ---- */

static void other_versions_and_machines_are_refused(void **state)
{
    (void)state;
    image spoilt = image_copy_of(&whole);
    format_put32(spoilt.bytes + 8, FORMAT_VERSION + 1);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_VERSION);
    format_put32(spoilt.bytes + 8, FORMAT_VERSION);
    for (uint32_t i = 0; i < 4; i++) { /* 1 in the other order */
        spoilt.bytes[16 + i] = whole.bytes[16 + 3 - i];
    }
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_MACHINE);
    memcpy(spoilt.bytes + 16, whole.bytes + 16, 4);
    format_put32(spoilt.bytes + 20, 12 - (uint32_t)sizeof(void *));
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_MACHINE);
    image_drop(&spoilt);
}

static void sizes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    uint64_t random = seed + 2;
    static const uint32_t odd[] = {0,
                                   1,
                                   2,
                                   15,
                                   24,
                                   64,
                                   UNITS - 1,
                                   UNITS + 1,
                                   65537,
                                   1u << 20,
                                   1u << 21,
                                   1u << 31,
                                   UINT32_MAX,
                                   UINT32_MAX - 1,
                                   UINT32_MAX / 2};
    static const uint32_t fields[] = {24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64};
    for (uint32_t round = 0; round < 3000; round++) {
        image spoilt = image_copy_of(&whole);
        for (uint32_t i = 0; i <= seed_below(&random, 3); i++) {
            uint32_t at = fields[seed_below(&random, sizeof fields / sizeof fields[0])];
            format_put32(spoilt.bytes + at, odd[seed_below(&random, sizeof odd / sizeof odd[0])]);
        }
        image_seal(&spoilt, false);
        image_put(&spoilt);
        format_header header;
        if (format_read(spoilt.bytes, &header) == BUDDY_SNAPSHOT_OK && seed_below(&random, 2)) {
            uint64_t length = format_plan(&header).file_bytes; /* as long as it claims to be */
            if (length < 8 * HUGE_BYTES) {
                assert_int_equal(truncate(rig_path, (off_t)length), 0);
            }
        }
        (void)try_open(&random);
        image_drop(&spoilt);
    }
}

/* Counts again what the marks say is live, so that the header does not give them away. */
static bool count_one(void *context, uint32_t offset, uint32_t units)
{
    uint32_t *counts = context;
    (void)offset;
    counts[0] += units;
    counts[1]++;
    return true;
}

static void recount(image *spoilt)
{
    uint32_t used = format_get32(spoilt->bytes + FORMAT_AT_USED), counts[2] = {0, 0};
    marks view = {(_Atomic uint8_t *)(spoilt->bytes + spoilt->layout.marks_at), used,
                  word_highest(UNITS)};
    uint64_t live;
    if (marks_check(&view, &live) == NULL && snapshot_walk(&view, count_one, counts)) {
        format_put32(spoilt->bytes + 56, counts[0]);
        format_put32(spoilt->bytes + 60, counts[1]);
    }
}

/* A byte of marks that might just be right. */
static unsigned char likely_mark(uint64_t *random)
{
    static const unsigned char small[] = {0,    0,    0x01, 0x05, 0x09, 0x15,
                                          0x29, 0x2a, 0x4a, 0x55, 0x10};
    switch (seed_below(random, 4)) {
    case 0:
        return marks_large(seed_below(random, 9));
    case 1:
        return marks_large(seed_below(random, 9)) | MARK_EXACT;
    case 2:
        return (unsigned char)(seed_below(random, 5) << 4 | 14);
    default:
        return small[seed_below(random, sizeof small)];
    }
}

static void marks_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    uint64_t random = seed + 3;
    uint32_t opened = 0, refused = 0;
    for (uint32_t round = 0; round < 6000; round++) {
        image spoilt = image_copy_of(&whole);
        unsigned char *marks_in = spoilt.bytes + spoilt.layout.marks_at;
        uint32_t groups = (uint32_t)spoilt.layout.marks_bytes;
        if (seed_below(&random, 2)) {
            memset(marks_in, 0, groups / 2);
        }
        for (uint32_t i = 0; i <= seed_below(&random, 6); i++) {
            marks_in[seed_below(&random, groups)] =
                seed_below(&random, 5) ? likely_mark(&random) : (unsigned char)seed_next(&random);
        }
        recount(&spoilt);
        memset(spoilt.bytes + spoilt.layout.roots_at + BUDDY_SNAPSHOT_NAME_BYTES, 0xff, 8);
        memset(spoilt.bytes + spoilt.layout.roots_at + FORMAT_ROOT_BYTES +
                   BUDDY_SNAPSHOT_NAME_BYTES,
               0xff, 8); /* both NULL: the marks alone decide */
        image_seal(&spoilt, true);
        image_put(&spoilt);
        buddy_snapshot_status status = try_open(&random);
        opened += status == BUDDY_SNAPSHOT_OK;
        refused += status == BUDDY_SNAPSHOT_MARKS;
        assert_true(status == BUDDY_SNAPSHOT_OK || status == BUDDY_SNAPSHOT_MARKS ||
                    status == BUDDY_SNAPSHOT_ADDRESS);
        image_drop(&spoilt);
    }
    if (opened < 10 || refused < 1000) {
        fail_msg("%u opened, %u refused: that tests little", opened, refused);
    }
}

/* A file by hand: `used` units whose marks begin so, with checksums and counts that fit. */
static void forge(const unsigned char marks_in[8], uint32_t used, uint32_t units, uint32_t blocks)
{
    format_header header = {.unit_bytes = UNIT_BYTES,
                            .max_units = UNITS,
                            .in_play = UNITS,
                            .used = used,
                            .base = 1 << 20,
                            .live_units = units,
                            .live_blocks = blocks};
    image forged = {.layout = format_plan(&header)};
    forged.length = (size_t)forged.layout.file_bytes;
    forged.bytes = calloc(1, forged.length);
    assert_non_null(forged.bytes);
    format_write(&header, forged.bytes);
    memcpy(forged.bytes + forged.layout.marks_at, marks_in, (size_t)forged.layout.marks_bytes);
    image_seal(&forged, true);
    image_put(&forged);
    image_drop(&forged);
}

static void every_way_to_write_marks_that_no_heap_would_write_is_refused(void **state)
{
    (void)state;
    enum { ROW = 14, STEP = 16, EXACT = MARK_EXACT };
    const unsigned char order2 = marks_large(2), order3 = marks_large(3), order4 = marks_large(4);
    const struct {
        unsigned char marks_in[8];
        uint32_t used, units, blocks;
        buddy_snapshot_status wanted;
    } cases[] = {
        {{order3}, 8, 8, 1, BUDDY_SNAPSHOT_OK},
        {{order3 | EXACT, 0, 0x02}, 9, 9, 1, BUDDY_SNAPSHOT_OK},
        {{order4 | EXACT, 0, 0, 0, ROW + STEP}, 20, 20, 1, BUDDY_SNAPSHOT_OK},
        {{0x29, 0x55}, 8, 7, 5, BUDDY_SNAPSHOT_OK},
        {{order3}, 8, 8, 2, BUDDY_SNAPSHOT_MARKS}, /* counts that lie */
        {{order3}, 8, 7, 1, BUDDY_SNAPSHOT_MARKS},
        {{order3}, 9, 8, 1, BUDDY_SNAPSHOT_MARKS},                  /* ends too soon */
        {{order3}, 7, 7, 1, BUDDY_SNAPSHOT_MARKS},                  /* … too late */
        {{0}, 8, 8, 1, BUDDY_SNAPSHOT_MARKS},                       /* nothing there */
        {{order3, order2}, 8, 8, 1, BUDDY_SNAPSHOT_MARKS},          /* one inside another */
        {{order3 | EXACT}, 8, 8, 1, BUDDY_SNAPSHOT_MARKS},          /* goes on, or not */
        {{0, order3}, 12, 8, 1, BUDDY_SNAPSHOT_MARKS},              /* not aligned */
        {{0, order2 | EXACT, 0x02}, 9, 5, 1, BUDDY_SNAPSHOT_MARKS}, /* … to the next size */
        {{0, 0, order3 | EXACT, 0, ROW}, 24, 16, 1, BUDDY_SNAPSHOT_MARKS}, /* a row that rises */
        {{0, order2 | EXACT, ROW}, 12, 8, 1, BUDDY_SNAPSHOT_MARKS},
        {{order3 | EXACT, 0, ROW + STEP}, 12, 12, 1, BUDDY_SNAPSHOT_MARKS}, /* too small a piece */
        {{order3 | EXACT, 0, ROW + 5 * STEP}, 12, 12, 1, BUDDY_SNAPSHOT_MARKS},
        {{ROW}, 4, 4, 1, BUDDY_SNAPSHOT_MARKS}, /* of no block */
        {{0x02}, 1, 1, 1, BUDDY_SNAPSHOT_MARKS},
        {{0x24}, 3, 2, 1, BUDDY_SNAPSHOT_MARKS}, /* two units at 1 */
        {{marks_large(30)}, 8, 8, 1, BUDDY_SNAPSHOT_MARKS},
        {{marks_large(31)}, 8, 8, 1, BUDDY_SNAPSHOT_MARKS},
        {{marks_large(1)}, 2, 2, 1, BUDDY_SNAPSHOT_MARKS},
        {{0x55}, 3, 3, 3, BUDDY_SNAPSHOT_MARKS}, /* behind the end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forge(cases[i].marks_in, cases[i].used, cases[i].units, cases[i].blocks);
        buddy_snapshot_status status;
        buddy_heap *g = buddy_heap_open(rig_path, NULL, &status);
        if (status != cases[i].wanted) {
            fail_msg("case %zu: %s", i, buddy_snapshot_status_text(status));
        }
        if (g != NULL) {
            use_up(g);
        }
    }
}

static void roots_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    image spoilt = image_copy_of(&whole);
    unsigned char *root = spoilt.bytes + spoilt.layout.roots_at;
    static const uint64_t nowhere[] = {UNITS * UNIT_BYTES, UINT64_MAX - 1, UINT64_C(1) << 36,
                                       UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        format_put64(root + BUDDY_SNAPSHOT_NAME_BYTES, nowhere[i]);
        image_seal(&spoilt, false);
        expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    }
    memcpy(root, whole.bytes + whole.layout.roots_at, 2 * FORMAT_ROOT_BYTES);
    unsigned char first[FORMAT_ROOT_BYTES];
    memcpy(first, root, sizeof first);
    memcpy(root, root + FORMAT_ROOT_BYTES, sizeof first); /* one name twice */
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    memcpy(root + FORMAT_ROOT_BYTES, first, sizeof first); /* not in order */
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    memcpy(root, whole.bytes + whole.layout.roots_at, 2 * FORMAT_ROOT_BYTES);
    root[BUDDY_SNAPSHOT_NAME_BYTES - 1] = 'x'; /* something behind the name's end */
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    memset(root, 'x', BUDDY_SNAPSHOT_NAME_BYTES); /* no end */
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    memset(root, 0, BUDDY_SNAPSHOT_NAME_BYTES); /* no name */
    image_seal(&spoilt, false);
    expect_in_all_modes(&spoilt, BUDDY_SNAPSHOT_ROOTS);
    image_drop(&spoilt);
}

static void addresses_that_cannot_be_had_are_refused(void **state)
{
    (void)state;
    if (!ANY_ADDRESS) {
        skip();
    }
    image spoilt = image_copy_of(&whole);
    const uint64_t bad[] = {0,
                            8,
                            UINT64_MAX,
                            UINT64_MAX - 4095,
                            UINT64_C(1) << 63,
                            (uintptr_t)whole.bytes / 4096 * 4096,
                            4096 + 16};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        format_put64(spoilt.bytes + 48, bad[i]);
        image_seal(&spoilt, false);
        image_put(&spoilt);
        rig_refused(&(buddy_snapshot_open_desc){.want_address = true}, BUDDY_SNAPSHOT_ADDRESS);
        buddy_heap_destroy(rig_open(NULL));
    }
    image_drop(&spoilt);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
    (void)state;
    (void)unlink(rig_path);
    rig_refused(NULL, BUDDY_SNAPSHOT_IO);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(mkdir(rig_path, 0700), 0);
    rig_refused(NULL, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(rmdir(rig_path), 0);
    assert_int_equal(mkfifo(rig_path, 0600), 0);
    rig_refused(NULL, BUDDY_SNAPSHOT_NOT_PLAIN);
    assert_int_equal(unlink(rig_path), 0);
    image text = image_copy_of(&whole);
    memset(text.bytes, 'a', text.length);
    expect_in_all_modes(&text, BUDDY_SNAPSHOT_FOREIGN);
    image_drop(&text);
}

/* Anything anywhere, with checksums that are right more often than not. */
static void whatever_is_done_to_a_file_no_broken_heap_comes_of_it(void **state)
{
    (void)state;
    uint64_t random = seed + 4;
    const uint32_t end_at = (uint32_t)(whole.layout.marks_at + whole.layout.marks_bytes);
    uint32_t opened = 0;
    for (uint32_t round = 0; round < 6000; round++) {
        image spoilt = image_copy_of(&whole);
        for (uint32_t i = 0; i <= seed_below(&random, 4); i++) {
            uint32_t at = seed_below(&random, end_at);
            spoilt.bytes[at] = seed_below(&random, 2) ? (unsigned char)seed_next(&random)
                                                      : spoilt.bytes[seed_below(&random, end_at)];
        }
        if (seed_below(&random, 2)) {
            recount(&spoilt);
        }
        if (seed_below(&random, 8)) {
            image_seal(&spoilt, seed_below(&random, 2));
        }
        bool cut = seed_below(&random, 16) == 0;
        image_put_part(&spoilt, cut ? seed_below(&random, (uint32_t)spoilt.length) : spoilt.length);
        opened += try_open(&random) == BUDDY_SNAPSHOT_OK;
        image_drop(&spoilt);
    }
    assert_true(opened > 0);
}

/* ---- the heap that is spoilt ---- */

static int begin(void **state)
{
    if (rig_begin(state) != 0) {
        return -1;
    }
    uint64_t random = seed;
    buddy_heap *h = buddy_heap_create(
        &(buddy_heap_desc){.bytes = UNITS * UNIT_BYTES, .unit_bytes = UNIT_BYTES, .threads = 1});
    live_block blocks[BLOCKS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 3 * BLOCKS && count < BLOCKS; i++) {
        live_block b = {.bytes = 1 + seed_below(&random, 200), .pattern = (unsigned char)(i + 1)};
        b.start =
            seed_below(&random, 2) ? buddy_heap_exact(h, b.bytes) : buddy_heap_alloc(h, b.bytes);
        if (b.start != NULL) {
            paint(b);
            blocks[count++] = b;
        }
        if (count > 2 && seed_below(&random, 3) == 0) {
            (void)buddy_heap_free(h, blocks[--count].start);
        }
    }
    buddy_snapshot_root roots[] = {{"one", blocks[0].start}, {"two", blocks[1].start}};
    rig_save(h, roots, 2);
    buddy_heap_destroy(h);
    int fd = open(rig_path, O_RDONLY);
    struct stat info;
    format_header header;
    assert_int_equal(fstat(fd, &info), 0);
    whole.length = (size_t)info.st_size;
    whole.bytes = malloc(whole.length);
    assert_int_equal(read(fd, whole.bytes, whole.length), info.st_size);
    close(fd);
    rig_expect(format_read(whole.bytes, &header), BUDDY_SNAPSHOT_OK);
    whole.layout = format_plan(&header);
    return 0;
}

static int end(void **state)
{
    image_drop(&whole);
    return rig_end(state);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(any_bit_flipped_in_the_tables_is_noticed),
        cmocka_unit_test(a_bit_flipped_in_the_content_is_noticed_where_it_is),
        cmocka_unit_test(a_bad_part_does_not_spoil_the_others),
        cmocka_unit_test(a_file_cut_while_it_is_open_is_told_by_verifying),
        cmocka_unit_test(other_versions_and_machines_are_refused),
        cmocka_unit_test(sizes_that_cannot_be_are_refused),
        cmocka_unit_test(marks_that_contradict_themselves_are_refused),
        cmocka_unit_test(every_way_to_write_marks_that_no_heap_would_write_is_refused),
        cmocka_unit_test(roots_that_lead_nowhere_are_refused),
        cmocka_unit_test(addresses_that_cannot_be_had_are_refused),
        cmocka_unit_test(what_is_no_file_of_ours_is_refused),
        cmocka_unit_test(whatever_is_done_to_a_file_no_broken_heap_comes_of_it),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
