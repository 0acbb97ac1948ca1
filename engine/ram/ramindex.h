/* ramindex.h: which pages the RAM tier holds, and how recently each was used. Knows blocks only as
 * numbers: taking them and giving them back is ramtier.c's.
 *
 *     chains: hashed page id ──▶ entry ──▶ entry …      newest ◀──▶ entry ◀──▶ … ◀──▶ oldest
 *
 * An entry is free, its taker's (between ramindex_take and ramindex_add), or held; a held one that
 * nobody has pinned is in the list of use. Everything is allocated at create.
 *
 * Threads: none of its own; the tier's mutex, but for the fields of an entry that its taker fills
 * in. */
#ifndef MEGABUDDY_ENGINE_RAMINDEX_H
#define MEGABUDDY_ENGINE_RAMINDEX_H

#include "engine/page/page.h"

#include "buddy/buddy.h"

#define RAMINDEX_NONE UINT32_MAX

#define RAMINDEX_CODEC_SHIFT 24 /* in a packed layer, above its bytes */

/* One page. */
typedef struct ramindex_entry {
    uint32_t page_id;
    uint32_t next;         /* entry in the same chain, or the next free one */
    uint32_t newer, older; /* neighbours in the list; RAMINDEX_NONE at its ends and off it */
    uint32_t pins;
    uint32_t bytes;                 /* sum over the layers */
    uint32_t layers[VT_MAX_LAYERS]; /* bytes | codec << RAMINDEX_CODEC_SHIFT */
    uint32_t offsets[BUDDY_PIECES]; /* units */
    uint8_t orders[BUDDY_PIECES];
    uint8_t layer_count, piece_count;
    bool unverified; /* its bytes are still in the file of an earlier run, checksum unseen */
    bool loading;    /* … and a thread is bringing them */
} ramindex_entry;

static_assert(sizeof(ramindex_entry) == 64, "an entry fills one cache line");

/* pages == entries in chains; payload_bytes == their sum of bytes; the list holds those of them
 * with pins == 0; pages + free entries + taken ones == capacity. */
typedef struct ramindex {
    ramindex_entry *entries;
    uint32_t *chains;     /* first entry by hashed page id */
    uint32_t capacity;    /* entries */
    uint32_t chain_count; /* a power of two */
    uint32_t chain_shift; /* from half a 32-bit hash to a chain */
    uint32_t first_free;
    uint32_t newest, oldest; /* ends of the list */
    uint32_t pages;
    uint64_t payload_bytes;
} ramindex;

bool ramindex_init(ramindex *ix, uint32_t capacity); /* false: no memory; finish all the same */
void ramindex_finish(ramindex *ix);                  /* of zeros or of an init */
uint64_t ramindex_bytes(uint32_t capacity);          /* without the struct; pure */

uint32_t ramindex_find(const ramindex *ix, uint32_t page_id); /* an entry's index or NONE */

/* Takes a free entry, its fields undefined. NONE: there is none. */
uint32_t ramindex_take(ramindex *ix);
void ramindex_give(ramindex *ix, uint32_t index); /* back to the free ones */

/* A taken entry, filled in, is held from now on, with pins == 1. Its page is not held yet. */
void ramindex_add(ramindex *ix, uint32_t index);

/* The least recently used page that is not pinned, or NONE. */
static inline uint32_t ramindex_oldest(const ramindex *ix)
{
    return ix->oldest;
}

/* A held entry without pins is its caller's from now on, to be given back. */
void ramindex_remove(ramindex *ix, uint32_t index);

void ramindex_pin(ramindex *ix, uint32_t index);
void ramindex_unpin(ramindex *ix, uint32_t index); /* the last one makes it the newest */
void ramindex_touch(ramindex *ix, uint32_t index); /* the newest, unless it is pinned */

uint32_t ramindex_units(const ramindex_entry *e); /* sum over its blocks */

/* Calls visit for every held entry. */
void ramindex_walk(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                   void *context);

/* The same for those that are not pinned, the most recently used first. */
void ramindex_walk_by_use(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                          void *context);

const char *ramindex_check(const ramindex *ix); /* NULL when all is well; no entry is taken */

#endif
