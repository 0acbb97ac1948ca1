/* requests.h: from what the frame wanted to what to load next, most urgent first.
 *
 *     requests_begin ─▶ requests_add, for each want ─▶ requests_list: all that is wanted now
 *                                                       │ requests_miss, for each that is not there
 *                                                       ▼
 *                                                     requests_missing: the most urgent first
 *
 * Every page that is wanted makes its ancestors wanted too. A page's urgency is the number of
 * pixels that wait for it or for a page below it, times the mips that those pixels lack; it grows
 * the longer the page has been wanted. So ancestors come before what lies below them. Ties go to
 * the coarser page, then to the smaller id, so that the order is the same on every run.
 *
 * Threads: the conductor's only. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_REQUESTS_H
#define MEGABUDDY_ENGINE_REQUESTS_H

#include "engine/page/page.h"

typedef struct requests requests;

typedef struct request {
    uint32_t page_id;
    uint32_t images;  /* that have wanted it in a row, this one included */
    uint64_t urgency; /* pixels of the image times the mips they lack, of all that wait for it */
} request;

typedef struct requests_desc {
    const vt_shape *const *shapes; /* by texture - 1; they outlive the requests */
    uint32_t shape_count;
    uint32_t max_wants; /* of one image */
} requests_desc;

requests *requests_create(const requests_desc *desc);      /* NULL: no memory */
void requests_destroy(requests *r);                        /* NULL does nothing */
uint64_t requests_memory_bytes(const requests_desc *desc); /* of RAM; pure */

/* Begins the next image: what the last one wanted is remembered for one image more. */
void requests_begin(requests *r);

/* Adds a page and its ancestors: `pixels` want it and lack `lacking_mips` mips, 0 where they are
 * sharp. Precondition: the page exists. */
void requests_add(requests *r, vt_page p, uint32_t pixels, uint32_t lacking_mips);

/* All pages of this image, each once, finest mip first. Returns their number; good until the next
 * requests_begin. */
uint32_t requests_list(requests *r, const request **out);

/* Whether this image wants p. Precondition: p exists. */
bool requests_wants(const requests *r, vt_page p);

/* The page of that entry of requests_list is missing. */
void requests_miss(requests *r, uint32_t index);

/* The pages that were missed, most urgent first. Good until the next requests_begin. */
uint32_t requests_missing(requests *r, const request **out);

#endif
