#include "buddy/malloc/inside.h"

#include <assert.h>
#include <stdatomic.h>

#include "buddy/buddy.h"
#include "buddy/core/words.h"
#include "buddy/system/kernel.h"

#define UNIT_BYTES     64u
#define UNITS          (uint32_t)(INSIDE_BYTES / UNIT_BYTES)
#define METADATA_BYTES 8192u /* buddy_sizeof for so many units, and some more */

static _Alignas(INSIDE_ALIGNMENT_MOST) unsigned char room[INSIDE_BYTES];
static _Alignas(64) unsigned char metadata[METADATA_BYTES];

static _Atomic uint8_t orders[INSIDE_BYTES / UNIT_BYTES];

#define ENTERED    (UINT64_C(1) << 32)
#define TRIES_MOST 10000u /* each of which lets others run: seconds on a busy machine */

/* Calls of the buddy that have begun, times ENTERED, and those of them that have not ended. */
static _Atomic uint64_t calls;

/* The calling thread's part of the latter: a signal handler may have interrupted one of its. */
static __thread uint32_t calls_here __attribute__((tls_model("initial-exec")));

static _Atomic bool taken;     /* a thread makes it, or has made it */
static _Atomic(buddy *) units; /* NULL: there is none yet */

void inside_make(void)
{
    /* relaxed: of two who make it one does */
    if (!atomic_exchange_explicit(&taken, true, memory_order_relaxed)) {
        buddy *b = buddy_init(metadata, sizeof metadata, &(buddy_desc){.units = UNITS});
        assert(b != NULL);                                      /* fixed sizes, which fit */
        atomic_store_explicit(&units, b, memory_order_release); /* release: all of it */
    }
}

static uint64_t begin_call(void)
{
    calls_here++;
    /* acq_rel: a thread that sees that another call has ended sees what it has freed */
    return atomic_fetch_add_explicit(&calls, ENTERED + 1, memory_order_acq_rel) + ENTERED + 1;
}

/* Returns what there was until now. */
static uint64_t end_call(void)
{
    calls_here--;
    return atomic_fetch_sub_explicit(&calls, 1, memory_order_acq_rel); /* as above */
}

/* A block of the order. buddy_try may find nothing while another call has a larger block in its
 * hands, to split it or to merge it; so its no holds only if there was no such call. The strict
 * buddy_alloc cannot be used: it keeps others out, and a signal handler that interrupts it would
 * wait for itself. */
static uint32_t take(buddy *b, uint32_t order)
{
    uint32_t offset = BUDDY_NONE;
    bool alone = false;
    for (uint32_t i = 0; offset == BUDDY_NONE && !alone && i < TRIES_MOST; i++) {
        uint64_t before = begin_call();
        bool others = (uint32_t)before != calls_here;
        offset = buddy_try(b, order, BUDDY_ANYWHERE);
        alone = end_call() == before && !others;
        if (offset == BUDDY_NONE && !alone) {
            (void)kernel_call(SYS_sched_yield, 0, 0, 0, 0); /* which cannot fail */
        }
    }
    return offset;
}

void *inside_alloc(size_t alignment, size_t bytes)
{
    buddy *b = atomic_load_explicit(&units, memory_order_acquire); /* acquire: all of it */
    bytes = bytes > alignment ? bytes : alignment; /* a block is aligned to its own size */
    if (b == NULL || bytes > INSIDE_BYTES || alignment > INSIDE_ALIGNMENT_MOST) {
        return NULL;
    }
    uint32_t last = (uint32_t)((bytes - (bytes != 0)) / UNIT_BYTES);
    uint32_t order = word_highest(2 * (uint64_t)last + 1);
    uint32_t offset = take(b, order);
    if (offset == BUDDY_NONE) {
        return NULL;
    }
    /* relaxed: the block is ours */
    atomic_store_explicit(&orders[offset], (uint8_t)(order + 1), memory_order_relaxed);
    return room + (size_t)offset * UNIT_BYTES;
}

bool inside_owns(const void *pointer)
{
    return (uintptr_t)pointer - (uintptr_t)room < INSIDE_BYTES;
}

/* What is said of the block that begins there; NULL: none can. */
static _Atomic uint8_t *order_of(const void *pointer)
{
    size_t distance = (uintptr_t)pointer - (uintptr_t)room;
    return distance % UNIT_BYTES == 0 ? &orders[distance / UNIT_BYTES] : NULL;
}

bool inside_free(void *pointer)
{
    _Atomic uint8_t *order = order_of(pointer);
    /* relaxed: of two who free it one finds it live; the buddy orders one owner after another */
    uint8_t was = order != NULL ? atomic_exchange_explicit(order, 0, memory_order_relaxed) : 0;
    if (was == 0) {
        return false;
    }
    (void)begin_call();
    /* relaxed: a thread that has a block has seen the room */
    buddy_free(atomic_load_explicit(&units, memory_order_relaxed), (uint32_t)(order - orders),
               was - 1u);
    (void)end_call();
    return true;
}

size_t inside_usable_size(const void *pointer)
{
    _Atomic uint8_t *order = order_of(pointer);
    /* relaxed: the block is the caller's */
    uint8_t is = order != NULL ? atomic_load_explicit(order, memory_order_relaxed) : 0;
    return is != 0 ? (size_t)UNIT_BYTES << (is - 1u) : 0;
}
