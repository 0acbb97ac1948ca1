/* The core's memory orders: words, summaries, the gate and what is made of them. See orders.h. */
#include "tests/orders/orders.h"

#include <sched.h>
#include <string.h>

#define sched_yield() orders_yield()

#include "buddy/core/buddy.c"
#include "buddy/core/freeset.c"
#include "buddy/core/inspect.c"
#include "buddy/core/near.c"
#include "buddy/core/reserve.c"
#include "buddy/core/split.c"

#define UNITS 16u

/* What the units of a block hold: plain memory, for whoever has the block. */
static uint64_t payload[UNITS + 64];

static void use_unit(uint32_t unit)
{
    payload[unit]++;
}

static void use_mask(uint64_t mask)
{
    for (; mask != 0; mask &= mask - 1) {
        use_unit(word_lowest(mask));
    }
}

/* ---- one word ---- */

static word_atomic word;

static void start_with_one_bit(void)
{
    atomic_store_explicit(&word, 4, memory_order_relaxed); /* relaxed: alone */
    orders_watch(payload, sizeof payload);
}

static void start_with_nothing(void)
{
    atomic_store_explicit(&word, 0, memory_order_relaxed); /* relaxed: alone */
    orders_watch(payload, sizeof payload);
}

/* Takes what there is, uses it and puts it back. */
static void take_and_put(uint32_t thread)
{
    (void)thread;
    for (uint32_t i = 0; i < 3; i++) {
        word_change change = word_take(&word, 0, 1);
        uint64_t mine = change.before & ~change.after;
        if (mine != 0) {
            use_mask(mine);
            word_put(&word, mine);
        }
    }
}

static void clear_and_put(uint32_t thread)
{
    (void)thread;
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t mine = word_clear(&word, 7).before & 7;
        if (mine != 0) {
            use_mask(mine);
            word_put(&word, mine);
        }
    }
}

/* Gives one buddy, as another thread gives the other; whoever comes last has both. */
static void give_a_buddy(uint32_t thread)
{
    uint64_t mine = UINT64_C(1) << thread % 2, pairs;
    if (thread < 2) {
        use_mask(mine);
        word_give(&word, mine, &pairs);
        use_mask(pairs | pairs << 1);
        return;
    }
    word_change change = word_take(&word, 0, 1); /* and a third takes one of them */
    use_mask(change.before & ~change.after);
}

/* ---- a bit and what it sums up ---- */

static struct {
    freeset set;
    word_atomic words[2 + 1];
} lone;

static void start_lone_set(void)
{
    memset(&lone, 0, sizeof(lone));
    lone.set.blocks = 2 * WORD_BITS;
    lone.set.top = 1;
    lone.set.first[0] = sizeof(freeset) / sizeof(uint64_t);
    lone.set.first[1] = lone.set.first[0] + 2;
}

static void settle_if_crossed(word_change change)
{
    if (word_crossed(change)) {
        freeset_settle(&lone.set, 0);
    }
}

static void start_lone_set_with_a_bit(void)
{
    start_lone_set();
    settle_if_crossed(word_put(&lone.words[0], 1));
}

/* One sets a bit, another clears it, if it is there by then. */
static void set_or_clear(uint32_t thread)
{
    settle_if_crossed(thread == 0 ? word_put(&lone.words[0], 1) : word_clear(&lone.words[0], 1));
}

/* The same the other way round: it is there, and comes back. */
static void clear_or_set(uint32_t thread)
{
    settle_if_crossed(thread == 0 ? word_clear(&lone.words[0], 1) : word_put(&lone.words[0], 2));
}

/* Sets, clears, sets … a bit of its own in a word that all share, so often as chance says. */
static void toggle(uint32_t thread)
{
    uint64_t bit = UINT64_C(1) << thread;
    uint32_t count = 1 + orders_below(2);
    for (uint32_t i = 0; i < count; i++) {
        settle_if_crossed(i == 0 ? word_put(&lone.words[0], bit) : word_clear(&lone.words[0], bit));
    }
}

/* As toggle; one then sets a bit in the other word. */
static void toggle_and_set(uint32_t thread)
{
    toggle(thread);
    if (thread == 0 && word_crossed(word_put(&lone.words[1], 1))) {
        freeset_settle(&lone.set, 1);
    }
}

static void summary_is_exact(void)
{
    uint64_t expected = 0;
    for (uint32_t i = 0; i < 2; i++) { /* relaxed: alone */
        bool some = atomic_load_explicit(&lone.words[i], memory_order_relaxed) != 0;
        expected |= (uint64_t)some << i;
    }
    if (atomic_load_explicit(&lone.words[2], memory_order_relaxed) != expected) {
        orders_fail("a summary differs from what it sums up");
    }
}

/* ---- the gate ---- */

static _Alignas(64) unsigned char memory[8192];
static buddy *core;

static void start_core(void)
{
    core = buddy_init(memory, sizeof memory, &(buddy_desc){.units = UNITS});
    orders_watch(payload, sizeof payload);
}

/* Each has a cell of its own inside, and who closes uses them all. */
static void enter_and_leave(uint32_t thread)
{
    for (uint32_t i = 0; i < 2; i++) {
        core_sheet sheet = gate_enter(core);
        use_unit(thread);
        gate_leave(&sheet);
    }
}

static void close_and_open(void)
{
    core_sheet sheet = gate_close(core);
    for (uint32_t i = 0; i < ORDERS_THREADS; i++) {
        use_unit(i);
    }
    gate_open(core, &sheet);
}

static void pass_or_close(uint32_t thread)
{
    if (thread == 0) {
        close_and_open();
    } else {
        enter_and_leave(thread);
    }
}

static void close_in_turn(uint32_t thread)
{
    close_and_open();
    if (thread == 0) {
        close_and_open();
    }
}

/* ---- the whole core ---- */

static void use_block(uint32_t offset, uint32_t order)
{
    for (uint32_t i = 0; i < UINT32_C(1) << order; i++) {
        use_unit(offset + i);
    }
}

static void take_and_give(uint32_t thread)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t order = orders_below(4), near = orders_below(UNITS);
        uint32_t offset =
            thread == 0 ? buddy_alloc(core, order, near) : buddy_try_near(core, order, near);
        if (offset != BUDDY_NONE) {
            use_block(offset, order);
            buddy_free(core, offset, order);
        }
    }
}

static void core_is_whole(void)
{
    const char *fault = buddy_check(core);
    if (fault == NULL && buddy_free_units(core) != UNITS) {
        fault = "not all has come back";
    }
    if (fault != NULL) {
        orders_fail(fault);
    }
}

static const orders_case cases[] = {
    {"take and put", 3, start_with_one_bit, take_and_put, NULL},
    {"clear and put", 3, start_with_one_bit, clear_and_put, NULL},
    {"give a buddy", 3, start_with_nothing, give_a_buddy, NULL},
    {"set or clear", 2, start_lone_set, set_or_clear, summary_is_exact},
    {"clear or set", 2, start_lone_set_with_a_bit, clear_or_set, summary_is_exact},
    {"two at a summary", 2, start_lone_set, toggle, summary_is_exact},
    {"three at a summary", 3, start_lone_set, toggle_and_set, summary_is_exact},
    {"pass the gate", 2, start_core, pass_or_close, NULL},
    {"two pass the gate", 3, start_core, pass_or_close, NULL},
    {"close in turn", 2, start_core, close_in_turn, NULL},
    {"the core", 3, start_core, take_and_give, core_is_whole},
};

static orders_excuse excuses[] = {
    {"gate_enter", "&lane->inside", memory_order_release, memory_order_relaxed,
     "who turns back has done nothing that a closer would have to see, and a read-modify-write "
     "passes on what others released before it",
     0},
};

int main(void)
{
    orders_plan plan = {cases, sizeof cases / sizeof cases[0], excuses,
                        sizeof excuses / sizeof excuses[0]};
    return orders_main(&plan);
}
