/* pagemap.h: a hash table from packed page ids to the numbers of what its user keeps of them: slots
 * of the atlas, entries of the RAM index, pages that the frame wanted. It holds numbers only, and
 * reads the ids where its user has them:
 *
 *     places of the map    | 0 | 3 | 0 | 0 | 1 | …      number + 1; 0: empty
 *                                │           │
 *     the user's array     | [0] page_id … | [1] … | [2] page_id … |
 *
 * Open addressing with linear probing in twice as many places as there can be pages, so runs stay
 * short. An element's id must not change while the map holds its number. Everything is allocated
 * at init.
 *
 * Threads: its user's. */
#ifndef MEGABUDDY_ENGINE_PAGEMAP_H
#define MEGABUDDY_ENGINE_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGEMAP_NONE UINT32_MAX

/* Each number is held once, reachable from its id's home without an empty place between. */
typedef struct pagemap {
    uint32_t *places;
    uint32_t mask;            /* places, a power of two, minus 1 */
    uint32_t shift;           /* from a 32-bit hash to a place */
    size_t stride;            /* bytes */
    const unsigned char *ids; /* element i's is the uint32_t at i * stride */
} pagemap;

/* For at most `capacity` numbers, whose ids lie `stride` bytes apart from `ids` on. False: no memory;
 * finish all the same. */
bool pagemap_init(pagemap *m, uint32_t capacity, const uint32_t *ids, size_t stride);
void pagemap_finish(pagemap *m);           /* of zeros or of an init */
uint64_t pagemap_bytes(uint32_t capacity); /* without the struct; pure */

static inline uint32_t pagemap_id(const pagemap *m, uint32_t number)
{
    return *(const uint32_t *)(const void *)(m->ids + number * m->stride);
}

/* Fibonacci hashing: 2^32 over the golden ratio; the highest bits depend on all of the id. */
static inline uint32_t pagemap_home(const pagemap *m, uint32_t page_id)
{
    return page_id * 0x9e3779b1u >> m->shift;
}

/* The place that holds a page's number, or the empty one where it would go. */
static inline uint32_t pagemap_place(const pagemap *m, uint32_t page_id)
{
    uint32_t place = pagemap_home(m, page_id);
    while (m->places[place] != 0 && pagemap_id(m, m->places[place] - 1) != page_id) {
        place = (place + 1) & m->mask;
    }
    return place;
}

/* The number at a place; PAGEMAP_NONE: it is empty. */
static inline uint32_t pagemap_at(const pagemap *m, uint32_t place)
{
    return m->places[place] - 1;
}

static inline uint32_t pagemap_find(const pagemap *m, uint32_t page_id)
{
    return pagemap_at(m, pagemap_place(m, page_id));
}

/* Fills the empty place that pagemap_place named for the number's id. */
static inline void pagemap_put(pagemap *m, uint32_t place, uint32_t number)
{
    m->places[place] = number + 1;
}

/* Empties the place of a number, whose id is still there to be read; others may move. */
void pagemap_remove(pagemap *m, uint32_t place);

/* Empties a place and moves nothing: for who empties all that are filled, in any order. */
static inline void pagemap_drop(pagemap *m, uint32_t place)
{
    m->places[place] = 0;
}

/* Places of the map, for who walks over them. */
static inline uint32_t pagemap_places(const pagemap *m)
{
    return m->mask + 1;
}

/* NULL when all is well and it holds `count` numbers. */
const char *pagemap_check(const pagemap *m, uint32_t count);

#endif
