/* ramtier.h: the middle tier: pages as they are stored on disk, kept in RAM in blocks of a buddy
 * arena.
 *
 *     index: page id -> entry, and the order of use        arena: buddy blocks in units of 256 B
 *     [ id | bytes | blocks … ] ─────────────────────────▶ [##][#][########]  [####]
 *
 * A compressed page need not be contiguous, so it takes the binary digits of its size as up to four
 * blocks, and the arena fills to the brim. The tier evicts its least recently used pages by its own
 * count, below a watermark, and does not run the allocator to failure. The budget is hard and
 * covers the arena, the allocator's metadata and the index.
 *
 * Threads: any. A mutex guards the index and is held for a few dozen instructions; blocks come from
 * the parallel arena and bytes are copied outside the lock. A pinned page is not evicted. */
#ifndef MEGABUDDY_ENGINE_RAMTIER_H
#define MEGABUDDY_ENGINE_RAMTIER_H

#include "engine/page/codec.h"
#include "engine/page/page.h"
#include "engine/page/texel.h"
#include "engine/ram/arena.h"

typedef struct ramtier ramtier;

#define RAMTIER_UNIT_BYTES 256

/* How one layer of a page is stored inside a blob. */
typedef struct ramtier_layer {
    uint32_t bytes;
    page_codec codec;
} ramtier_layer;

/* A page as it is held, for ramstore.h, which writes it to its files as it is in memory. */
typedef struct ramtier_saved {
    uint32_t page_id, layer_count, piece_count;
    uint32_t checksum; /* crc32c of its bytes */
    ramtier_layer layers[VT_MAX_LAYERS];
    buddy_block pieces[BUDDY_PIECES];
} ramtier_saved;

typedef struct ramtier_desc {
    uint64_t budget_bytes;     /* for everything the tier holds */
    uint32_t max_pages;        /* most pages at once; 0: budget / 2 KiB */
    bool prefault;             /* touch the arena at create */
    vt_sync sync;              /* how the arena's threads keep out of each other's way */
    struct buddy_fault *fault; /* see arena_desc */

    /* From an earlier run (ramstore.h): its pages, the most recently used first, and the file that
     * has their bytes; the arena's first byte is at saved_at. A page's bytes are read when it is
     * first pinned. If the tier can be made, it closes the file in the end. */
    const ramtier_saved *saved; /* NULL: there is none */
    uint32_t saved_count;
    int saved_fd;
    uint64_t saved_at;
} ramtier_desc;

/* A held page: its layers one after the other, in as many pieces as it has blocks. Pointers are
 * good while the page is pinned. */
typedef struct ramtier_blob {
    uint32_t entry; /* for ramtier_unpin */
    uint32_t bytes; /* sum over layers, and over pieces */
    uint32_t layer_count;
    ramtier_layer layers[VT_MAX_LAYERS];
    uint32_t piece_count;
    struct {
        const uint8_t *data;
        uint32_t bytes;
    } pieces[BUDDY_PIECES];
} ramtier_blob;

typedef struct ramtier_stats {
    uint64_t budget_bytes;
    uint64_t used_bytes;    /* arena blocks handed out + metadata + index, now */
    uint64_t peak_bytes;    /* the most that used_bytes has been */
    uint64_t arena_bytes;   /* of which the arena is */
    uint64_t payload_bytes; /* of the pages held, without rounding to units */
    uint32_t pages;         /* held now */
    uint64_t hits, misses;  /* of ramtier_touch: reads that were saved, and that were not */
    uint64_t inserted, evicted, refused;
    uint64_t damaged;            /* pages from an earlier run that could not be read, or were not
                                    what they had been */
    uint32_t pending_high_water; /* see arena_stats */
    double fragmentation;        /* 1 - largest free block / free bytes; 0 when nothing is free */
} ramtier_stats;

/* NULL: the budget is too small for even one page of TEXEL_PAGE_MAX_BYTES, or there is no memory;
 * or, with EBADMSG as errno, the rows of an earlier run contradict each other. */
ramtier *ramtier_create(const ramtier_desc *desc);
void ramtier_destroy(ramtier *rt); /* NULL does nothing. Nothing may be pinned. */

/* The least budget that ramtier_create accepts. */
uint64_t ramtier_least_budget(void);

/* The most pages that a tier of `desc` holds at once. Pure. */
uint32_t ramtier_max_pages_of(const ramtier_desc *desc);

/* Copies a page in, evicting others as needed, and pins it. If the page is held already, that one
 * is pinned instead. `data` has the layers one after the other. False: the page is not held, since
 * all that could be evicted is pinned, or since an earlier run's copy of it is just being found
 * damaged. */
bool ramtier_insert(ramtier *rt, uint32_t page_id, uint32_t layer_count,
                    const ramtier_layer layers[], const void *data, ramtier_blob *out);

/* Finds a page, marks it as just used (again when it is unpinned) and pins it. A page of an earlier
 * run is read from its file the first time, while other threads that want it wait; if it cannot be
 * read, or is damaged, it is dropped. False: not held. */
bool ramtier_pin(ramtier *rt, uint32_t page_id, ramtier_blob *out);
void ramtier_unpin(ramtier *rt, const ramtier_blob *blob);

/* Whether a page need not be read: marks it as just used, and counts a hit or a miss. */
bool ramtier_touch(ramtier *rt, uint32_t page_id);

/* Whether a page is held now; does not count as a use. */
bool ramtier_has(ramtier *rt, uint32_t page_id);

/* Drops every page that is not pinned. */
void ramtier_flush(ramtier *rt);

/* A held page, as a map of the tier shows it. */
typedef struct ramtier_held {
    uint32_t page_id, bytes, piece_count;
    buddy_block pieces[BUDDY_PIECES];
    bool pinned;
} ramtier_held;

/* Calls visit for every page held, the most recently used first and the pinned ones last, with the
 * mutex locked: visit may not call the tier. */
void ramtier_walk(ramtier *rt, void (*visit)(void *context, const ramtier_held *held),
                  void *context);

/* Lists the pages held, the most recently used first, with their checksums; from malloc. Reads
 * pages of an earlier run that have not been read yet, so that all bytes are in the arena then, and
 * leaves out those that cannot be read. NULL: no memory. No other thread may use the tier. */
ramtier_saved *ramtier_list(ramtier *rt, uint32_t *count);

/* The arena: where it begins, and its size; the latter also of a tier that is yet to be made (pure;
 * 0: impossible). */
const uint8_t *ramtier_base(const ramtier *rt);
uint64_t ramtier_arena_bytes(const ramtier *rt);
uint64_t ramtier_arena_bytes_of(const ramtier_desc *desc);

void ramtier_get_stats(ramtier *rt, ramtier_stats *out);

const char *ramtier_check(ramtier *rt); /* NULL when all is well. Others must be at rest. */

#endif
