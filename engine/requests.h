/* requests.h: from what the frame wanted to what to load next, most urgent first.
 *
 * Every page that is wanted wants its ancestors too. A page is as urgent as the pixels that wait
 * for it, its descendants' included, so ancestors come before what lies below them; ties go to the
 * coarser page, then to the smaller id, so that the order is the same on every run.
 *
 * Threads: the conductor's only. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_REQUESTS_H
#define MEGABUDDY_ENGINE_REQUESTS_H

#include "engine/feedback.h"
#include "engine/page.h"

typedef struct requests requests;

typedef struct request {
    uint32_t page_id;
    uint32_t pixels; /* of the feedback image, that wait for this page or one below it */
} request;

requests *requests_create(const page_shape *shape, uint32_t max_wants);      /* NULL: no memory */
void requests_destroy(requests *r);                                          /* NULL does nothing */
uint64_t requests_memory_bytes(const page_shape *shape, uint32_t max_wants); /* of RAM; pure */

/* Takes the wants of one image. Returns how many different pages they and their ancestors are,
 * listed at *out until the next call, most urgent first. */
uint32_t requests_order(requests *r, const feedback_want *wants, uint32_t count,
                        const request **out);

#endif
