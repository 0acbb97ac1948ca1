/* Saved heaps: what was live is live again, with its bytes, in another process, at another address,
 * in every mode; and the heap goes on as if nothing had been. */
#include "tests/rigs/buddy/snapshot_rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define UNITS 20000u

static uint64_t seed;

static const buddy_snapshot_mode modes[] = {BUDDY_SNAPSHOT_COPY, BUDDY_SNAPSHOT_MAPPED,
                                            BUDDY_SNAPSHOT_READ_ONLY};

static buddy_heap *make(void)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = UNITS * 64, .threads = 4});
    assert_non_null(h);
    return h;
}

/* ---- the example: a list and a tree that survive their process ---- */

struct node {
    uint64_t next; /* an offset; BUDDY_SNAPSHOT_NULL at the end */
    uint32_t value;
    char text[20];
};

struct leaf {
    uint64_t less, more;
    uint32_t key;
};

static bool push(buddy_heap *h, struct node **first, uint32_t value)
{
    struct node *n = buddy_heap_alloc(h, sizeof *n);
    if (n == NULL) {
        return false;
    }
    *n = (struct node){.next = buddy_snapshot_offset(h, *first), .value = value};
    (void)snprintf(n->text, sizeof n->text, "node %u", value);
    *first = n;
    return true;
}

static bool insert(buddy_heap *h, struct leaf *root, uint32_t key)
{
    struct leaf *l = buddy_heap_alloc(h, sizeof *l), *at = root;
    if (l == NULL) {
        return false;
    }
    *l = (struct leaf){BUDDY_SNAPSHOT_NULL, BUDDY_SNAPSHOT_NULL, key};
    for (;;) {
        uint64_t *side = key < at->key ? &at->less : &at->more;
        if (*side == BUDDY_SNAPSHOT_NULL) {
            *side = buddy_snapshot_offset(h, l);
            return true;
        }
        at = buddy_snapshot_at(h, *side);
    }
}

static bool contains(const buddy_heap *h, const struct leaf *root, uint32_t key)
{
    const struct leaf *at = root;
    while (at != NULL && at->key != key) {
        at = buddy_snapshot_at(h, key < at->key ? at->less : at->more);
    }
    return at != NULL;
}

static uint32_t scrambled(uint32_t i)
{
    return i * 2654435761u;
}

static int write_structures(void)
{
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = UNITS * 64});
    struct node *first = NULL;
    struct leaf *root = buddy_heap_alloc(h, sizeof *root);
    *root = (struct leaf){BUDDY_SNAPSHOT_NULL, BUDDY_SNAPSHOT_NULL, UINT32_MAX / 2};
    bool done = true;
    for (uint32_t i = 1; i <= 1000; i++) {
        done = done && push(h, &first, i) && insert(h, root, scrambled(i));
    }
    buddy_snapshot_root roots[] = {{"tree", root}, {"list", first}, {"nothing", NULL}};
    return !done || buddy_heap_save(h, rig_path, roots, 3) != BUDDY_SNAPSHOT_OK;
}

/* Reads them, and adds to them. */
static int read_structures(void)
{
    buddy_snapshot_status status;
    buddy_heap *g = buddy_heap_open(
        rig_path, &(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED}, &status);
    if (g == NULL || buddy_heap_check(g) != NULL) {
        return 2;
    }
    struct node *first = buddy_snapshot_root_of(g, "list");
    struct leaf *root = buddy_snapshot_root_of(g, "tree");
    uint32_t expected = 1000;
    for (struct node *n = first; n != NULL; n = buddy_snapshot_at(g, n->next)) {
        char text[20];
        (void)snprintf(text, sizeof text, "node %u", n->value);
        if (n->value != expected || strcmp(n->text, text) != 0 ||
            !contains(g, root, scrambled(expected)) || contains(g, root, expected)) {
            return 3;
        }
        expected--;
    }
    bool others =
        buddy_snapshot_root_of(g, "nothing") == NULL && buddy_snapshot_root_of(g, "else") == NULL;
    bool grown = push(g, &first, 1001) && insert(g, root, scrambled(1001));
    return expected != 0 || !others || !grown || !contains(g, root, scrambled(1001));
}

static void a_list_and_a_tree_survive_their_process(void **state)
{
    (void)state;
    assert_int_equal(rig_in_child(write_structures), 0);
    assert_int_equal(rig_in_child(read_structures), 0);
    assert_int_equal(read_structures(), 0); /* and what the child has added is not in the file */
}

/* ---- all sorts of blocks ---- */

static void random_heaps_come_back_in_every_mode(void **state)
{
    (void)state;
    uint64_t random = seed;
    for (uint32_t round = 0; round < 30; round++) {
        buddy_heap *h = make();
        live_block blocks[RIG_BLOCKS];
        uint32_t count = rig_fill(h, blocks, &random);
        const unsigned char *base = buddy_heap_base(h);
        rig_save(h, NULL, 0);
        bool there = seed_below(&random, 2) == 0;
        if (there) {
            buddy_heap_destroy(h);
        }
        buddy_snapshot_open_desc desc = {.mode = modes[round % 3], .want_address = there};
        buddy_heap *g = rig_open(&desc);
        assert_int_equal(buddy_heap_base(g) == base, there);
        rig_move(g, base, blocks, count);
        rig_expect(buddy_snapshot_verify_all(g), BUDDY_SNAPSHOT_OK);
        rig_compare(g, blocks, count);
        if (desc.mode != BUDDY_SNAPSHOT_READ_ONLY) {
            for (uint32_t i = 0; i < count; i += 2) { /* goes on */
                assert_int_equal(buddy_heap_free(g, blocks[i].start), BUDDY_HEAP_OK);
                blocks[i] = blocks[--count];
            }
            while (count < RIG_BLOCKS && (blocks[count] = rig_take(g, &random)).bytes != 0) {
                count++;
            }
            rig_check(g);
            rig_compare(g, blocks, count);
            rig_drop(g, blocks, count);
        } else {
            buddy_heap_destroy(g);
        }
        if (!there) {
            buddy_heap_destroy(h);
        }
    }
}

static void every_odd_size_of_heap_comes_back(void **state)
{
    (void)state;
    uint64_t random = seed + 1;
    for (uint32_t units = 1; units < 80; units++) {
        buddy_heap *h =
            buddy_heap_create(&(buddy_heap_desc){.bytes = units * 16, .unit_bytes = 16});
        live_block blocks[80];
        uint32_t count = 0;
        for (uint32_t i = 0; i < seed_below(&random, units + 1); i++) {
            live_block b = {.bytes = 1 + seed_below(&random, 80), .pattern = 7};
            b.start = seed_below(&random, 2) ? buddy_heap_exact(h, b.bytes)
                                             : buddy_heap_alloc(h, b.bytes);
            if (b.start != NULL) {
                paint(b);
                blocks[count++] = b;
            }
        }
        rig_save(h, NULL, 0);
        buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = modes[units % 2]});
        rig_move(g, buddy_heap_base(h), blocks, count);
        rig_compare(g, blocks, count);
        rig_drop(g, blocks, count);
        buddy_heap_destroy(h);
    }
}

static void the_mapped_file_can_be_saved_over(void **state)
{
    (void)state;
    uint64_t random = seed + 2;
    buddy_heap *h = make();
    live_block blocks[RIG_BLOCKS];
    uint32_t count = rig_fill(h, blocks, &random);
    rig_save(h, NULL, 0);
    for (uint32_t round = 0; round < 10; round++) {
        buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED});
        rig_move(g, buddy_heap_base(h), blocks, count);
        rig_compare(g, blocks, count);
        for (uint32_t i = 0; i < count; i += 3) {
            blocks[i].pattern = (unsigned char)seed_next(&random);
            paint(blocks[i]);
        }
        assert_int_equal(buddy_heap_free(g, blocks[--count].start), BUDDY_HEAP_OK);
        rig_save(g, &(buddy_snapshot_root){"first", blocks[0].start}, 1);
        rig_compare(g, blocks, count); /* the old file is still there for us */
        rig_expect(buddy_snapshot_verify_all(g), BUDDY_SNAPSHOT_OK);
        buddy_heap_destroy(h);
        h = g;
    }
    rig_drop(h, blocks, count);
}

static void a_heap_that_can_grow_grows_on(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .max_bytes = 16 << 20});
    buddy_heap_stats before, after;
    do {
        assert_non_null(buddy_heap_alloc(h, 65536));
        buddy_heap_get_stats(h, &before);
    } while (before.capacity_bytes <= 3u << 20);
    rig_save(h, NULL, 0);
    buddy_heap_destroy(h);
    rig_refused(&(buddy_snapshot_open_desc){.max_bytes = 1 << 20}, BUDDY_SNAPSHOT_TOO_LARGE);
    static const size_t most[] = {0, 64 << 20, 8000001};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        buddy_heap *g =
            rig_open(&(buddy_snapshot_open_desc){.mode = modes[i % 2], .max_bytes = most[i]});
        buddy_heap_get_stats(g, &after);
        assert_int_equal(before.capacity_bytes, after.capacity_bytes);
        size_t live = after.live_bytes, wanted = most[i] != 0 ? most[i] / 64 * 64 : 16 << 20;
        while (buddy_heap_alloc(g, 64) != NULL) {
            live += 64;
        }
        assert_int_equal(live, wanted);
        rig_check(g);
        buddy_heap_destroy(g);
    }
}

/* ---- addresses ---- */

static void plain_pointers_hold_at_the_address_it_was_saved_from(void **state)
{
    (void)state;
    buddy_heap *h = make();
    void **one = buddy_heap_alloc(h, sizeof *one);
    *one = one;
    rig_save(h, &(buddy_snapshot_root){"one", one}, 1);
    rig_refused(&(buddy_snapshot_open_desc){.want_address = true}, BUDDY_SNAPSHOT_ADDRESS);
    buddy_heap_destroy(h);
    buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.want_address = true});
    void **again = buddy_snapshot_root_of(g, "one");
    assert_ptr_equal(again, one);
    assert_ptr_equal(*again, one);
    buddy_heap_destroy(g);
    buddy_heap *elsewhere =
        rig_open(&(buddy_snapshot_open_desc){.want_address = true}); /* all was unmapped */
    buddy_heap_destroy(elsewhere);
}

static void offsets_and_pointers_are_each_others_reverse(void **state)
{
    (void)state;
    buddy_heap *h = make();
    unsigned char *p = buddy_heap_alloc(h, 100);
    assert_ptr_equal(buddy_snapshot_at(h, buddy_snapshot_offset(h, p + 3)), p + 3);
    assert_int_equal(buddy_snapshot_offset(h, NULL), BUDDY_SNAPSHOT_NULL);
    assert_int_equal(buddy_snapshot_offset(h, &h), BUDDY_SNAPSHOT_NULL);
    assert_null(buddy_snapshot_at(h, BUDDY_SNAPSHOT_NULL));
    assert_null(buddy_snapshot_at(h, UNITS * 64));
    assert_null(buddy_snapshot_root_of(h, "any"));
    rig_expect(buddy_snapshot_verify(h, p, 100), BUDDY_SNAPSHOT_OK);
    buddy_heap_destroy(h);
}

/* ---- reading only ---- */

static int write_there(void)
{
    buddy_snapshot_status status;
    buddy_heap *g = buddy_heap_open(
        rig_path, &(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_READ_ONLY}, &status);
    (void)signal(SIGSEGV, SIG_DFL); /* not the test program's own */
    memset(buddy_snapshot_root_of(g, "block"), 1, 1);
    return 0;
}

static void a_heap_to_be_read_only_refuses_all_else(void **state)
{
    (void)state;
    buddy_heap *h = make();
    void *small = buddy_heap_alloc(h, 64), *large = buddy_heap_alloc(h, 4096);
    buddy_snapshot_root roots[] = {{"block", small}, {"large", large}};
    memset(large, 9, 4096);
    rig_save(h, roots, 2);
    buddy_heap_destroy(h);
    buddy_heap *g = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_READ_ONLY});
    unsigned char *block = buddy_snapshot_root_of(g, "block");
    assert_null(buddy_heap_alloc(g, 64));
    assert_null(buddy_heap_try(g, 1));
    assert_null(buddy_heap_exact(g, 5000));
    assert_null(buddy_heap_aligned(g, 4096, 64));
    assert_null(buddy_heap_alloc_near(g, 64, block));
    assert_null(buddy_heap_realloc(g, block, 16));
    assert_null(buddy_heap_realloc(g, block, 1000));
    assert_int_equal(buddy_heap_free(g, block), BUDDY_HEAP_READ_ONLY);
    assert_int_equal(buddy_heap_free_sized(g, block, 64), BUDDY_HEAP_READ_ONLY);
    unsigned char *big = buddy_snapshot_root_of(g, "large");
    assert_int_equal(buddy_heap_free(g, big), BUDDY_HEAP_READ_ONLY);
    assert_int_equal(buddy_heap_free_sized(g, big, 4096), BUDDY_HEAP_READ_ONLY);
    assert_int_equal(buddy_heap_free(g, &g), BUDDY_HEAP_FOREIGN);
    assert_int_equal(big[4095], 9);
    assert_int_equal(buddy_heap_usable_size(g, big), 4096);
    rig_check(g);
    rig_save(g, NULL, 0); /* it can be saved */
    buddy_heap_destroy(g);
    h = make();
    rig_save(h, &(buddy_snapshot_root){"block", buddy_heap_alloc(h, 1)}, 1);
    buddy_heap_destroy(h);
    assert_int_equal(rig_in_child(write_there), 128 + SIGSEGV);
}

/* ---- what is in the file ---- */

static unsigned char *slurp(size_t *bytes)
{
    struct stat info;
    int fd = open(rig_path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    *bytes = (size_t)info.st_size;
    unsigned char *all = malloc(*bytes);
    assert_non_null(all);
    assert_int_equal(read(fd, all, *bytes), (ssize_t)*bytes);
    close(fd);
    return all;
}

static void the_same_heap_gives_the_same_file_without_what_was_freed(void **state)
{
    (void)state;
    static const char secret[] = "a secret that was freed";
    buddy_heap *h = make();
    char *kept = buddy_heap_alloc(h, 64), *freed = buddy_heap_alloc(h, 64);
    strcpy(kept, "kept");
    strcpy(freed, secret);
    assert_int_equal(buddy_heap_free(h, freed), BUDDY_HEAP_OK);
    rig_save(h, NULL, 0);
    size_t bytes, again;
    unsigned char *first = slurp(&bytes);
    assert_null(memmem(first, bytes, secret, sizeof secret));
    assert_non_null(memmem(first, bytes, "kept", 5));
    rig_save(h, NULL, 0);
    unsigned char *second = slurp(&again);
    assert_int_equal(bytes, again);
    assert_memory_equal(first, second, bytes);
    free(first);
    free(second);
    buddy_heap_destroy(h);
}

static void the_content_is_the_live_blocks_and_zeroes(void **state)
{
    (void)state;
    uint64_t random = seed + 4;
    buddy_heap *h = make();
    live_block blocks[RIG_BLOCKS];
    uint32_t count = rig_fill(h, blocks, &random);
    unsigned char *expected = calloc(UNITS, 64);
    size_t end = 0, bytes;
    for (uint32_t i = 0; i < count; i++) {
        size_t at = buddy_snapshot_offset(h, blocks[i].start);
        size_t held = buddy_heap_usable_size(h, blocks[i].start);
        memcpy(expected + at, blocks[i].start, held);
        end = at + held > end ? at + held : end;
    }
    rig_save(h, NULL, 0);
    unsigned char *file = slurp(&bytes);
    assert_true(bytes > end);
    assert_memory_equal(file + (bytes - end), expected, end);
    free(file);
    free(expected);
    rig_drop(h, blocks, count);
}

static void only_live_pages_take_room_on_disk(void **state)
{
    (void)state;
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 64 << 20});
    unsigned char *last = NULL;
    for (uint32_t i = 0; i < 64; i++) {
        unsigned char *block = buddy_heap_alloc(h, 1 << 20);
        assert_non_null(block);
        if (i % 8 != 7) {
            memset(block, 1, 1 << 20);
        }
        last = block > last ? block : last;
    }
    for (unsigned char *at = buddy_heap_base(h); at < last; at += 1 << 20) {
        assert_int_equal(buddy_heap_free(h, at), BUDDY_HEAP_OK);
    }
    memset(last, 0, 1 << 20);
    last[500000] = 1;
    rig_save(h, &(buddy_snapshot_root){"last", last}, 1);
    struct stat info;
    assert_int_equal(stat(rig_path, &info), 0);
    assert_true(info.st_size > 63 << 20);
    assert_true((size_t)info.st_blocks * 512 < 1 << 20);
    assert_int_equal(info.st_mode & 0777, 0600);
    buddy_heap *g = rig_open(NULL);
    unsigned char *again = buddy_snapshot_root_of(g, "last");
    assert_memory_equal(again, last, 1 << 20);
    buddy_heap_destroy(g);
    buddy_heap_destroy(h);
}

/* ---- verifying ---- */

static buddy_heap *verified;

static void *verify_some(void *context)
{
    uint64_t random = seed + (uintptr_t)context;
    const unsigned char *base = buddy_heap_base(verified);
    for (uint32_t i = 0; i < 200; i++) {
        size_t from = seed_below(&random, UNITS * 64 - 5000);
        if (buddy_snapshot_verify(verified, base + from, 5000) != BUDDY_SNAPSHOT_OK) {
            return context;
        }
    }
    return NULL;
}

static void threads_verify_what_they_need(void **state)
{
    (void)state;
    uint64_t random = seed + 3;
    live_block blocks[RIG_BLOCKS];
    buddy_heap *h = make();
    uint32_t count = rig_fill(h, blocks, &random);
    rig_save(h, NULL, 0);
    verified = rig_open(&(buddy_snapshot_open_desc){.mode = BUDDY_SNAPSHOT_MAPPED});
    pthread_t threads[3];
    for (uintptr_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_some, (void *)(i + 1)), 0);
    }
    for (uint32_t i = 0; i < 3; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    buddy_heap_destroy(verified);
    rig_drop(h, blocks, count);
}

/* ---- others at work ---- */

static buddy_heap *busy;
static _Atomic bool enough;

static void *take_and_give(void *context)
{
    uint64_t random = seed + 100 + (uintptr_t)context;
    while (!atomic_load_explicit(&enough, memory_order_relaxed)) { /* relaxed: a flag alone */
        void *block = buddy_heap_exact(busy, 1 + seed_below(&random, 5000));
        if (block != NULL && buddy_heap_free(busy, block) != BUDDY_HEAP_OK) {
            return context;
        }
    }
    return NULL;
}

static void a_save_while_others_are_at_work_is_refused_or_whole(void **state)
{
    (void)state;
    busy = make();
    atomic_store_explicit(&enough, false, memory_order_relaxed);
    pthread_t threads[2];
    for (uintptr_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
    }
    for (uint32_t i = 0; i < 50; i++) {
        buddy_snapshot_status status = buddy_heap_save(busy, rig_path, NULL, 0);
        if (status == BUDDY_SNAPSHOT_OK) {
            buddy_heap_destroy(rig_open(NULL));
        } else {
            rig_expect(status, BUDDY_SNAPSHOT_AT_WORK);
        }
    }
    atomic_store_explicit(&enough, true, memory_order_relaxed);
    for (uint32_t i = 0; i < 2; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    rig_save(busy, NULL, 0);
    rig_check(busy);
    buddy_heap_destroy(busy);
}

/* ---- stocks ---- */

static void what_lies_in_stocks_is_saved_as_free(void **state)
{
    (void)state;
    buddy_heap *h = make();
    void *pointers[100];
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 100, pointers), 100);
    for (uint32_t i = 1; i < 100; i++) {
        assert_int_equal(buddy_heap_free(h, pointers[i]), BUDDY_HEAP_OK);
    }
    rig_save(h, NULL, 0);
    buddy_heap *g = rig_open(NULL);
    buddy_heap_stats stats;
    buddy_heap_get_stats(g, &stats);
    assert_int_equal(stats.live_bytes, 64);
    assert_int_equal(stats.core.free_units, UNITS - 1);
    buddy_heap_destroy(g);
    buddy_heap_destroy(h);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_and_a_tree_survive_their_process),
        cmocka_unit_test(random_heaps_come_back_in_every_mode),
        cmocka_unit_test(every_odd_size_of_heap_comes_back),
        cmocka_unit_test(the_mapped_file_can_be_saved_over),
        cmocka_unit_test(a_heap_that_can_grow_grows_on),
        cmocka_unit_test(plain_pointers_hold_at_the_address_it_was_saved_from),
        cmocka_unit_test(offsets_and_pointers_are_each_others_reverse),
        cmocka_unit_test(a_heap_to_be_read_only_refuses_all_else),
        cmocka_unit_test(the_same_heap_gives_the_same_file_without_what_was_freed),
        cmocka_unit_test(the_content_is_the_live_blocks_and_zeroes),
        cmocka_unit_test(only_live_pages_take_room_on_disk),
        cmocka_unit_test(threads_verify_what_they_need),
        cmocka_unit_test(a_save_while_others_are_at_work_is_refused_or_whole),
        cmocka_unit_test(what_lies_in_stocks_is_saved_as_free),
    };
    return cmocka_run_group_tests(tests, rig_begin, rig_end);
}
