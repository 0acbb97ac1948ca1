/* requests.c: see requests.h. A table over all pages of all textures holds each page's place in the
 * list. Clearing it for every image would cost more than the image does, so it is never cleared: a
 * place counts only if the list has that very page there. The list of the image before is kept, so
 * that a page that was in it goes on counting its images. */
#include "engine/conductor/requests.h"

#include <stdlib.h>

enum {
    PATIENT_IMAGES = 8, /* after so many a page counts twice, after as many again three times … */
    MOST_PATIENCE = 8,  /* … and so many times at most */
    LISTS = 4,          /* list, last, missed, sorted: one allocation */
};

/* list[places[page]] is the page, or it is not listed. */
struct requests {
    const vt_shape *shapes[PAGE_MAX_TEXTURES];
    uint32_t first_place[PAGE_MAX_TEXTURES]; /* of each texture */
    uint32_t max;                            /* entries of each list */
    uint32_t count, last_count, missing;     /* entries */
    request *list, *last, *missed;
    request *sorted;
    uint32_t *places;
};

static uint64_t pages_of(const requests_desc *desc)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < desc->shape_count; i++) {
        pages += page_count(desc->shapes[i]);
    }
    return pages;
}

/* The most entries that an image can make: each want adds itself and its ancestors. Most wants
 * share those, so the bound is reached only by wants scattered over the whole texture. */
static uint32_t most_requests(const requests_desc *desc)
{
    const uint64_t most = (uint64_t)desc->max_wants * VT_MAX_MIPS, pages = pages_of(desc);
    return (uint32_t)(most < pages ? most : pages);
}

uint64_t requests_memory_bytes(const requests_desc *desc)
{
    return sizeof(requests) + pages_of(desc) * sizeof(uint32_t) +
           (uint64_t)LISTS * most_requests(desc) * sizeof(request);
}

requests *requests_create(const requests_desc *desc)
{
    requests *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    uint32_t pages = 0;
    for (uint32_t i = 0; i < desc->shape_count; i++) {
        r->shapes[i] = desc->shapes[i];
        r->first_place[i] = pages;
        pages += page_count(desc->shapes[i]);
    }
    r->max = most_requests(desc);
    r->list = calloc((size_t)LISTS * r->max, sizeof(request));
    r->places = calloc(pages, sizeof *r->places);
    if (r->list == NULL || r->places == NULL) {
        requests_destroy(r);
        return NULL;
    }
    r->last = r->list + r->max;
    r->missed = r->last + r->max;
    r->sorted = r->missed + r->max;
    return r;
}

void requests_destroy(requests *r)
{
    if (r != NULL) {
        free(r->last < r->list ? r->last : r->list); /* one allocation, in which the two swap */
        free(r->places);
        free(r);
    }
}

void requests_begin(requests *r)
{
    request *swap = r->last;
    r->last = r->list;
    r->last_count = r->count;
    r->list = swap;
    r->count = r->missing = 0;
}

static uint32_t *place_of(const requests *r, vt_page p)
{
    const uint32_t texture = p.texture - 1u;
    return &r->places[r->first_place[texture] + page_index(r->shapes[texture], p)];
}

static bool is_listed(const request *list, uint32_t count, uint32_t place, uint32_t id)
{
    return place < count && list[place].page_id == id;
}

/* The list's entry of a page, listing it when it is new; NULL: the list is full. */
static request *entry_of(requests *r, vt_page p)
{
    uint32_t *place = place_of(r, p);
    const uint32_t id = page_pack(p);
    if (!is_listed(r->list, r->count, *place, id)) {
        if (r->count == r->max) {
            return NULL;
        }
        const bool again = is_listed(r->last, r->last_count, *place, id);
        const uint32_t images = again ? r->last[*place].images + 1 : 1;
        *place = r->count++;
        r->list[*place] = (request){.page_id = id, .images = images};
    }
    return &r->list[*place];
}

void requests_add(requests *r, vt_page p, uint32_t pixels, uint32_t lacking_mips)
{
    const vt_shape *shape = r->shapes[p.texture - 1];
    const uint64_t urgency = (uint64_t)pixels * (lacking_mips + 1);
    for (;; p = page_parent(p)) {
        request *entry = entry_of(r, p);
        if (entry != NULL) {
            entry->urgency += urgency;
        }
        if (p.mip + 1u >= shape->mips) {
            return;
        }
    }
}

bool requests_wants(const requests *r, vt_page p)
{
    return is_listed(r->list, r->count, *place_of(r, p), page_pack(p));
}

static uint32_t mip_of(const request *entry)
{
    return page_unpack(entry->page_id).mip;
}

/* Sorts by mip: counts the entries of each mip, copies them to `sorted` in the order of their first
 * wants, and copies the result back; then each page's place is written anew. */
uint32_t requests_list(requests *r, const request **out)
{
    uint32_t first[VT_MAX_MIPS + 1] = {0};
    for (uint32_t i = 0; i < r->count; i++) {
        first[mip_of(&r->list[i]) + 1]++;
    }
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        first[mip + 1] += first[mip];
    }
    for (uint32_t i = 0; i < r->count; i++) {
        r->sorted[first[mip_of(&r->list[i])]++] = r->list[i];
    }
    for (uint32_t i = 0; i < r->count; i++) {
        r->list[i] = r->sorted[i];
        *place_of(r, page_unpack(r->list[i].page_id)) = i;
    }
    *out = r->list;
    return r->count;
}

void requests_miss(requests *r, uint32_t index)
{
    request *missed = &r->missed[r->missing++];
    *missed = r->list[index];
    const uint32_t patience = 1 + missed->images / PATIENT_IMAGES;
    missed->urgency *= patience < MOST_PATIENCE ? patience : MOST_PATIENCE;
}

/* More urgent first, then coarser first, then by id. */
static int by_urgency(const void *left, const void *right)
{
    const request *a = left, *b = right;
    if (a->urgency != b->urgency) {
        return a->urgency > b->urgency ? -1 : 1;
    }
    const uint32_t mip_a = mip_of(a), mip_b = mip_of(b);
    if (mip_a != mip_b) {
        return mip_a > mip_b ? -1 : 1;
    }
    return a->page_id < b->page_id ? -1 : a->page_id > b->page_id;
}

uint32_t requests_missing(requests *r, const request **out)
{
    qsort(r->missed, r->missing, sizeof *r->missed, by_urgency);
    *out = r->missed;
    return r->missing;
}
