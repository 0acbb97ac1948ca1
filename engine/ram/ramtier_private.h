/* ramtier_private.h: the tier's own, for ramtier.c and ramtier_saved.c. */
#ifndef MEGABUDDY_ENGINE_RAMTIER_PRIVATE_H
#define MEGABUDDY_ENGINE_RAMTIER_PRIVATE_H

#include "engine/ram/ramindex.h"
#include "engine/ram/ramtier.h"

#include <pthread.h>

static_assert(TEXEL_PAGE_MAX_BYTES < 1 << RAMINDEX_CODEC_SHIFT, "bytes fit under the codec");

/* used_units == units of the pages held + of those on their way in <= limit_units <= arena_units.
 * fixed_bytes + arena_units * RAMTIER_UNIT_BYTES <= budget_bytes. */
struct ramtier {
    /* fixed at create */
    uint64_t budget_bytes;
    uint64_t fixed_bytes; /* this struct, the index, the allocator's metadata */
    uint32_t arena_units, limit_units;
    arena *arena;
    uint8_t *base;

    /* need the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t loaded; /* an entry is not loading any more */
    ramindex index;
    uint32_t used_units, peak_units;
    uint64_t hits, misses, inserted, evicted, refused, damaged;
    uint32_t *checksums; /* by entry; of those that are unverified */

    int saved_fd; /* fixed at create: the file of an earlier run, and where the arena begins in it;
                   */
    uint64_t saved_at; /* -1: none */
};

/* ---- ramtier_saved.c ---- */

/* Fills in what an entry says of a page, but for its blocks. */
void ramtier_describe(ramindex_entry *e, uint32_t page_id, uint32_t layer_count,
                      const ramtier_layer layers[]);

/* Describes a page to whoever has it pinned, or is its inserter. */
void ramtier_fill_blob(const ramtier *rt, uint32_t index, ramtier_blob *out);

uint32_t ramtier_checksum(const ramtier_blob *blob); /* crc32c of its bytes */

/* Reads an unverified page, which nobody else looks at, from its file into its blocks. False: it
 * can't be, or is not what was saved. Without the mutex. */
bool ramtier_load(ramtier *rt, const ramtier_blob *blob);

/* Puts back what desc says that was held before. False: its rows contradict each other, and the
 * tier is good for nothing but its end. */
bool ramtier_restore(ramtier *rt, const ramtier_desc *desc);

#endif
