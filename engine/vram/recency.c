/* recency.c: see recency.h. */
#include "engine/vram/recency.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The first node of a level: the number of nodes of the levels from 1 to `level` - 1. */
static uint32_t first_node(const recency *r, uint32_t level)
{
    uint32_t first = 0;
    for (uint32_t below = 1; below < level; below++) {
        first += UINT32_C(1) << 2 * (r->levels - below);
    }
    return first;
}

static uint32_t node_count(uint32_t levels)
{
    return ((UINT32_C(1) << 2 * levels) - 1) / 3; /* 1 + 4 + 16 + … */
}

uint64_t recency_bytes(uint32_t levels)
{
    const recency *r = NULL;
    return (UINT64_C(1) << 2 * levels) * sizeof *r->keys +
           (uint64_t)node_count(levels) * sizeof *r->least;
}

bool recency_init(recency *r, uint32_t levels)
{
    assert(levels <= RECENCY_MAX_LEVELS && RECENCY_FREE == 0);
    const size_t nodes = node_count(levels);
    *r = (recency){.levels = levels,
                   .keys = calloc((size_t)1 << 2 * levels, sizeof *r->keys),
                   .least = calloc(nodes ? nodes : 1, sizeof *r->least)};
    if (r->keys == NULL || r->least == NULL) {
        recency_finish(r);
        return false;
    }
    return true;
}

void recency_finish(recency *r)
{
    free(r->keys);
    free(r->least);
    memset(r, 0, sizeof *r);
}

uint64_t recency_get(const recency *r, uint32_t slot)
{
    assert(slot < UINT32_C(1) << 2 * r->levels);
    return r->keys[slot];
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What a node of level 1 knows, from its four slots. */
static void sum_up_slots(const uint64_t keys[4], uint64_t out[RECENCY_MAX_ORDER + 1])
{
    out[0] = lesser(lesser(keys[0], keys[1]), lesser(keys[2], keys[3]));
    out[1] = greater(greater(keys[0], keys[1]), greater(keys[2], keys[3]));
}

/* What a node of a higher level knows, from its four children. On a low level the largest square
 * below a node is the node itself. */
static void sum_up_nodes(uint64_t (*below)[RECENCY_MAX_ORDER + 1], uint32_t level,
                         uint64_t out[RECENCY_MAX_ORDER + 1])
{
    const uint32_t most = level - 1 < RECENCY_MAX_ORDER ? level - 1 : RECENCY_MAX_ORDER;
    for (uint32_t k = 0; k <= most; k++) {
        out[k] = lesser(lesser(below[0][k], below[1][k]), lesser(below[2][k], below[3][k]));
    }
    if (level <= RECENCY_MAX_ORDER) {
        const uint32_t k = level - 1;
        out[level] = greater(greater(below[0][k], below[1][k]), greater(below[2][k], below[3][k]));
    }
}

/* What the node `index` of a level should know. Orders above its own stay 0. */
static void sum_up(const recency *r, uint32_t level, uint32_t index,
                   uint64_t out[RECENCY_MAX_ORDER + 1])
{
    memset(out, 0, sizeof(uint64_t) * (RECENCY_MAX_ORDER + 1));
    if (level == 1) {
        sum_up_slots(&r->keys[4 * (size_t)index], out);
    } else {
        sum_up_nodes(&r->least[first_node(r, level - 1) + 4 * (size_t)index], level, out);
    }
}

/* Sets a slot's key and renews the nodes above it, from the bottom up, until one of them stays as
 * it was. */
void recency_set(recency *r, uint32_t slot, uint64_t key)
{
    assert(slot < UINT32_C(1) << 2 * r->levels);
    r->keys[slot] = key;
    uint32_t first = 0;
    for (uint32_t level = 1; level <= r->levels; level++) {
        const uint32_t index = slot >> 2 * level;
        uint64_t renewed[RECENCY_MAX_ORDER + 1] = {0};
        if (level == 1) {
            sum_up_slots(&r->keys[4 * (size_t)index], renewed);
        } else {
            const uint32_t below = first - (UINT32_C(1) << 2 * (r->levels - level + 1));
            sum_up_nodes(&r->least[below + 4 * (size_t)index], level, renewed);
        }
        uint64_t *known = r->least[first + index];
        if (memcmp(known, renewed, sizeof renewed) == 0) {
            return; /* then nothing changes above it either */
        }
        memcpy(known, renewed, sizeof renewed);
        first += UINT32_C(1) << 2 * (r->levels - level);
    }
}

/* Goes down from the root, to the child that has the cheapest square of that order below it, until
 * the child is the square. */
uint32_t recency_cheapest(const recency *r, uint32_t order, uint64_t *key)
{
    assert(order <= RECENCY_MAX_ORDER);
    *key = RECENCY_NEVER;
    if (order > r->levels) {
        return 0;
    }
    uint32_t node = 0;
    for (uint32_t level = r->levels; level > order; level--) {
        const uint32_t first = level > 1 ? first_node(r, level - 1) : 0;
        uint32_t best = 4 * node;
        *key = RECENCY_NEVER;
        for (uint32_t child = 4 * node + 4; child-- > 4 * node;) { /* the first among equals */
            const uint64_t its = level > 1 ? r->least[first + child][order] : r->keys[child];
            best = its <= *key ? child : best;
            *key = its <= *key ? its : *key;
        }
        node = best;
    }
    if (r->levels == order) { /* the whole tree is the square */
        *key = order > 0 ? r->least[first_node(r, order)][order] : r->keys[0];
    }
    return node << 2 * order;
}

const char *recency_check(const recency *r)
{
    for (uint32_t level = 1; level <= r->levels; level++) {
        const uint32_t first = first_node(r, level);
        for (uint32_t i = 0; i < UINT32_C(1) << 2 * (r->levels - level); i++) {
            uint64_t right[RECENCY_MAX_ORDER + 1];
            sum_up(r, level, i, right);
            if (memcmp(right, r->least[first + i], sizeof right) != 0) {
                return "recency: a node does not say what lies below it";
            }
        }
    }
    return NULL;
}
