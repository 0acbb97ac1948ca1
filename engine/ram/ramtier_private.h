/* ramtier_private.h: the tier's own, for ramtier.c and ramtier_saved.c. */
#ifndef MEGABUDDY_ENGINE_RAMTIER_PRIVATE_H
#define MEGABUDDY_ENGINE_RAMTIER_PRIVATE_H

#include "engine/ram/ramindex.h"
#include "engine/ram/ramtier.h"

#include <pthread.h>

static_assert(TEXEL_PAGE_MAX_BYTES < 1 << RAMINDEX_CODEC_SHIFT, "bytes fit under the codec");

/* used_units == units of held pages and of pages being inserted; used_units <= limit_units <=
 * arena_units. fixed_bytes + arena_units * RAMTIER_UNIT_BYTES <= budget_bytes. */
struct ramtier {
    /* fixed at create */
    uint64_t budget_bytes;
    uint64_t fixed_bytes; /* this struct, the index, the allocator's metadata */
    uint32_t arena_units, limit_units;
    arena *arena;
    uint8_t *base;

    /* need the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t loaded; /* an entry has been loaded, or has turned out damaged */
    ramindex index;
    uint32_t used_units, peak_units;
    uint64_t hits, misses, inserted, evicted, refused, damaged;
    uint32_t *checksums; /* by entry; of unverified ones */

    /* fixed at create: the file of an earlier run, -1: none, and where the arena begins in it */
    int saved_fd;
    uint64_t saved_at;
};

/* ---- ramtier_saved.c ---- */

/* Fills in an entry's page, layers and bytes; not its blocks. */
void ramtier_describe(ramindex_entry *e, uint32_t page_id, uint32_t layer_count,
                      const ramtier_layer layers[]);

/* Describes a page; called by a thread that has it pinned, or inserts it. */
void ramtier_fill_blob(const ramtier *rt, uint32_t index, ramtier_blob *out);

/* Reads an unverified page, which no other thread looks at now, from its file into its blocks.
 * False: it cannot be read, or its checksum is wrong. Without the mutex. */
bool ramtier_load(ramtier *rt, const ramtier_blob *blob);

/* Puts the pages back that desc lists. False: the rows contradict each other, and the tier can only
 * be destroyed. */
bool ramtier_restore(ramtier *rt, const ramtier_desc *desc);

#endif
