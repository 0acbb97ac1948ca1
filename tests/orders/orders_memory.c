#include "tests/orders/orders_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES  128u  /* atomic objects in a try */
#define STORES  4096u /* in a try, the values at the start among them */
#define BUCKETS 1024u
#define REGIONS 8u
#define CELLS   (UINT32_C(1) << 16) /* bytes watched, all together */

/* What a thread knows: of each place, the number of the newest store it has seen; of each thread,
 * how far it had come. */
typedef struct view {
    uint16_t seen[PLACES];
    uint32_t clock[ORDERS_THREADS];
} view;

typedef struct store {
    uint64_t value;
    view carries; /* what an acquirer learns */
} store;

/* An atomic object. Its stores are numbered from 0, the value at the start. */
typedef struct place {
    orders_object object;
    uint32_t count;
    uint32_t consistent; /* the oldest that a sequentially consistent load may read */
    uint16_t stores[STORES / 8];
} place;

/* A byte of plain memory: when each thread last read it, and who wrote it last. */
typedef struct cell {
    uint32_t try_number; /* else all that follows is of an earlier try */
    uint32_t writer, written;
    uint32_t read[ORDERS_THREADS];
} cell;

typedef struct region {
    uintptr_t from;
    size_t bytes;
    cell *cells;
} region;

static place places[PLACES];
static uint32_t place_count;
static uint16_t buckets[BUCKETS]; /* a place's number + 1; 0: none */
static store stores[STORES];
static uint32_t store_count;
static view views[ORDERS_THREADS];
static region regions[REGIONS];
static uint32_t region_count, cell_count, try_number, last_read;
static cell cells[CELLS];

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "orders: %s\n", what);
    abort();
}

void memory_forget(void)
{
    place_count = store_count = region_count = cell_count = 0;
    memset(buckets, 0, sizeof buckets);
    memset(views, 0, sizeof views);
    for (uint32_t thread = 0; thread < ORDERS_THREADS; thread++) {
        views[thread].clock[thread] = 1;
    }
    try_number++;
}

/* ---- views ---- */

static void learn_seen(view *v, const view *from)
{
    for (uint32_t i = 0; i < place_count; i++) {
        v->seen[i] = v->seen[i] > from->seen[i] ? v->seen[i] : from->seen[i];
    }
}

static void learn(view *v, const view *from)
{
    learn_seen(v, from);
    for (uint32_t i = 0; i < ORDERS_THREADS; i++) {
        v->clock[i] = v->clock[i] > from->clock[i] ? v->clock[i] : from->clock[i];
    }
}

static bool acquires(int order)
{
    return order == memory_order_acquire || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

static bool releases(int order)
{
    return order == memory_order_release || order == memory_order_acq_rel ||
           order == memory_order_seq_cst;
}

/* ---- places and their stores ---- */

static uint64_t read_memory(orders_object object)
{
    uint64_t value = 0;
    memcpy(&value, (const void *)(uintptr_t)object.at, object.bytes); /* little end first */
    return value;
}

static void write_memory(orders_object object, uint64_t value)
{
    memcpy((void *)(uintptr_t)object.at, &value, object.bytes);
}

static uint64_t cut(orders_object object, uint64_t value)
{
    return object.bytes == 8 ? value : value & ((UINT64_C(1) << 8 * object.bytes) - 1);
}

/* A new last store of `p`. */
static store *add_store(place *p, uint64_t value)
{
    if (store_count == STORES || p->count == sizeof p->stores / sizeof p->stores[0]) {
        give_up("more stores in a try than there is room for");
    }
    store *s = &stores[store_count];
    memset(s, 0, sizeof *s);
    s->value = cut(p->object, value);
    p->stores[p->count++] = (uint16_t)store_count++;
    write_memory(p->object, value);
    return s;
}

static place *add_place(orders_object object)
{
    if (place_count == PLACES) {
        give_up("more atomic objects in a try than there is room for");
    }
    place *p = &places[place_count++];
    *p = (place){.object = object};
    add_store(p, read_memory(object));
    return p;
}

static place *place_of(orders_object object)
{
    uint32_t at = (uint32_t)((uintptr_t)object.at * UINT64_C(0x9e3779b97f4a7c15) >> 54);
    while (buckets[at] != 0 && places[buckets[at] - 1].object.at != object.at) {
        at = (at + 1) % BUCKETS;
    }
    if (buckets[at] == 0) {
        place *p = add_place(object);
        buckets[at] = (uint16_t)place_count;
        return p;
    }
    place *p = &places[buckets[at] - 1];
    if (p->object.bytes != object.bytes) {
        give_up("an atomic object has two sizes");
    }
    return p;
}

static store *store_of(const place *p, uint32_t number)
{
    return &stores[p->stores[number]];
}

/* ---- one step of a thread ---- */

static void see(uint32_t thread, place *p, uint32_t number, int order)
{
    view *v = &views[thread];
    v->seen[p - places] = (uint16_t)number;
    if (acquires(order)) {
        learn(v, &store_of(p, number)->carries);
    }
    if (order == memory_order_seq_cst && p->consistent < number) {
        p->consistent = number;
    }
    last_read = p->stores[number];
}

/* The oldest store that the thread may still read. */
static uint32_t oldest(uint32_t thread, const place *p, int order)
{
    uint32_t seen = views[thread].seen[p - places];
    return order == memory_order_seq_cst && p->consistent > seen ? p->consistent : seen;
}

static uint32_t choose_store(uint32_t thread, const place *p, int order)
{
    return p->count - 1 - run_choose_stale(p->count - oldest(thread, p, order));
}

/* Appends a store of the thread's. */
static void write(uint32_t thread, place *p, uint64_t value, int order, const view *before)
{
    view *v = &views[thread];
    store *s = add_store(p, value);
    v->seen[p - places] = (uint16_t)(p->count - 1);
    if (before != NULL) {
        s->carries = *before; /* a read-modify-write goes on with the release before it */
    }
    if (releases(order)) {
        learn(&s->carries, v);
        v->clock[thread]++; /* what comes now is not released by it */
    }
    if (order == memory_order_seq_cst) {
        p->consistent = p->count - 1;
    }
}

uint64_t memory_load(uint32_t thread, orders_object object, int order)
{
    if (thread == MEMORY_NOBODY) {
        return read_memory(object);
    }
    place *p = place_of(object);
    uint32_t number = choose_store(thread, p, order);
    see(thread, p, number, order);
    return store_of(p, number)->value;
}

void memory_store(uint32_t thread, orders_object object, uint64_t value, int order)
{
    if (thread == MEMORY_NOBODY) {
        write_memory(object, value);
    } else {
        write(thread, place_of(object), value, order, NULL);
    }
}

static uint64_t changed(uint64_t value, orders_change change, uint64_t operand)
{
    switch (change) {
    case ORDERS_ADD:
        return value + operand;
    case ORDERS_SUB:
        return value - operand;
    case ORDERS_OR:
        return value | operand;
    case ORDERS_AND:
        return value & operand;
    case ORDERS_XOR:
        return value ^ operand;
    case ORDERS_SET:
        break;
    }
    return operand;
}

/* Reads the last store and appends one. */
static uint64_t read_and_write(uint32_t thread, place *p, orders_change change, uint64_t operand,
                               int order)
{
    uint32_t last = p->count - 1;
    store *old = store_of(p, last);
    see(thread, p, last, order);
    write(thread, p, changed(old->value, change, operand), order, &old->carries);
    return old->value;
}

uint64_t memory_modify(uint32_t thread, orders_object object, orders_change change,
                       uint64_t operand, int order)
{
    if (thread == MEMORY_NOBODY) {
        uint64_t old = read_memory(object);
        write_memory(object, changed(old, change, operand));
        return old;
    }
    return read_and_write(thread, place_of(object), change, operand, order);
}

static bool exchange_alone(orders_object object, orders_exchange *exchange)
{
    uint64_t now = read_memory(object);
    if (now != exchange->expected) {
        exchange->expected = now;
        return false;
    }
    write_memory(object, exchange->desired);
    return true;
}

bool memory_change_if(uint32_t thread, orders_object object, orders_exchange *exchange)
{
    if (thread == MEMORY_NOBODY) {
        return exchange_alone(object, exchange);
    }
    place *p = place_of(object);
    uint32_t number = choose_store(thread, p, exchange->order_on_failure);
    if (store_of(p, number)->value == exchange->expected) {
        number = p->count - 1; /* it may fail with an old value, not succeed */
    }
    uint64_t value = store_of(p, number)->value;
    if (value != exchange->expected || (exchange->weak && run_choose_failure())) {
        see(thread, p, number, exchange->order_on_failure);
        exchange->expected = value;
        return false;
    }
    read_and_write(thread, p, ORDERS_SET, exchange->desired, exchange->order);
    return true;
}

void memory_barrier_of_all(void)
{
    view all = {{0}, {0}};
    for (uint32_t i = 0; i < ORDERS_THREADS; i++) {
        learn_seen(&all, &views[i]);
    }
    for (uint32_t i = 0; i < ORDERS_THREADS; i++) {
        learn_seen(&views[i], &all);
    }
}

uint32_t memory_last_read(void)
{
    return last_read;
}

/* ---- plain memory ---- */

void orders_watch(const void *from, size_t bytes)
{
    if (region_count == REGIONS || bytes > CELLS - cell_count) {
        give_up("more plain memory is watched than there is room for");
    }
    regions[region_count++] = (region){(uintptr_t)from, bytes, cells + cell_count};
    cell_count += (uint32_t)bytes;
}

/* Whether what `thread` did when its clock was `time` comes before all that v's thread does now. */
static bool is_past(const view *v, uint32_t thread, uint32_t time)
{
    return time <= v->clock[thread];
}

static void touch_byte(cell *c, uint32_t thread, bool writes)
{
    const view *v = &views[thread];
    if (c->try_number != try_number) {
        *c = (cell){.try_number = try_number};
    }
    bool raced = !is_past(v, c->writer, c->written);
    for (uint32_t i = 0; writes && i < ORDERS_THREADS; i++) {
        raced |= !is_past(v, i, c->read[i]);
    }
    if (raced) {
        orders_fail("plain memory is used by two threads with nothing to order them");
    }
    if (writes) {
        c->writer = thread;
        c->written = v->clock[thread];
    } else {
        c->read[thread] = v->clock[thread];
    }
}

static void touch(const volatile void *at, size_t bytes, bool writes)
{
    uint32_t thread = run_thread();
    for (uint32_t i = 0; thread != MEMORY_NOBODY && i < region_count; i++) {
        uintptr_t within = (uintptr_t)at - regions[i].from;
        for (size_t k = 0; within < regions[i].bytes && k < bytes; k++) {
            touch_byte(&regions[i].cells[within + k], thread, writes);
        }
    }
}

void *orders_copy(void *to, const void *from, size_t bytes)
{
    touch(from, bytes, false);
    touch(to, bytes, true);
    return memcpy(to, from, bytes);
}

/* What compilers call before plain accesses, and at the ends of functions. Their names are given.
 */
#define TOUCHED(name, bytes)           \
    void __tsan_read##name(void *at);  \
    void __tsan_write##name(void *at); \
    void __tsan_read##name(void *at)   \
    {                                  \
        touch(at, bytes, false);       \
    }                                  \
    void __tsan_write##name(void *at)  \
    {                                  \
        touch(at, bytes, true);        \
    }
#define TOUCHED_UNALIGNED(bytes)                  \
    void __tsan_unaligned_read##bytes(void *at);  \
    void __tsan_unaligned_write##bytes(void *at); \
    void __tsan_unaligned_read##bytes(void *at)   \
    {                                             \
        touch(at, bytes, false);                  \
    }                                             \
    void __tsan_unaligned_write##bytes(void *at)  \
    {                                             \
        touch(at, bytes, true);                   \
    }

TOUCHED(1, 1)
TOUCHED(2, 2)
TOUCHED(4, 4)
TOUCHED(8, 8)
TOUCHED(16, 16)
TOUCHED_UNALIGNED(2)
TOUCHED_UNALIGNED(4)
TOUCHED_UNALIGNED(8)
TOUCHED_UNALIGNED(16)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller)
{
    (void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_read_range(void *at, unsigned long bytes);
void __tsan_read_range(void *at, unsigned long bytes)
{
    touch(at, bytes, false);
}

void __tsan_write_range(void *at, unsigned long bytes);
void __tsan_write_range(void *at, unsigned long bytes)
{
    touch(at, bytes, true);
}
