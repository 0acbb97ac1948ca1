/* requests.c: see requests.h. A place of a page in the list is kept in a table over all pages of
 * the texture, stamped with the number of the call, so that nothing needs clearing. */
#include "engine/requests.h"

#include <stdlib.h>

typedef struct place {
    uint32_t stamp; /* number of the call that listed the page */
    uint32_t index; /* into list */
} place;

struct requests {
    page_shape shape;
    uint32_t stamp;
    uint32_t max; /* entries of list */
    request *list;
    place places[]; /* by page_index */
};

/* Each want adds itself and its ancestors, of which the last mips are shared by all: a bound that
 * is reached only by wants scattered over the whole texture. */
static uint32_t most_requests(const page_shape *shape, uint32_t max_wants)
{
    const uint64_t most = (uint64_t)max_wants * shape->mips;
    return most < page_count(shape) ? (uint32_t)most : page_count(shape);
}

uint64_t requests_memory_bytes(const page_shape *shape, uint32_t max_wants)
{
    return sizeof(requests) + (uint64_t)page_count(shape) * sizeof(place) +
           (uint64_t)most_requests(shape, max_wants) * sizeof(request);
}

requests *requests_create(const page_shape *shape, uint32_t max_wants)
{
    requests *r = calloc(1, sizeof *r + (size_t)page_count(shape) * sizeof(place));
    if (!r) {
        return NULL;
    }
    r->shape = *shape;
    r->max = most_requests(shape, max_wants);
    r->list = calloc(r->max, sizeof(request));
    if (!r->list) {
        free(r);
        return NULL;
    }
    return r;
}

void requests_destroy(requests *r)
{
    if (r) {
        free(r->list);
        free(r);
    }
}

/* Adds pixels to the page, listing it when it is new. */
static void add(requests *r, uint32_t *count, vt_page p, uint32_t pixels)
{
    place *at = &r->places[page_index(&r->shape, p)];
    if (at->stamp != r->stamp) {
        if (*count == r->max) {
            return;
        }
        at->stamp = r->stamp;
        at->index = (*count)++;
        r->list[at->index] = (request){page_pack(p), 0};
    }
    r->list[at->index].pixels += pixels;
}

/* More pixels first, then coarser first, then by id. */
static int by_urgency(const void *left, const void *right)
{
    const request *a = left, *b = right;
    if (a->pixels != b->pixels) {
        return a->pixels > b->pixels ? -1 : 1;
    }
    const uint8_t mip_a = page_unpack(a->page_id).mip, mip_b = page_unpack(b->page_id).mip;
    if (mip_a != mip_b) {
        return mip_a > mip_b ? -1 : 1;
    }
    return a->page_id < b->page_id ? -1 : a->page_id > b->page_id;
}

uint32_t requests_order(requests *r, const feedback_want *wants, uint32_t count,
                        const request **out)
{
    uint32_t listed = 0;
    r->stamp++;
    for (uint32_t i = 0; i < count; i++) {
        vt_page p = page_unpack(wants[i].page_id);
        add(r, &listed, p, wants[i].pixels);
        while (p.mip + 1u < r->shape.mips) {
            p = page_parent(p);
            add(r, &listed, p, wants[i].pixels);
        }
    }
    qsort(r->list, listed, sizeof *r->list, by_urgency);
    *out = r->list;
    return listed;
}
