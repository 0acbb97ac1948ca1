#include "buddy/magazine/depot.h"

#include <string.h>

#define BUSY_SHIFT 16u
#define ALL_SLOTS  ((1u << DEPOT_SLOTS) - 1)

_Static_assert(DEPOT_SLOTS <= BUSY_SHIFT, "full and busy bits share a word");

static uint32_t full_slots(uint32_t state)
{
    return state & ALL_SLOTS;
}

static uint32_t empty_slots(uint32_t state)
{
    return ~(state | state >> BUSY_SHIFT) & ALL_SLOTS;
}

bool depot_put(depot *d, const uint32_t items[], uint32_t count)
{
    uint32_t state = atomic_load_explicit(&d->state, memory_order_relaxed);
    uint32_t slot;
    do {
        if (empty_slots(state) == 0) {
            return false;
        }
        slot = (uint32_t)__builtin_ctz(empty_slots(state));
        /* empty -> busy; acquire, pairs with the release of whoever emptied it: their reads of the
         * slot come before our writes */
    } while (!atomic_compare_exchange_weak_explicit(&d->state, &state,
                                                    state | 1u << slot << BUSY_SHIFT,
                                                    memory_order_acquire, memory_order_relaxed));
    /* relaxed: ordered by `state` for the thread that takes the slot, a figure for others */
    atomic_store_explicit(&d->counts[slot], count, memory_order_relaxed);
    memcpy(d->slots[slot], items, count * sizeof items[0]);
    /* busy -> full, both bits in one step; release: the batch, and all that was done with its
     * blocks, comes before whoever takes it */
    atomic_fetch_xor_explicit(&d->state, (1u << slot << BUSY_SHIFT) | 1u << slot,
                              memory_order_release);
    return true;
}

uint32_t depot_take(depot *d, uint32_t items[DEPOT_BATCH])
{
    uint32_t state = atomic_load_explicit(&d->state, memory_order_relaxed);
    uint32_t slot, both;
    do {
        if (full_slots(state) == 0) {
            return 0;
        }
        slot = (uint32_t)__builtin_ctz(full_slots(state));
        both = (1u << slot << BUSY_SHIFT) | 1u << slot;
        /* full -> busy; acquire, pairs with the release in depot_put */
    } while (!atomic_compare_exchange_weak_explicit(&d->state, &state, state ^ both,
                                                    memory_order_acquire, memory_order_relaxed));
    uint32_t count = atomic_load_explicit(&d->counts[slot], memory_order_relaxed); /* as above */
    memcpy(items, d->slots[slot], count * sizeof items[0]);
    /* busy -> empty; release, pairs with the acquire in depot_put */
    atomic_fetch_and_explicit(&d->state, ~(1u << slot << BUSY_SHIFT), memory_order_release);
    return count;
}

uint32_t depot_count(const depot *d)
{
    uint32_t count = 0;
    for (uint32_t rest = full_slots(atomic_load_explicit(&d->state, memory_order_acquire));
         rest != 0; rest &= rest - 1) {
        count += atomic_load_explicit(&d->counts[__builtin_ctz(rest)], memory_order_relaxed);
    }
    return count;
}
