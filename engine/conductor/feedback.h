/* feedback.h: what the frame wanted: from the pixels of the feedback pass to a list of pages.
 *
 * A pixel is a packed page id, mostly the same as its neighbour's. Each page is listed once, with
 * the number of pixels that asked for it; ids that no texture has (a driver's garbage) are counted
 * and dropped. Ancestors are not listed: the conductor adds them.
 *
 * Threads: the conductor's only. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_FEEDBACK_H
#define MEGABUDDY_ENGINE_FEEDBACK_H

#include "engine/page/page.h"

typedef struct feedback feedback;

typedef struct feedback_want {
    uint32_t page_id;
    uint32_t pixels; /* of the feedback image */
} feedback_want;

typedef struct feedback_desc {
    const vt_shape *shapes; /* by texture - 1; copied */
    uint32_t shape_count;
    uint32_t max_wants; /* pages listed at most; the rest is dropped and counted; 0: 16384 */
} feedback_desc;

feedback *feedback_create(const feedback_desc *desc);      /* NULL: no memory */
void feedback_destroy(feedback *f);                        /* NULL does nothing */
uint64_t feedback_memory_bytes(const feedback_desc *desc); /* of RAM; pure */

/* Reads an image of packed ids (0: no page). Returns the number of different pages, listed at *out
 * until the next call, in the order of their first pixel. */
uint32_t feedback_analyze(feedback *f, const uint32_t *ids, uint32_t count,
                          const feedback_want **out);

uint64_t feedback_garbage(const feedback *f); /* pixels with ids that do not exist, since create */
uint64_t feedback_dropped(const feedback *f); /* pixels of pages over max_wants, since create */

#endif
