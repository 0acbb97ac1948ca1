#include "malloc_inside.h"

#include <assert.h>
#include <stdatomic.h>

#include "buddy.h"
#include "words.h"

#define UNIT_BYTES     64u
#define UNITS          (uint32_t)(INSIDE_BYTES / UNIT_BYTES)
#define METADATA_BYTES 8192u /* buddy_sizeof for so many units, and some more */

static _Alignas(INSIDE_ALIGNMENT_MOST) unsigned char room[INSIDE_BYTES];
static _Alignas(64) unsigned char metadata[METADATA_BYTES];

static _Atomic uint8_t orders[INSIDE_BYTES / UNIT_BYTES];

static _Atomic bool taken;     /* somebody makes it, or has made it */
static _Atomic(buddy *) units; /* NULL: there is none yet */

void inside_make(void)
{
    /* relaxed: of two who make it one does */
    if (!atomic_exchange_explicit(&taken, true, memory_order_relaxed)) {
        buddy *b = buddy_init(metadata, sizeof(metadata), &(buddy_desc){.units = UNITS});
        assert(b != NULL);                                      /* fixed sizes, which fit */
        atomic_store_explicit(&units, b, memory_order_release); /* release: all of it */
    }
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
    uint32_t offset = buddy_try(b, order, BUDDY_ANYWHERE);
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
    /* relaxed: who has a block has seen the room */
    buddy_free(atomic_load_explicit(&units, memory_order_relaxed), (uint32_t)(order - orders),
               was - 1u);
    return true;
}

size_t inside_usable_size(const void *pointer)
{
    _Atomic uint8_t *order = order_of(pointer);
    /* relaxed: the block is the caller's */
    uint8_t is = order != NULL ? atomic_load_explicit(order, memory_order_relaxed) : 0;
    return is != 0 ? (size_t)UNIT_BYTES << (is - 1u) : 0;
}
