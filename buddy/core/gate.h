/* core/gate.h: how one thread shuts the others out for a moment. Private to buddy/; any thread.
 *
 * Every call that changes the core goes in through a lane and out again. A thread that has to be
 * alone closes the gate: newcomers turn back and wait, those inside finish, and when all lanes are
 * empty the closer is alone. Going in costs one atomic addition to a line that is seldom shared.
 *
 *     in:    inside += 1; closed == 0?  yes: go on;  no: inside -= 1, wait, again
 *     close: closed 0 -> 1; wait until inside == 0 in every lane
 *
 * The addition and the load of `closed`, and the write of `closed` and the load of `inside`, are
 * sequentially consistent: of the two who meet here at least one sees the other. A thread must not
 * close the gate while it is inside, nor call from a signal handler. */
#ifndef BUDDY_GATE_H
#define BUDDY_GATE_H

#include <sched.h>

#include "buddy/core/core.h"

/* Looks before the processor is given away: about the length of one call. */
#define GATE_SPINS 64u

/* One look in vain. Gives the processor away where it has been long. */
static inline void gate_wait(uint32_t *looks)
{
    if (++*looks >= GATE_SPINS) {
        sched_yield();
    }
}

/* A lane for the calling thread. The core keeps nothing by thread, so the stack tells threads
 * apart: stacks lie 64 KiB and more from each other, and 2^64 / golden ratio spreads their
 * numbers. */
static inline core_lane *gate_lane(const buddy *b)
{
    char here;
    uint64_t stack = (uint64_t)(uintptr_t)&here >> 16;
    uint32_t hash = (uint32_t)(stack * UINT64_C(0x9e3779b97f4a7c15) >> 48);
    return core_lane_at(b, hash & (b->lanes - 1));
}

/* An empty sheet for the calling thread. */
static inline core_sheet gate_sheet(const buddy *b)
{
    core_sheet sheet; /* its blocks[] are in use only where `touched` says so */
    sheet.lane = gate_lane(b);
    sheet.touched = sheet.failed_cas = 0;
    sheet.splits = sheet.merges = 0;
    return sheet;
}

/* outside -> inside. Returns the sheet to count in, which must be handed to gate_leave. Acquires
 * what the last closer did. */
static inline core_sheet gate_enter(buddy *b)
{
    core_sheet sheet = gate_sheet(b);
    core_lane *lane = sheet.lane;
    for (;;) {
        atomic_fetch_add_explicit(&lane->inside, 1, memory_order_seq_cst);
        if (atomic_load_explicit(&b->closed, memory_order_seq_cst) == 0) {
            return sheet;
        }
        /* release: a lane counts whole calls, and ours has done nothing */
        atomic_fetch_sub_explicit(&lane->inside, 1, memory_order_release);
        uint32_t looks = 0;
        while (atomic_load_explicit(&b->closed, memory_order_relaxed) != 0) {
            gate_wait(&looks); /* relaxed: looked at again above */
        }
    }
}

/* inside -> outside. Release, pairs with the closer's load: all that we did comes before it. */
static inline void gate_leave(const core_sheet *sheet)
{
    core_write_sheet(sheet);
    atomic_fetch_sub_explicit(&sheet->lane->inside, 1, memory_order_release);
}

/* open -> closed, and everybody outside. Waits for another closer, then for those inside. Returns
 * the sheet to count in, which must be handed to gate_open. */
static inline core_sheet gate_close(buddy *b)
{
    uint32_t looks = 0, open = 0;
    while (!atomic_compare_exchange_weak_explicit(&b->closed, &open, 1, memory_order_seq_cst,
                                                  memory_order_relaxed)) {
        open = 0;
        gate_wait(&looks);
    }
    for (uint32_t i = 0; i < b->lanes; i++) {
        core_lane *lane = core_lane_at(b, i);
        looks = 0;
        while (atomic_load_explicit(&lane->inside, memory_order_seq_cst) != 0) {
            gate_wait(&looks);
        }
    }
    return gate_sheet(b);
}

/* In a process that has only this thread, which closed the gate before a fork: whoever was copied
 * on the way in, about to find it closed, is not inside and will never turn back. */
static inline void gate_forget_others(buddy *b)
{
    for (uint32_t i = 0; i < b->lanes; i++) {
        /* relaxed: one thread */
        atomic_store_explicit(&core_lane_at(b, i)->inside, 0, memory_order_relaxed);
    }
}

/* closed -> open. Release, pairs with gate_enter's load. */
static inline void gate_open(buddy *b, const core_sheet *sheet)
{
    core_write_sheet(sheet);
    atomic_store_explicit(&b->closed, 0, memory_order_release);
}

#endif
