/* The core's own code under a scheduler that switches between threads at any atomic operation, as a
 * seeded random number says. Real threads meet in the narrow places once in a million calls; here
 * they meet all the time, and a seed repeats what happened. Weak compare-and-swaps also fail for no
 * reason now and then. (Memory order is not tried here; test_orders does that.)
 *
 * The threads are fibers on one real thread. The core is included as source, with the operations of
 * <stdatomic.h> replaced by ones that may switch first and are otherwise plain. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "tests/rigs/seed.h"

static void maybe_switch(void);
static bool fails_for_no_reason(void);
static void before_store(void);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#define FETCH(p, op, value)               \
    __extension__({                       \
        maybe_switch();                   \
        __typeof__(*(p) + 0) old_ = *(p); \
        *(p) = old_ op(value);            \
        old_;                             \
    })
#define atomic_load_explicit(p, order)             (maybe_switch(), (void)(order), *(p))
#define atomic_store_explicit(p, value, order)     (before_store(), (void)(order), *(p) = (value))
#define atomic_fetch_add_explicit(p, value, order) FETCH(p, +, value)
#define atomic_fetch_sub_explicit(p, value, order) FETCH(p, -, value)
#define atomic_fetch_or_explicit(p, value, order)  FETCH(p, |, value)
#define atomic_fetch_and_explicit(p, value, order) FETCH(p, &, value)
#define CHANGE_IF(p, expected, desired, fails)        \
    __extension__({                                   \
        maybe_switch();                               \
        bool same_ = *(p) == *(expected) && !(fails); \
        if (same_) {                                  \
            *(p) = (desired);                         \
        } else {                                      \
            *(expected) = *(p);                       \
        }                                             \
        same_;                                        \
    })
#define atomic_compare_exchange_weak_explicit(p, expected, desired, order, order_on_failure) \
    CHANGE_IF(p, expected, desired, fails_for_no_reason())
#define atomic_compare_exchange_strong_explicit(p, expected, desired, order, order_on_failure) \
    CHANGE_IF(p, expected, desired, false)

#include "buddy/core/buddy.c"
#include "buddy/core/freeset.c"
#include "buddy/core/inspect.c"
#include "buddy/core/reserve.c"
#include "buddy/core/split.c"
#include "buddy/heap/marks.c"

#include "tests/rigs/buddy/buddy_model.h"

/* ---- fibers ---- */

#define FIBERS_MOST 4
#define STACK_BYTES ((size_t)256 << 10) /* sanitizers need much; lanes differ by stack */

typedef struct fiber {
    ucontext_t context;
    unsigned char *stack;
    bool done;
    uint32_t id; /* from 1 */
    void (*body)(struct fiber *self);
    buddy_block live[64]; /* what it owns */
    uint32_t live_count;
    uint64_t toggled; /* used by the freeset bodies */
} fiber;

static uint64_t seed;
static fiber fibers[FIBERS_MOST];
static fiber *current; /* NULL: the scheduler */
static ucontext_t scheduler;
static uint32_t eagerness; /* a switch at one in so many operations */
static uint64_t switches;

static void maybe_switch(void)
{
    if (current != NULL && seed_below(&seed, eagerness) == 0) {
        fiber *self = current;
        switches++;
        current = NULL;
        swapcontext(&self->context, &scheduler);
    }
}

static bool fails_for_no_reason(void)
{
    return current != NULL && seed_below(&seed, 8) == 0;
}

static void enter_fiber(void)
{
    fiber *self = current;
    self->body(self);
    self->done = true;
    current = NULL;
    swapcontext(&self->context, &scheduler); /* never comes back */
}

static void start_fiber(fiber *f, uint32_t id, void (*body)(fiber *self))
{
    unsigned char *stack = f->stack != NULL ? f->stack : malloc(STACK_BYTES);
    assert_non_null(stack);
    memset(f, 0, sizeof *f);
    f->stack = stack;
    f->id = id;
    f->body = body;
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&f->context, enter_fiber, 0);
}

static void start_fibers(uint32_t count, void (*body)(fiber *self))
{
    for (uint32_t i = 0; i < count; i++) {
        start_fiber(&fibers[i], i + 1, body);
    }
}

/* Runs all to their end, each time one by random; calls `look` whenever one has stopped. */
static void run_fibers(uint32_t count, void (*look)(void))
{
    eagerness = 1 + seed_below(&seed, 6);
    for (uint32_t left = count; left > 0;) {
        fiber *f = &fibers[seed_below(&seed, count)];
        if (f->done) {
            continue;
        }
        current = f;
        swapcontext(&scheduler, &f->context);
        left -= f->done;
        look();
    }
}

static void drop_fibers(void)
{
    for (uint32_t i = 0; i < FIBERS_MOST; i++) {
        free(fibers[i].stack);
        fibers[i].stack = NULL;
    }
}

/* ---- summaries alone ---- */

#define SET_WORDS (4097 + 65 + 2 + 1)

/* A set with three levels of summaries and its words, side by side as in a core. */
static struct {
    freeset set;
    word_atomic words[SET_WORDS];
} lone;

static void make_lone_set(void)
{
    static const uint32_t levels[] = {4097, 65, 2, 1};
    memset(&lone, 0, sizeof(lone));
    uint32_t at = sizeof(freeset) / sizeof(uint64_t);
    lone.set.blocks = 4097 * WORD_BITS;
    lone.set.top = 3;
    for (uint32_t level = 0; level < 4; level++) {
        lone.set.first[level] = at;
        at += levels[level];
    }
}

/* Sets or clears the fiber's own bit in words of which two share a parent, and one the top only. */
static void toggle(fiber *self)
{
    static const uint32_t words[] = {0, 1, 4096};
    uint64_t bit = UINT64_C(1) << self->id;
    for (uint32_t n = 1 + seed_below(&seed, 4); n > 0; n--) {
        uint32_t i = seed_below(&seed, 3);
        word_atomic *word = freeset_word(&lone.set, 0, words[i]);
        bool clear = self->toggled >> i & 1;
        word_change change = clear ? word_clear(word, bit) : word_put(word, bit);
        self->toggled ^= UINT64_C(1) << i;
        if (word_crossed(change)) {
            freeset_settle(&lone.set, words[i]);
        }
    }
}

static void look_at_nothing(void)
{
}

/* As freeset_check, of the words in use only. */
static const char *check_lone_set(void)
{
    static const uint32_t places[][2] = {{1, 0}, {1, 64}, {2, 0}, {2, 1}, {3, 0}};
    static const uint32_t below[] = {0, 4097, 65, 2};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint32_t level = places[i][0], index = places[i][1];
        if (*freeset_word(&lone.set, level, index) !=
            expected_summary(&lone.set, level, index, below[level])) {
            return "a summary differs from what it sums up";
        }
    }
    return NULL;
}

static void summaries_are_exact_whenever_all_are_at_rest(void **state)
{
    (void)state;
    for (int episode = 0; episode < 20000; episode++) {
        uint32_t count = 2 + seed_below(&seed, FIBERS_MOST - 1);
        make_lone_set();
        start_fibers(count, toggle);
        run_fibers(count, look_at_nothing);
        const char *fault = check_lone_set();
        if (fault != NULL) {
            fail_msg("episode %d: %s", episode, fault);
        }
    }
    assert_true(switches > 20000);
}

/* ---- marks of exact blocks ---- */

#define MARKED_UNITS 64u

static _Atomic uint8_t groups[MARKED_UNITS / 4];
static const marks marked = {.groups = groups, .units = MARKED_UNITS, .max_order = 6};
static uint32_t longest;  /* units of the blocks that start at unit 0 */
static uint32_t live_now; /* units of the one there; 0: none, or somebody is clearing or setting */
static const char *marks_fault;

/* Frees the block at unit 0, as all others do; who succeeds takes a block of another size there.
 * The others free by mistake, then, what is no longer theirs: they may succeed, but with the size
 * of what is there now. */
static void free_and_take(fiber *self)
{
    (void)self;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t units = 0;
        if (marks_clear(&marked, 0, MARKS_ANY_UNITS, false, &units) != BUDDY_HEAP_OK) {
            continue;
        }
        marks_fault =
            units != live_now ? "a block was freed with the size of another" : marks_fault;
        live_now = 1 + seed_below(&seed, longest);
        marks_set_exact(&marked, 0, live_now);
    }
}

static void a_block_is_freed_with_its_own_size(void **state)
{
    (void)state;
    for (int episode = 0; episode < 20000; episode++) {
        uint32_t count = 2 + seed_below(&seed, FIBERS_MOST - 1);
        for (uint32_t i = 0; i < MARKED_UNITS / 4; i++) {
            groups[i] = 0;
        }
        longest = 1 + seed_below(&seed, MARKED_UNITS);
        live_now = longest;
        marks_set_exact(&marked, 0, live_now);
        start_fibers(count, free_and_take);
        run_fibers(count, look_at_nothing);
        uint64_t live;
        const char *fault = marks_check(&marked, &live);
        fault = fault == NULL ? marks_fault : fault;
        if (fault != NULL || live != live_now) {
            fail_msg("episode %d: %s", episode, fault != NULL ? fault : "units are left over");
        }
    }
}

/* ---- the core ---- */

#define UNITS_MOST 4200

static buddy *core;
static uint8_t owner[UNITS_MOST]; /* fiber id, 0: nobody; no switch happens while it changes */
static uint32_t largest_at_open; /* order of the largest free block when the gate was last opened */
static uint32_t free_at_open[BUDDY_ORDERS]; /* and how many there were of each */
static const char *fault_seen;
static bool pinned; /* in the last test: the unit at 0 and the four from 4 on are taken */

static void fail_later(const char *fault)
{
    fault_seen = fault_seen != NULL ? fault_seen : fault;
}

static bool count_free_block(void *context, buddy_block block)
{
    (void)context;
    largest_at_open = largest_at_open == BUDDY_ORDERS ? block.order : largest_at_open;
    free_at_open[block.order]++;
    return true; /* the walk begins with the largest */
}

/* The core's only store while fibers run is the one that opens the gate: all others are outside, so
 * this is rest, and what a strict no is judged by. */
static void before_store(void)
{
    if (core == NULL) {
        maybe_switch(); /* a mark */
    }
    if (core == NULL || current == NULL) {
        return;
    }
    fiber *self = current;
    current = NULL; /* no switches in here */
    largest_at_open = BUDDY_ORDERS;
    memset(free_at_open, 0, sizeof free_at_open);
    buddy_walk(core, count_free_block, NULL);
    for (uint32_t order = 0; order <= core->max_order; order++) {
        const char *fault =
            freeset_check(&core->sets[order], core_blocks(core, order), order < core->max_order);
        if (fault != NULL) {
            fail_later(fault);
        }
    }
    current = self;
}

/* Holds at every instant, rest or not: two buddies are never both free. */
static void look_for_free_buddies(void)
{
    for (uint32_t order = 0; order < core->max_order; order++) {
        const freeset *set = &core->sets[order];
        for (uint32_t i = 0; i < freeset_words(set); i++) {
            if (word_pairs(*freeset_word(set, 0, i)) != 0) {
                fail_later("two buddies are both free");
            }
        }
    }
}

static void own(fiber *self, uint32_t offset, uint32_t order)
{
    for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
        if (owner[offset + i] != 0) {
            fail_later("a unit has two owners");
        }
        owner[offset + i] = (uint8_t)self->id;
    }
    self->live[self->live_count++] = (buddy_block){offset, order};
}

static buddy_block disown(fiber *self, uint32_t i)
{
    buddy_block block = self->live[i];
    memset(owner + block.offset, 0, (size_t)1 << block.order);
    self->live[i] = self->live[--self->live_count];
    return block;
}

static void strict_take(fiber *self, uint32_t order, uint32_t near)
{
    uint32_t offset = buddy_alloc(core, order, near);
    if (offset != BUDDY_NONE) {
        own(self, offset, order);
    } else if (order <= core->max_order && largest_at_open != BUDDY_ORDERS &&
               largest_at_open >= order) {
        fail_later("the strict door said no while there was a block");
    }
}

static void bulk_take(fiber *self, uint32_t order, uint32_t near)
{
    uint32_t offsets[12];
    uint32_t count = buddy_try_bulk(core, order, near, seed_below(&seed, 13), offsets);
    for (uint32_t i = 0; i < count; i++) {
        own(self, offsets[i], order);
    }
}

static void bulk_free(fiber *self, uint32_t order)
{
    uint32_t offsets[64], count = 0;
    for (uint32_t i = self->live_count; i-- > 0;) {
        if (self->live[i].order == order) {
            offsets[count++] = disown(self, i).offset;
        }
    }
    buddy_free_bulk(core, order, count, offsets);
}

static void gather_some(fiber *self, uint32_t near)
{
    buddy_block pieces[BUDDY_PIECES];
    uint32_t count = buddy_gather(core, 1 + seed_below(&seed, core->units), near, pieces);
    for (uint32_t i = 0; i < count; i++) {
        own(self, pieces[i].offset, pieces[i].order);
    }
}

/* Takes a block of `order` from the counts, best fit. */
static bool count_out(uint32_t order)
{
    uint32_t from = order;
    while (from < BUDDY_ORDERS && free_at_open[from] == 0) {
        from++;
    }
    if (from == BUDDY_ORDERS) {
        return false;
    }
    free_at_open[from]--;
    for (; from > order; from--) {
        free_at_open[from - 1]++;
    }
    return true;
}

/* Whether the pieces for `units` were there when the gate was opened. Uses up the counts. */
static bool pieces_were_there(uint32_t units)
{
    uint32_t wanted[BUDDY_ORDERS], rounded = buddy_gather_units(units),
                                   pieces = word_count(rounded);
    for (uint32_t order = 0; order < BUDDY_ORDERS; order++) {
        wanted[order] = rounded >> order & 1;
    }
    for (uint32_t order = BUDDY_ORDERS; order-- > 0;) {
        for (; wanted[order] > 0; wanted[order]--) {
            if (count_out(order)) {
                continue;
            }
            if (order == 0 || pieces++ == BUDDY_PIECES) {
                return false;
            }
            wanted[order - 1] += 2;
        }
    }
    return true;
}

static void gather_strictly(fiber *self, uint32_t near)
{
    buddy_block pieces[BUDDY_PIECES];
    uint32_t units = 1 + seed_below(&seed, core->units);
    uint32_t count = core_gather_alone(core, units, near, pieces);
    for (uint32_t i = 0; i < count; i++) {
        own(self, pieces[i].offset, pieces[i].order);
    }
    if (count == 0 && buddy_gather_units(units) <= core->units && pieces_were_there(units)) {
        fail_later("a strict gather was refused while there were its pieces");
    }
}

static void reserve(fiber *self, uint32_t offset)
{
    uint32_t count = seed_below(&seed, core->units - offset + 1);
    if (buddy_reserve(core, offset, count)) {
        for (uint32_t i = 0; i < count; i++) {
            if (owner[offset + i] != 0) {
                fail_later("a reserved unit has an owner");
            }
        }
        memset(owner + offset, (int)self->id, count);
        maybe_switch();
        memset(owner + offset, 0, count);
        buddy_release(core, offset, count);
    }
}

static void work(fiber *self)
{
    for (int i = 0; i < 8; i++) {
        uint32_t near = seed_below(&seed, core->units);
        uint32_t order = seed_below(&seed, 1 + seed_below(&seed, core->max_order + 1));
        uint32_t what = self->live_count > 40 ? 10 : seed_below(&seed, 13);
        if (what < 3) {
            strict_take(self, order, near);
        } else if (what < 5) {
            bulk_take(self, order, near);
        } else if (what == 5) {
            gather_some(self, near);
        } else if (what == 6) {
            reserve(self, near);
        } else if (what == 7) {
            gather_strictly(self, near);
        } else if (what < 10 && self->live_count > 0) {
            bulk_free(self, self->live[0].order);
        } else if (self->live_count > 0) {
            buddy_block block = disown(self, seed_below(&seed, self->live_count));
            buddy_free(core, block.offset, block.order);
        }
    }
}

static void check_against_model(uint32_t units)
{
    buddy_model m;
    assert_true(buddy_model_init(&m, &(buddy_desc){.units = units}));
    for (uint32_t i = 0; i < units; i++) {
        m.taken[i] = owner[i] != 0;
    }
    fail_later(buddy_check(core));
    fail_later(buddy_model_compare(&m, core));
    buddy_model_finish(&m);
}

/* One history: fibers work, rest, give all back one after the other. */
static void play_episode(uint32_t units)
{
    static _Alignas(64) unsigned char memory[16384];
    buddy_desc desc = {.units = units};
    core = buddy_init(memory, sizeof memory, &desc);
    assert_non_null(core);
    uint32_t count = 2 + seed_below(&seed, FIBERS_MOST - 1);
    start_fibers(count, work);
    run_fibers(count, units <= 200 ? look_for_free_buddies : look_at_nothing);
    check_against_model(units);
    for (uint32_t i = 0; i < count; i++) {
        while (fibers[i].live_count > 0) {
            buddy_block block = disown(&fibers[i], 0);
            buddy_free(core, block.offset, block.order);
        }
    }
    check_against_model(units);
    core = NULL;
}

static void any_interleaving_agrees_with_the_model_at_rest(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 5, 16, 63, 64, 65, 130, 200, UNITS_MOST};
    for (uint32_t episode = 0; episode < 4000; episode++) {
        uint32_t size = episode % 64 == 0 ? 9 : seed_below(&seed, 9);
        play_episode(sizes[size]);
        if (fault_seen != NULL) {
            fail_msg("episode %u, %u units: %s", episode, sizes[size], fault_seen);
        }
    }
    print_message("%" PRIu64 " switches\n", switches);
}

/* ---- what is gone for a moment only ---- */

/* Takes five units of eight, or two aligned ones, and gives them back; or tries to make the unit at
 * 0 a block of eight, which always fails, since four are not to be had. */
static void cut_or_extend(fiber *self)
{
    (void)self;
    for (int i = 0; i < 4; i++) {
        uint32_t units = seed_below(&seed, 2) != 0 ? 5 : 2;
        uint32_t offset = pinned ? BUDDY_NONE : core_try_cut(core, 3, units, BUDDY_ANYWHERE);
        if (pinned && core_try_extend(core, 0, 0, 3)) {
            fail_later("a block was made of one that is not free");
        }
        for (uint32_t at = 0; offset != BUDDY_NONE && at < units;) {
            uint32_t order = core_piece(at, units, 3);
            buddy_free(core, at, order);
            at += UINT32_C(1) << order;
        }
    }
}

/* There are always two units side by side for one who holds none. */
static void take_two(fiber *self)
{
    (void)self;
    for (int i = 0; i < 4; i++) {
        uint32_t offset = buddy_alloc(core, 1, BUDDY_ANYWHERE);
        if (offset == BUDDY_NONE) {
            fail_later("a strict request was refused for what another was about to put back");
        } else {
            buddy_free(core, offset, 1);
        }
    }
}

static void cut_beside(fiber *self)
{
    if (self->id == 1) {
        cut_or_extend(self);
    } else {
        take_two(self);
    }
}

static void what_is_put_back_was_never_gone_for_the_strict(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char memory[16384];
    for (int episode = 0; episode < 4000 && fault_seen == NULL; episode++) {
        buddy_desc desc = {.units = 8};
        buddy *b = buddy_init(memory, sizeof memory, &desc);
        assert_non_null(b);
        pinned = episode % 2 != 0;
        if (pinned) {
            assert_true(buddy_take_all(b, (buddy_block[]){{0, 0}, {4, 2}}, 2));
        }
        core = b;
        start_fibers(2, cut_beside);
        run_fibers(2, look_for_free_buddies);
        core = NULL;
        assert_null(buddy_check(b));
        assert_int_equal(buddy_free_units(b), pinned ? 3 : 8);
    }
    if (fault_seen != NULL) {
        fail_msg("%s", fault_seen);
    }
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(summaries_are_exact_whenever_all_are_at_rest),
        cmocka_unit_test(a_block_is_freed_with_its_own_size),
        cmocka_unit_test(any_interleaving_agrees_with_the_model_at_rest),
        cmocka_unit_test(what_is_put_back_was_never_gone_for_the_strict),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    drop_fibers();
    return failed;
}
