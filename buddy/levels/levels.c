/* levels.c: making a levels, taking blocks and giving them back. Reading it without changing it is
 * levels/inspect.c.
 *
 *     take:  up:    lock; list? take.  unpromised split? wait.  else in_flight += 1, and up
 *            down:  halve; lock; in_flight -= 1; the spare half to the queue or the list; and down
 *     give:  lock; queue? feed it.  buddy in the list? take it out, and up.  else into the list
 *
 * Why no thread waits forever: one that waits at a level waits for a split that is in flight there,
 * and the thread that split there is at work, or waits at a higher level; at the highest level
 * nothing is in flight.
 *
 * Why "no" is exact: a merge holds its level until it has the next one's lock, so whoever holds all
 * locks from its order up sees every free block of those orders in a list, or under way down in the
 * hands of a split, which in_flight counts. */
#include "buddy/levels.h"

#include <assert.h>
#include <string.h>

#include "buddy/levels/private.h"
#include "buddy/tree.h"

/* ---- figures: written under the level's lock, read by anybody ---- */

/* Relaxed, a load and a store: one writer at a time, and a figure that orders nothing. */
static void count_free(level *v, uint32_t delta)
{
    uint32_t count = atomic_load_explicit(&v->free_blocks, memory_order_relaxed);
    atomic_store_explicit(&v->free_blocks, count + delta, memory_order_relaxed);
}

/* Relaxed as above. */
static void tally(_Atomic uint64_t *figure)
{
    uint64_t count = atomic_load_explicit(figure, memory_order_relaxed);
    atomic_store_explicit(figure, count + 1, memory_order_relaxed);
}

/* ---- the list of free blocks; the level is locked ---- */

static void flip(level *v, uint32_t place)
{
    v->bits[place / WORD_BITS] ^= UINT64_C(1) << place % WORD_BITS;
}

/* In front: what was used last is warm. */
static void list_add(buddy_levels *l, uint32_t order, uint32_t offset)
{
    level *v = &l->at[order];
    l->links[offset] = (level_link){.next = v->first, .prev = BUDDY_NONE};
    if (v->first != BUDDY_NONE) {
        l->links[v->first].prev = offset;
    }
    v->first = offset;
    flip(v, offset >> order);
    count_free(v, 1);
}

static void list_remove(buddy_levels *l, uint32_t order, uint32_t offset)
{
    level *v = &l->at[order];
    level_link link = l->links[offset];
    if (link.prev == BUDDY_NONE) {
        v->first = link.next;
    } else {
        l->links[link.prev].next = link.next;
    }
    if (link.next != BUDDY_NONE) {
        l->links[link.next].prev = link.prev;
    }
    flip(v, offset >> order);
    count_free(v, UINT32_MAX);
}

/* ---- the queue of requests; the level is locked ---- */

static void queue_add(level *v, level_waiter *w)
{
    if (v->head == NULL) {
        v->head = w;
    } else {
        v->tail->next = w;
    }
    v->tail = w;
    v->waiting++;
    /* relaxed: a figure, as above */
    if (v->waiting > atomic_load_explicit(&v->pending_high_water, memory_order_relaxed)) {
        atomic_store_explicit(&v->pending_high_water, v->waiting, memory_order_relaxed);
    }
}

/* Takes the first out of the queue and gives it its answer. A spinning one is gone with that; a
 * sleeping one needs our lock first, so its condition variable lives until we unlock. */
static void queue_answer(const buddy_levels *l, level *v, uint32_t answer)
{
    level_waiter *w = v->head;
    v->head = w->next;
    v->waiting--;
    /* release: what was done with the block comes before what its new owner does */
    atomic_store_explicit(&w->answer, answer, memory_order_release);
    if (l->sync == BUDDY_LEVELS_MUTEX) {
        pthread_cond_signal(&w->woken);
    }
}

/* Waits for a spare half. Returns its offset, or LEVEL_RETRY. Unlocks the level. Precondition:
 * in_flight > waiting. */
static uint32_t queue_wait(buddy_levels *l, level *v)
{
    level_waiter w = {.answer = LEVEL_WAITING, .woken = PTHREAD_COND_INITIALIZER};
    uint32_t answer, looks = 0;
    queue_add(v, &w);
    if (l->sync == BUDDY_LEVELS_MUTEX) {
        while (atomic_load_explicit(&w.answer, memory_order_relaxed) == LEVEL_WAITING) {
            pthread_cond_wait(&w.woken, &v->lock.mutex); /* relaxed: under the lock */
        }
        level_unlock(l, v);
        pthread_cond_destroy(&w.woken);
        return atomic_load_explicit(&w.answer, memory_order_relaxed); /* written once, seen */
    }
    level_unlock(l, v);
    /* acquire, pairs with queue_answer */
    while ((answer = atomic_load_explicit(&w.answer, memory_order_acquire)) == LEVEL_WAITING) {
        level_pause(&looks);
    }
    return answer;
}

/* ---- taking ---- */

/* Whether a request that has a split of its own in flight here gets something here from others. */
static bool can_serve(const level *v)
{
    return v->first != BUDDY_NONE || v->in_flight > v->waiting + 1;
}

/* A split that comes to nothing: the request that waited for its spare half must look again. */
static void withdraw(const buddy_levels *l, level *v)
{
    v->in_flight--;
    if (v->waiting > v->in_flight) {
        queue_answer(l, v, LEVEL_RETRY);
    }
}

/* What a request does that has found nothing on its way to the top: it looks at all its levels at
 * once. Returns the order of the lowest that has something, still locked, or one beyond max_order:
 * no. The splits of the request from there up are withdrawn, in the case of a no all of them.
 *
 * The lowest, because then this ends: each such look, and each wait, makes more requests wait at
 * some level and changes nothing below it, and that cannot go on without an answer. */
static uint32_t look_again(buddy_levels *l, uint32_t order)
{
    for (uint32_t i = order; i <= l->max_order; i++) {
        level_lock(l, i);
    }
    uint32_t at = order;
    while (at <= l->max_order && !can_serve(&l->at[at])) {
        at++;
    }
    uint32_t withdrawn = at <= l->max_order ? at : order;
    for (uint32_t i = order; i <= l->max_order; i++) {
        if (i >= withdrawn && i < l->max_order) {
            withdraw(l, &l->at[i]);
        }
        if (i != at) {
            level_unlock(l, &l->at[i]);
        }
    }
    return at;
}

/* Finds a block of `order` or above. Returns its offset or BUDDY_NONE; *found is its order. The
 * request has then a split in flight at each level from `order` to below *found. */
static uint32_t go_up(buddy_levels *l, uint32_t order, uint32_t *found)
{
    uint32_t at = order;
    level *v = level_lock(l, at);
    for (;;) {
        uint32_t offset = v->first;
        *found = at;
        if (offset != BUDDY_NONE) {
            list_remove(l, at, offset);
            level_unlock(l, v);
            return offset;
        }
        if (v->in_flight > v->waiting) {
            offset = queue_wait(l, v);
            if (offset != LEVEL_RETRY) {
                return offset;
            }
            v = level_lock(l, at);
        } else if (at < l->max_order) {
            v->in_flight++;
            level_unlock(l, v);
            v = level_lock(l, ++at);
        } else {
            level_unlock(l, v);
            at = look_again(l, order);
            if (at > l->max_order) {
                return BUDDY_NONE;
            }
            v = &l->at[at];
        }
    }
}

/* A block that is free now, and has no free buddy: to the first request that waits, else into the
 * list. */
static void deliver(buddy_levels *l, uint32_t order, uint32_t offset)
{
    level *v = &l->at[order];
    if (v->waiting != 0) {
        queue_answer(l, v, offset);
    } else {
        list_add(l, order, offset);
    }
}

/* Halves the block (offset, from), which is ours, until it is of order `to`; keeps the lower halves
 * and ends the splits that go_up began. */
static void go_down(buddy_levels *l, uint32_t offset, uint32_t from, uint32_t to)
{
    for (uint32_t order = from; order-- > to;) {
        level *v = level_lock(l, order);
        v->in_flight--;
        tally(&v->splits);
        if (v->first != BUDDY_NONE) {
            tally(&v->wasted_splits);
        }
        deliver(l, order, buddy_of(offset, order));
        level_unlock(l, v);
    }
}

uint32_t buddy_levels_alloc(buddy_levels *l, uint32_t order)
{
    if (order > l->max_order) {
        return BUDDY_NONE;
    }
    uint32_t found, offset = go_up(l, order, &found);
    if (offset != BUDDY_NONE) {
        go_down(l, offset, found, order);
    }
    return offset;
}

/* ---- giving back ---- */

void buddy_levels_free(buddy_levels *l, uint32_t offset, uint32_t order)
{
    assert(order <= l->max_order && offset < l->units && (l->units - offset) >> order != 0);
    assert((offset & ((UINT32_C(1) << order) - 1)) == 0);
    level *v = level_lock(l, order);
    assert(!level_has(v, offset >> order));
    while (order < l->max_order && level_has(v, buddy_of(offset, order) >> order)) {
        list_remove(l, order, buddy_of(offset, order));
        tally(&v->merges);
        offset = buddy_parent_of(offset, order);
        order++;
        level *above = level_lock(l, order); /* before the other opens: see the top */
        level_unlock(l, v);
        v = above;
    }
    deliver(l, order, offset);
    level_unlock(l, v);
}

/* ---- making one ---- */

static bool desc_possible(const buddy_levels_desc *desc)
{
    return desc->units != 0 && desc->units != UINT32_MAX &&
           (desc->sync == BUDDY_LEVELS_SPINLOCK || desc->sync == BUDDY_LEVELS_MUTEX) &&
           desc->max_order <= word_highest(desc->units);
}

/* Where the parts lie, in bytes from the levels; all zero where no memory can hold them. */
typedef struct parts {
    uint32_t max_order;
    size_t links_at, bits_at, bytes;
} parts;

static parts plan(const buddy_levels_desc *desc)
{
    parts p = {.max_order = desc->max_order};
    if (p.max_order == 0) {
        p.max_order = word_highest(desc->units);
    }
    uint64_t links_at = sizeof(buddy_levels) + (p.max_order + 1) * sizeof(level);
    uint64_t bits_at = links_at + (uint64_t)desc->units * sizeof(level_link);
    uint64_t bytes = bits_at;
    for (uint32_t order = 0; order <= p.max_order; order++) {
        bytes += (uint64_t)level_words(desc->units, order) * sizeof(uint64_t);
    }
    bytes = (bytes + LEVEL_LINE - 1) / LEVEL_LINE * LEVEL_LINE; /* as aligned_alloc wants it */
    if (bytes <= PTRDIFF_MAX) {
        p.links_at = (size_t)links_at;
        p.bits_at = (size_t)bits_at;
        p.bytes = (size_t)bytes;
    }
    return p;
}

size_t buddy_levels_sizeof(const buddy_levels_desc *desc)
{
    return desc_possible(desc) ? plan(desc).bytes : 0;
}

/* Ends the mutexes of the first `count` levels. */
static void finish_locks(buddy_levels *l, uint32_t count)
{
    for (uint32_t order = 0; order < count && l->sync == BUDDY_LEVELS_MUTEX; order++) {
        pthread_mutex_destroy(&l->at[order].lock.mutex);
    }
}

/* Makes the mutexes. False where the system has none left. */
static bool init_locks(buddy_levels *l)
{
    pthread_mutexattr_t attributes;
    if (l->sync != BUDDY_LEVELS_MUTEX) {
        return true;
    }
    if (pthread_mutexattr_init(&attributes) != 0) {
        return false;
    }
    pthread_mutexattr_settype(&attributes, LEVEL_MUTEX_TYPE);
    uint32_t made = 0;
    while (made <= l->max_order && pthread_mutex_init(&l->at[made].lock.mutex, &attributes) == 0) {
        made++;
    }
    pthread_mutexattr_destroy(&attributes);
    if (made <= l->max_order) {
        finish_locks(l, made);
        return false;
    }
    return true;
}

/* Lists the fewest aligned blocks that make up all units: from the end, so that the first in each
 * list is the lowest. */
static void fill(buddy_levels *l)
{
    for (uint32_t end = l->units; end > 0;) {
        uint32_t aligned = word_lowest(end);
        uint32_t order = aligned < l->max_order ? aligned : l->max_order;
        end -= UINT32_C(1) << order;
        list_add(l, order, end);
    }
}

buddy_levels *buddy_levels_init(void *at, size_t bytes, const buddy_levels_desc *desc)
{
    if (at == NULL || (uintptr_t)at % LEVEL_LINE != 0 || !desc_possible(desc)) {
        return NULL;
    }
    parts p = plan(desc);
    if (p.bytes == 0 || bytes < p.bytes) {
        return NULL;
    }
    memset(at, 0, p.bytes); /* all bits zero is an atomic integer of value 0 on every target */
    buddy_levels *l = at;
    l->units = desc->units;
    l->max_order = p.max_order;
    l->sync = desc->sync;
    l->bytes = p.bytes;
    l->links = (level_link *)((uintptr_t)at + p.links_at);
    uint64_t *bits = (uint64_t *)((uintptr_t)at + p.bits_at);
    for (uint32_t order = 0; order <= l->max_order; order++) {
        l->at[order].first = BUDDY_NONE;
        l->at[order].bits = bits;
        bits += level_words(l->units, order);
    }
    fill(l);
    return init_locks(l) ? l : NULL;
}

void buddy_levels_finish(buddy_levels *l)
{
    if (l != NULL) {
        finish_locks(l, l->max_order + 1);
    }
}
