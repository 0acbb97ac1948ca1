#include "tests/orders/orders_memory.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "tests/rigs/seed.h"

#define STACK_BYTES   ((size_t)256 << 10)
#define STEPS_MOST    2000u  /* of a try: more, and it does not end */
#define CHOICES_MOST  4096u  /* of a try */
#define TRIES         2000u  /* of each case, by random */
#define TRIES_ALL     5000u  /* of each case, one schedule after the other */
#define TRIES_WEAK    30000u /* of all cases in turn, until a weakened order is noticed */
#define SLICE         100u   /* tries of a case at its turn */
#define SWITCHES_MOST 2u /* when all schedules are tried: of each, so many switches by force, … */
#define STALE_MOST    2u /* … loads that read what is old, … */
#define FAILURES_MOST 1u /* … and exchanges that fail for no reason */

typedef struct fiber {
    ucontext_t start; /* where it begins; from then on `here`, which costs no system call */
    jmp_buf here;
    unsigned char *stack;
    bool done, started;
    bool impatient;          /* has read the same again, and reads the newest from now on */
    const orders_site *site; /* of its last step, … */
    uint32_t store;          /* … and what that read */
} fiber;

/* How a try goes on where it could go several ways: by random, or as the last one did up to some
 * point and then otherwise. */
typedef struct choices {
    bool all; /* one after the other */
    uint32_t depth, count;
    uint8_t taken[CHOICES_MOST], of[CHOICES_MOST];
    uint32_t switches, stale, failures; /* left in this try; if all */
} choices;

static uint64_t seed;
static fiber fibers[ORDERS_THREADS];
static uint32_t fiber_count, steps, eagerness, staleness;
static uint32_t at_work = MEMORY_NOBODY;
static ucontext_t abandoned;
static jmp_buf scheduler;
static const orders_case *running;
static const char *fault;
static choices way;
static orders_site *sites; /* that were reached */
static const orders_site *weak_site;
static int weak_order;
static uint32_t longest_search; /* tries until a weakened order was noticed */

/* ---- choices ---- */

/* In a try of all: a number below `count`, another in a later try. */
static uint32_t choose(uint32_t count)
{
    if (count <= 1 || way.depth == CHOICES_MOST) {
        return 0;
    }
    uint32_t at = way.depth++;
    if (at == way.count) {
        way.taken[at] = 0;
        way.of[at] = (uint8_t)(count < UINT8_MAX ? count : UINT8_MAX);
        way.count++;
    }
    return way.taken[at];
}

/* Whether there is another way; then the next try goes it. */
static bool next_way(void)
{
    while (way.count > 0 && way.taken[way.count - 1] + 1u >= way.of[way.count - 1]) {
        way.count--;
    }
    if (way.count == 0) {
        return false;
    }
    way.taken[way.count - 1]++;
    return true;
}

uint32_t run_choose_stale(uint32_t count)
{
    if (fibers[at_work].impatient || count == 1) {
        return 0;
    }
    if (!way.all) {
        return seed_below(&seed, staleness) == 0 ? seed_below(&seed, count) : 0;
    }
    uint32_t chosen = way.stale > 0 ? choose(count) : 0;
    way.stale -= chosen > 0;
    return chosen;
}

bool run_choose_failure(void)
{
    if (!way.all) {
        return seed_below(&seed, 8) == 0;
    }
    bool fails = way.failures > 0 && choose(2) == 1;
    way.failures -= fails;
    return fails;
}

uint32_t orders_below(uint32_t limit)
{
    return way.all ? choose(limit) : seed_below(&seed, limit);
}

uint32_t run_thread(void)
{
    return at_work;
}

/* ---- fibers ---- */

static void leave_fiber(void)
{
    if (_setjmp(fibers[at_work].here) == 0) {
        _longjmp(scheduler, 1);
    }
}

/* Until it leaves. */
static void go_on(fiber *f)
{
    if (_setjmp(scheduler) != 0) {
        return;
    }
    if (f->started) {
        _longjmp(f->here, 1);
    }
    f->started = true;
    swapcontext(&abandoned, &f->start);
}

void orders_fail(const char *what)
{
    fault = fault != NULL ? fault : what;
    if (at_work != MEMORY_NOBODY) {
        leave_fiber(); /* for ever */
    }
}

void orders_yield(void)
{
    leave_fiber();
}

static void enter_fiber(void)
{
    running->body(at_work);
    fibers[at_work].done = true;
    leave_fiber(); /* never comes back */
}

static void start_fibers(void)
{
    fiber_count = running->threads;
    for (uint32_t i = 0; i < fiber_count; i++) {
        fiber *f = &fibers[i];
        unsigned char *stack = f->stack != NULL ? f->stack : malloc(STACK_BYTES);
        if (stack == NULL) {
            abort();
        }
        memset(f, 0, sizeof *f);
        f->stack = stack;
        getcontext(&f->start);
        f->start.uc_stack.ss_sp = stack;
        f->start.uc_stack.ss_size = STACK_BYTES;
        makecontext(&f->start, enter_fiber, 0);
    }
}

/* One of those that have not ended, another than `last` if there is one. */
static uint32_t choose_fiber(uint32_t last)
{
    uint32_t able[ORDERS_THREADS], count = 0;
    for (uint32_t i = 0; i < fiber_count; i++) {
        if (!fibers[i].done && i != last) {
            able[count++] = i;
        }
    }
    return count > 0 ? able[way.all ? choose(count) : seed_below(&seed, count)] : last;
}

static bool wants_switch(void)
{
    if (!way.all) {
        return seed_below(&seed, eagerness) == 0;
    }
    bool does = way.switches > 0 && choose(2) == 1;
    way.switches -= does;
    return does;
}

static void run_fibers(void)
{
    uint32_t left = fiber_count, last = MEMORY_NOBODY;
    while (left > 0 && fault == NULL) {
        at_work = last = choose_fiber(last);
        go_on(&fibers[last]);
        left -= fibers[last].done;
    }
    at_work = MEMORY_NOBODY;
}

/* One try of a case. Returns what was wrong or NULL. */
static const char *try_once(const orders_case *c)
{
    running = c;
    fault = NULL;
    steps = 0;
    way.depth = 0;
    way.switches = SWITCHES_MOST;
    way.stale = STALE_MOST;
    way.failures = FAILURES_MOST;
    eagerness = 1 + seed_below(&seed, 6);
    staleness = 1 + seed_below(&seed, 4);
    memory_forget();
    c->set_up();
    start_fibers();
    run_fibers();
    if (fault == NULL && c->at_rest != NULL) {
        c->at_rest();
    }
    return fault;
}

/* ---- steps ---- */

static int order_in_effect(orders_site *site, int order)
{
    if (!site->reached && at_work != MEMORY_NOBODY) {
        site->reached = true;
        site->order = order;
        site->next = sites;
        sites = site;
    }
    return site == weak_site ? weak_order : order;
}

/* Before a step: others may come first. */
static void before_step(void)
{
    if (at_work == MEMORY_NOBODY) {
        return;
    }
    if (++steps > STEPS_MOST) {
        orders_fail("it does not come to an end");
    }
    if (wants_switch()) {
        leave_fiber();
    }
}

/* After a step that read. Who reads the same once more, from the same place, waits for others. */
static void after_read(const orders_site *site)
{
    if (at_work == MEMORY_NOBODY) {
        return;
    }
    fiber *self = &fibers[at_work];
    bool again = self->site == site && self->store == memory_last_read();
    self->site = site;
    self->store = memory_last_read();
    self->impatient = again;
    if (again) {
        leave_fiber();
    }
}

static void after_write(void)
{
    if (at_work != MEMORY_NOBODY) {
        fibers[at_work].site = NULL;
        fibers[at_work].impatient = false;
    }
}

uint64_t orders_load(orders_site *site, orders_object object, int order)
{
    before_step();
    uint64_t value = memory_load(at_work, object, order_in_effect(site, order));
    after_read(site);
    return value;
}

void orders_store(orders_site *site, orders_object object, uint64_t value, int order)
{
    before_step();
    memory_store(at_work, object, value, order_in_effect(site, order));
    after_write();
}

uint64_t orders_modify(orders_site *site, orders_object object, orders_change change,
                       uint64_t operand, int order)
{
    before_step();
    uint64_t old = memory_modify(at_work, object, change, operand, order_in_effect(site, order));
    after_write();
    return old;
}

bool orders_change_if(orders_site *site, orders_object object, orders_exchange *exchange)
{
    before_step();
    exchange->order = order_in_effect(site, exchange->order);
    bool done = memory_change_if(at_work, object, exchange);
    if (done) {
        after_write();
    } else {
        after_read(site);
    }
    return done;
}

void orders_membarrier(void)
{
    static orders_site site = {.function = "membarrier", .object = "all"};
    before_step();
    if (order_in_effect(&site, memory_order_seq_cst) == memory_order_seq_cst) {
        memory_barrier_of_all();
    }
}

void orders_lock(void *mutex)
{
    static orders_site site;
    orders_exchange exchange = {.order = memory_order_acquire};
    do {
        exchange.expected = 0;
        exchange.desired = 1;
        before_step();
    } while (!memory_change_if(at_work, (orders_object){mutex, sizeof(int)}, &exchange) &&
             (after_read(&site), true));
    after_write();
}

void orders_unlock(void *mutex)
{
    before_step();
    memory_store(at_work, (orders_object){mutex, sizeof(int)}, 0, memory_order_release);
    after_write();
}

/* ---- the code as it is ---- */

static bool passes_by_random(const orders_case *c)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        const char *wrong = try_once(c);
        if (wrong != NULL) {
            printf("%s: try %u: %s\n", c->name, i, wrong);
            return false;
        }
    }
    return true;
}

static bool passes_one_after_the_other(const orders_case *c)
{
    uint32_t tries = 0;
    const char *wrong;
    bool more;
    way = (choices){.all = true};
    do {
        wrong = try_once(c);
        more = ++tries < TRIES_ALL && next_way();
    } while (wrong == NULL && more);
    printf("%s: %u by random, %u%s with %u switches and %u old values at most\n", c->name, TRIES,
           tries, way.count == 0 ? ", which is all," : "", SWITCHES_MOST, STALE_MOST);
    way.all = false;
    if (wrong != NULL) {
        printf("%s: schedule %u: %s\n", c->name, tries, wrong);
    }
    return wrong == NULL;
}

/* ---- and weakened ---- */

/* What an order may be weakened to by one step: one or two others. */
static uint32_t weaker(int order, int out[2])
{
    switch (order) {
    case memory_order_acquire:
    case memory_order_release:
        out[0] = memory_order_relaxed;
        return 1;
    case memory_order_acq_rel:
        out[0] = memory_order_acquire;
        out[1] = memory_order_release;
        return 2;
    case memory_order_seq_cst:
        out[0] = memory_order_acq_rel;
        out[1] = memory_order_relaxed;
        return 2;
    default:
        return 0;
    }
}

static bool is_noticed(const orders_plan *plan)
{
    for (uint32_t i = 0; i < TRIES_WEAK; i++) {
        if (try_once(&plan->cases[i / SLICE % plan->case_count]) != NULL) {
            longest_search = i > longest_search ? i : longest_search;
            return true;
        }
    }
    return false;
}

/* Whether there is an excuse for it that no other place has used. */
static bool is_excused(const orders_plan *plan, const orders_site *site, int order)
{
    for (uint32_t i = 0; i < plan->excuse_count; i++) {
        orders_excuse *e = &plan->excuses[i];
        if (strcmp(e->function, site->function) == 0 && strcmp(e->object, site->object) == 0 &&
            e->from == site->order && e->to == order) {
            return e->used++ == 0;
        }
    }
    return false;
}

static const char *name_of(int order)
{
    static const char *const names[] = {"relaxed", "consume", "acquire",
                                        "release", "acq_rel", "seq_cst"};
    return names[order];
}

/* Whether the order is missed, or may be weakened. */
static bool is_needed_or_excused(const orders_plan *plan, const orders_site *site, int order)
{
    weak_site = site;
    weak_order = order;
    bool good = is_noticed(plan) || is_excused(plan, site, order);
    weak_site = NULL;
    if (!good) {
        printf("%s, line %d: %s: %s weakened to %s is not noticed\n", site->function, site->line,
               site->object, name_of(site->order), name_of(order));
    }
    return good;
}

static bool every_order_is_needed(const orders_plan *plan)
{
    bool good = true;
    uint32_t tried = 0;
    for (const orders_site *site = sites; site != NULL; site = site->next) {
        int orders[2];
        uint32_t count = weaker(site->order, orders);
        for (uint32_t i = 0; i < count; i++) {
            good &= is_needed_or_excused(plan, site, orders[i]);
        }
        tried += count;
    }
    for (uint32_t i = 0; i < plan->excuse_count; i++) {
        if (plan->excuses[i].used == 0) {
            printf("%s: an excuse that nobody needs\n", plan->excuses[i].function);
            good = false;
        }
    }
    printf("%u weakened orders, %u of them excused; the others noticed within %u tries\n", tried,
           plan->excuse_count, longest_search + 1);
    return good && tried > plan->excuse_count;
}

int orders_main(const orders_plan *plan)
{
    bool good = true;
    seed = seed_of_run();
    for (uint32_t i = 0; i < plan->case_count; i++) {
        good &= passes_by_random(&plan->cases[i]) && passes_one_after_the_other(&plan->cases[i]);
    }
    good = good && every_order_is_needed(plan);
    for (uint32_t i = 0; i < ORDERS_THREADS; i++) {
        free(fibers[i].stack);
    }
    return good ? 0 : 1;
}
