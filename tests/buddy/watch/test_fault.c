/* Out of memory on demand: which requests are struck, and that a heap whose requests fail is none
 * the worse for it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buddy/fault.h"
#include "tests/rigs/buddy/painted.h"

static uint64_t seed;

static buddy_fault *make(buddy_fault_plan plan)
{
    buddy_fault *f = buddy_fault_create(&plan);
    assert_non_null(f);
    return f;
}

static bool asks(buddy_fault *f, size_t bytes)
{
    return buddy_fault_strikes(f, bytes, __builtin_return_address(0));
}

static void without_a_plan_nothing_is_struck(void **state)
{
    (void)state;
    buddy_fault_stats stats;
    buddy_fault *f = buddy_fault_create(NULL);
    for (int i = 0; i < 100; i++) {
        assert_false(asks(f, 64));
        assert_false(asks(NULL, 64));
    }
    buddy_fault_get_stats(f, &stats);
    assert_int_equal(stats.asked, 0);
    buddy_fault_destroy(f);
    buddy_fault_destroy(NULL);
}

static void the_nth_is_struck_and_no_other(void **state)
{
    (void)state;
    buddy_fault *f = make((buddy_fault_plan){.nth = 7});
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(asks(f, 64), i == 7);
    }
    buddy_fault_destroy(f);
}

static void every_nth_is_struck_until_it_is_enough(void **state)
{
    (void)state;
    buddy_fault_stats stats;
    buddy_fault *f = make((buddy_fault_plan){.every = 3, .most = 5});
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(asks(f, 64), i % 3 == 0 && i <= 15);
    }
    buddy_fault_get_stats(f, &stats);
    assert_int_equal(stats.asked, 100);
    assert_int_equal(stats.matched, 100);
    assert_int_equal(stats.struck, 5);
    buddy_fault_destroy(f);
}

static void sizes_outside_the_range_do_not_count(void **state)
{
    (void)state;
    uint64_t random = seed;
    buddy_fault *f = make((buddy_fault_plan){.every = 2, .least_bytes = 100, .most_bytes = 200});
    int matched = 0;
    for (int i = 0; i < 1000; i++) {
        size_t bytes = seed_below(&random, 300);
        bool matches = bytes >= 100 && bytes <= 200;
        matched += matches;
        assert_int_equal(asks(f, bytes), matches && matched % 2 == 0);
    }
    buddy_fault_destroy(f);
}

static void a_random_share_repeats_with_its_seed(void **state)
{
    (void)state;
    static bool first[10000];
    buddy_fault_plan plan = {.share = 0.1, .seed = seed};
    buddy_fault *f = make(plan);
    int struck = 0, differ = 0;
    for (int i = 0; i < 10000; i++) {
        struck += first[i] = asks(f, 64);
    }
    assert_in_range(struck, 850, 1150); /* five sigma of a binomial of 10000 and 0.1 */
    buddy_fault_set(f, &plan);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(asks(f, 64), first[i]);
    }
    plan.seed++;
    buddy_fault_set(f, &plan);
    for (int i = 0; i < 10000; i++) {
        differ += asks(f, 64) != first[i];
    }
    assert_in_range(differ, 1000, 2600);
    buddy_fault_destroy(f);
}

static void a_plan_for_one_site_leaves_others_alone(void **state)
{
    (void)state;
    static const char code[32]; /* stands for some */
    const char *here = code + 8;
    buddy_fault *f =
        make((buddy_fault_plan){.every = 1, .site_begin = here, .site_end = here + 16});
    assert_true(buddy_fault_strikes(f, 1, here));
    assert_true(buddy_fault_strikes(f, 1, here + 15));
    assert_false(buddy_fault_strikes(f, 1, here + 16));
    assert_false(buddy_fault_strikes(f, 1, here - 1));
    assert_false(buddy_fault_strikes(f, 1, NULL));
    buddy_fault_set(f, &(buddy_fault_plan){.every = 1, .where = "getenv"});
    assert_true(buddy_fault_strikes(f, 1, (const char *)(uintptr_t)getenv + 1));
    assert_false(buddy_fault_strikes(f, 1, here));
    assert_false(buddy_fault_strikes(f, 1, NULL));
    buddy_fault_destroy(f);
}

typedef struct asker {
    buddy_fault *f;
    uint64_t struck;
    uint32_t thread;
} asker;

static void *ask_often(void *context)
{
    asker *a = context;
    a->thread = buddy_fault_thread();
    for (int i = 0; i < 20000; i++) {
        a->struck += buddy_fault_strikes(a->f, 64, NULL);
    }
    return NULL;
}

static void run_askers(asker askers[4], buddy_fault *f)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        askers[i] = (asker){.f = f};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void of_all_threads_exactly_so_many_are_struck(void **state)
{
    (void)state;
    asker askers[4];
    buddy_fault_stats stats;
    buddy_fault *f =
        make((buddy_fault_plan){.every = 7, .share = 0.01, .seed = seed, .most = 1234});
    run_askers(askers, f);
    buddy_fault_get_stats(f, &stats);
    assert_int_equal(stats.asked, 80000);
    assert_int_equal(stats.struck, 1234);
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++) {
        sum += askers[i].struck;
    }
    assert_int_equal(sum, 1234);
    buddy_fault_destroy(f);
}

static void a_plan_for_one_thread_leaves_others_alone(void **state)
{
    (void)state;
    asker askers[4];
    uint32_t own = buddy_fault_thread();
    buddy_fault *f = make((buddy_fault_plan){.every = 1, .first_thread = own, .last_thread = own});
    run_askers(askers, f);
    for (int i = 0; i < 4; i++) {
        assert_int_not_equal(askers[i].thread, own);
        assert_int_equal(askers[i].struck, 0);
    }
    assert_true(asks(f, 1));
    buddy_fault_destroy(f);
}

static void *change_plans(void *context)
{
    asker *a = context;
    for (int i = 0; i < 2000; i++) {
        buddy_fault_set(a->f,
                        i % 3 == 0 ? NULL : &(buddy_fault_plan){.every = 1, .where = "nowhere"});
    }
    return NULL;
}

/* Each plan alone strikes nothing, a mixture of them and of nothing might. */
static void plans_change_while_others_ask(void **state)
{
    (void)state;
    pthread_t changer;
    asker askers[4], own = {.f = make((buddy_fault_plan){.nth = UINT64_MAX})};
    assert_int_equal(pthread_create(&changer, NULL, change_plans, &own), 0);
    run_askers(askers, own.f);
    pthread_join(changer, NULL);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(askers[i].struck, 0);
    }
    buddy_fault_destroy(own.f);
}

/* ---- text ---- */

static void plans_are_read_as_written(void **state)
{
    (void)state;
    char error[BUDDY_FAULT_LINE];
    buddy_fault_plan p;
    assert_true(buddy_fault_parse("every=100,seed=7,size=1K-64K", &p, error));
    assert_string_equal(error, "");
    assert_int_equal(p.every, 100);
    assert_int_equal(p.seed, 7);
    assert_int_equal(p.least_bytes, 1024);
    assert_int_equal(p.most_bytes, 65536);
    assert_int_equal(p.nth, 0);
    assert_true(buddy_fault_parse("nth=3,share=2.5%,most=9,size=1MiB-,thread=2-5,site=libz.so.1",
                                  &p, error));
    assert_int_equal(p.nth, 3);
    assert_true(p.share > 0.0249 && p.share < 0.0251);
    assert_int_equal(p.most, 9);
    assert_int_equal(p.least_bytes, 1 << 20);
    assert_int_equal(p.most_bytes, 0);
    assert_int_equal(p.first_thread, 2);
    assert_int_equal(p.last_thread, 5);
    assert_string_equal(p.where, "libz.so.1");
    assert_true(buddy_fault_parse("share=1,thread=4,size=24", &p, error));
    assert_int_equal(p.first_thread, 4);
    assert_int_equal(p.last_thread, 4);
    assert_int_equal(p.least_bytes, 24);
    assert_int_equal(p.most_bytes, 24);
}

static void what_is_no_plan_is_told_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"", "KEY=VALUE"},
        {"every", "KEY=VALUE"},
        {"every=", "every"},
        {"every=0", "every=0"},
        {"every=-1", "every=-1"},
        {"every=18446744073709551616", "every"},
        {"every=1x", "every=1x"},
        {"seed=1", "one of nth"},
        {"often=1", "often"},
        {"share=0", "share"},
        {"share=1.5", "share"},
        {"share=nan", "share"},
        {"every=1,size=0", "size=0"},
        {"every=1,size=2-1", "size"},
        {"every=1,size=1T", "size"},
        {"every=1,size=99999999999G", "size"},
        {"every=1,thread=0", "thread"},
        {"every=1,site=", "site"},
        {"every=1,,seed=1", "KEY=VALUE"},
    };
    char error[BUDDY_FAULT_LINE];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        buddy_fault_plan p = {.nth = 42};
        if (buddy_fault_parse(bad[i][0], &p, error) || strstr(error, bad[i][1]) == NULL) {
            fail_msg("'%s' says '%s'", bad[i][0], error);
        }
        assert_int_equal(p.nth, 42);
    }
    char *lengthy = calloc(1, 4096);
    memset(lengthy, 'x', 4095);
    buddy_fault_plan p;
    assert_false(buddy_fault_parse(lengthy, &p, error));
    free(lengthy);
}

static void the_environment_makes_one_or_says_why_not(void **state)
{
    (void)state;
    char error[BUDDY_FAULT_LINE];
    unsetenv(BUDDY_FAULT_ENVIRONMENT);
    assert_null(buddy_fault_from_environment(error));
    assert_string_equal(error, "");
    setenv(BUDDY_FAULT_ENVIRONMENT, "nonsense", 1);
    assert_null(buddy_fault_from_environment(error));
    assert_non_null(strstr(error, "nonsense"));
    setenv(BUDDY_FAULT_ENVIRONMENT, "every=2", 1);
    buddy_fault *f = buddy_fault_from_environment(error);
    assert_non_null(f);
    assert_false(asks(f, 1));
    assert_true(asks(f, 1));
    buddy_fault_destroy(f);
    unsetenv(BUDDY_FAULT_ENVIRONMENT);
}

/* ---- under a heap ---- */

static void all_doors_of_a_heap_can_fail(void **state)
{
    (void)state;
    buddy_fault *f = make((buddy_fault_plan){.nth = UINT64_MAX});
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .fault = f});
    buddy_heap_piece pieces[BUDDY_PIECES];
    void *blocks[10];
    void *kept = buddy_heap_alloc(h, 100);
    memset(kept, 42, 100);
    buddy_fault_set(f, &(buddy_fault_plan){.every = 1});
    assert_null(buddy_heap_alloc(h, 64));
    assert_null(buddy_heap_alloc(h, 4096));
    assert_null(buddy_heap_try(h, 64));
    assert_null(buddy_heap_alloc_near(h, 64, kept));
    assert_null(buddy_heap_alloc_near(h, 64, NULL));
    assert_null(buddy_heap_aligned(h, 4096, 64));
    assert_null(buddy_heap_exact(h, 200));
    assert_int_equal(buddy_heap_gather(h, 1000, pieces), 0);
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 10, blocks), 0);
    assert_null(buddy_heap_realloc(h, kept, 100000));
    assert_null(buddy_heap_realloc(h, NULL, 64));
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.refused, 11);
    assert_int_equal(((unsigned char *)kept)[99], 42);
    buddy_fault_set(f, &(buddy_fault_plan){.nth = 6});
    assert_int_equal(buddy_heap_alloc_bulk(h, 64, 10, blocks), 5);
    assert_int_equal(buddy_heap_free_bulk(h, 5, blocks), BUDDY_HEAP_OK);
    buddy_fault_set(f, NULL);
    assert_int_equal(buddy_heap_free(h, kept), BUDDY_HEAP_OK);
    assert_null(buddy_heap_check(h));
    buddy_heap_destroy(h);
    buddy_fault_destroy(f);
}

static void a_heap_that_fails_at_random_stays_whole(void **state)
{
    (void)state;
    uint64_t random = seed;
    live_block live[200];
    uint32_t count = 0;
    buddy_fault *f = make((buddy_fault_plan){.share = 0.3, .seed = seed});
    buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 4 << 20, .fault = f});
    for (int i = 0; i < 20000; i++) {
        if (count < 200 && seed_below(&random, 2) == 0) {
            live_block b = take_random(h, &random);
            b.pattern = (unsigned char)i;
            if (b.bytes != 0) {
                paint(b);
                live[count++] = b;
            }
        } else if (count > 0) {
            uint32_t k = seed_below(&random, count);
            assert_true(still_painted(live[k]));
            assert_int_equal(buddy_heap_free(h, live[k].start), BUDDY_HEAP_OK);
            live[k] = live[--count];
        }
        if (i % 500 == 0) {
            assert_null(buddy_heap_check(h));
        }
    }
    buddy_fault_stats stats;
    buddy_fault_get_stats(f, &stats);
    assert_true(stats.struck > 1000);
    while (count > 0) {
        assert_int_equal(buddy_heap_free(h, live[--count].start), BUDDY_HEAP_OK);
    }
    buddy_heap_recall(h);
    assert_int_equal(buddy_free_units(buddy_heap_core(h)), (4 << 20) / 64);
    assert_null(buddy_heap_check(h));
    buddy_heap_destroy(h);
    buddy_fault_destroy(f);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_plan_nothing_is_struck),
        cmocka_unit_test(the_nth_is_struck_and_no_other),
        cmocka_unit_test(every_nth_is_struck_until_it_is_enough),
        cmocka_unit_test(sizes_outside_the_range_do_not_count),
        cmocka_unit_test(a_random_share_repeats_with_its_seed),
        cmocka_unit_test(a_plan_for_one_site_leaves_others_alone),
        cmocka_unit_test(of_all_threads_exactly_so_many_are_struck),
        cmocka_unit_test(a_plan_for_one_thread_leaves_others_alone),
        cmocka_unit_test(plans_change_while_others_ask),
        cmocka_unit_test(plans_are_read_as_written),
        cmocka_unit_test(what_is_no_plan_is_told_and_changes_nothing),
        cmocka_unit_test(the_environment_makes_one_or_says_why_not),
        cmocka_unit_test(all_doors_of_a_heap_can_fail),
        cmocka_unit_test(a_heap_that_fails_at_random_stays_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
