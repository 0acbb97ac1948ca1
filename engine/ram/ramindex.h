/* ramindex.h: which pages the RAM tier holds, and how recently each was used. Blocks are only
 * numbers here: ramtier.c takes them and gives them back.
 *
 *     map: page id ──▶ entry      list of use: newest ◀──▶ entry ◀──▶ … ◀──▶ oldest
 *
 *     free ── take ──▶ taken ── add ──▶ held, pinned ── last unpin ──▶ held, in the list of use
 *      ▲                │ ▲                    ▲                         │ │
 *      └───── give ─────┘ │                    └────────── pin ──────────┘ │
 *                         └─────────────────── remove ─────────────────────┘
 *
 * A taken entry belongs to the thread that took it. Everything is allocated at create.
 *
 * Threads: all of it needs the tier's mutex, but for the fields of a taken entry, which its taker
 * fills in without. */
#ifndef MEGABUDDY_ENGINE_RAMINDEX_H
#define MEGABUDDY_ENGINE_RAMINDEX_H

#include "engine/page/page.h"
#include "engine/page/pagemap.h"

#include "buddy/buddy.h"

#define RAMINDEX_NONE PAGEMAP_NONE

#define RAMINDEX_CODEC_SHIFT 24 /* in a packed layer, above its bytes */

/* One page. */
typedef struct ramindex_entry {
    uint32_t page_id;
    uint32_t next;         /* free entry after this free one */
    uint32_t newer, older; /* neighbours in the list; RAMINDEX_NONE at its ends and off it */
    uint32_t pins;
    uint32_t bytes;                 /* sum over the layers */
    uint32_t layers[VT_MAX_LAYERS]; /* bytes | codec << RAMINDEX_CODEC_SHIFT */
    uint32_t offsets[BUDDY_PIECES]; /* units */
    uint8_t orders[BUDDY_PIECES];
    uint8_t layer_count, piece_count;
    bool unverified; /* its bytes are in an earlier run's file, not verified yet */
    bool loading;    /* … and a thread is reading them now */
} ramindex_entry;

static_assert(sizeof(ramindex_entry) == 64, "an entry fills one cache line");

/* pages == held entries == entries in the map; payload_bytes == the sum of their bytes; the list of
 * use holds those with pins == 0; pages + free entries + taken ones == capacity. */
typedef struct ramindex {
    ramindex_entry *entries;
    pagemap map;       /* from page to entry */
    uint32_t capacity; /* entries */
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

/* Makes a taken entry, filled in, a held one, with pins == 1. Precondition: its page is not held
 * yet. */
void ramindex_add(ramindex *ix, uint32_t index);

/* The least recently used page that is not pinned, or NONE. */
static inline uint32_t ramindex_oldest(const ramindex *ix)
{
    return ix->oldest;
}

/* Makes a held entry without pins a taken one: its caller gives it back. */
void ramindex_remove(ramindex *ix, uint32_t index);

void ramindex_pin(ramindex *ix, uint32_t index);
void ramindex_unpin(ramindex *ix, uint32_t index); /* the last one makes it the newest */
void ramindex_touch(ramindex *ix, uint32_t index); /* makes it the newest, unless pinned */

uint32_t ramindex_units(const ramindex_entry *e); /* sum over its blocks */

/* Calls visit for every held entry. */
void ramindex_walk(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                   void *context);

/* The same for those that are not pinned, the most recently used first. */
void ramindex_walk_by_use(const ramindex *ix, void (*visit)(void *context, const ramindex_entry *e),
                          void *context);

const char *ramindex_check(const ramindex *ix); /* NULL when all is well; no entry is taken */

#endif
