/* levels/inspect.c: reading a levels without changing it: figures, the walk, the check. */
#include "buddy/levels/private.h"
#include "buddy/tree.h"

/* ---- figures ---- */

void buddy_levels_get_stats(const buddy_levels *l, buddy_levels_stats *out)
{
    *out = (buddy_levels_stats){.units = l->units,
                                .max_order = l->max_order,
                                .largest_order = BUDDY_ORDERS,
                                .metadata_bytes = l->bytes};
    uint64_t units = 0;
    for (uint32_t order = 0; order <= l->max_order; order++) {
        const level *v = &l->at[order];
        /* relaxed: figures */
        uint32_t blocks = atomic_load_explicit(&v->free_blocks, memory_order_relaxed);
        out->free_blocks[order] = blocks;
        out->pending_high_water[order] =
            atomic_load_explicit(&v->pending_high_water, memory_order_relaxed);
        out->wasted_splits[order] = atomic_load_explicit(&v->wasted_splits, memory_order_relaxed);
        out->splits += atomic_load_explicit(&v->splits, memory_order_relaxed);
        out->merges += atomic_load_explicit(&v->merges, memory_order_relaxed);
        out->largest_order = blocks != 0 ? order : out->largest_order;
        units += (uint64_t)blocks << order;
    }
    /* Counts of different instants may add up to more than there is. */
    out->free_units = units < l->units ? (uint32_t)units : l->units;
}

/* ---- walk ---- */

void buddy_levels_walk(const buddy_levels *l, bool (*visit)(void *context, buddy_block block),
                       void *context)
{
    for (uint32_t order = l->max_order + 1; order-- > 0;) {
        size_t words = level_words(l->units, order);
        for (size_t i = 0; i < words; i++) {
            for (uint64_t bits = l->at[order].bits[i]; bits != 0; bits &= bits - 1) {
                uint32_t place = (uint32_t)i * WORD_BITS + word_lowest(bits);
                if (!visit(context, (buddy_block){place << order, order})) {
                    return;
                }
            }
        }
    }
}

/* ---- check ---- */

/* What the check learns from a walk. */
typedef struct survey {
    const buddy_levels *l;
    uint64_t units;                /* in free blocks */
    uint32_t counts[BUDDY_ORDERS]; /* free blocks by order */
    const char *fault;
} survey;

static bool survey_block(void *context, buddy_block block)
{
    survey *s = context;
    const buddy_levels *l = s->l;
    s->units += UINT64_C(1) << block.order;
    s->counts[block.order]++;
    if (block.offset >> block.order >= l->units >> block.order) {
        s->fault = "a block beyond the units is free";
    } else if (block.order < l->max_order &&
               level_has(&l->at[block.order], buddy_of(block.offset, block.order) >> block.order)) {
        s->fault = "two buddies are free";
    }
    for (uint32_t order = block.order + 1; order <= l->max_order && s->fault == NULL; order++) {
        if (level_has(&l->at[order], block.offset >> order)) {
            s->fault = "a unit is in two free blocks";
        }
    }
    return s->fault == NULL;
}

/* That the list of `order` has the `count` blocks of its bitmap. Looks at no link that cannot
 * be. */
static const char *check_list(const buddy_levels *l, uint32_t order, uint32_t count)
{
    const level *v = &l->at[order];
    uint32_t prev = BUDDY_NONE, length = 0;
    for (uint32_t at = v->first; at != BUDDY_NONE; at = l->links[at].next) {
        if (at >= l->units || (at & ((UINT32_C(1) << order) - 1)) != 0 ||
            !level_has(v, at >> order)) {
            return "a list holds what its bitmap does not";
        }
        if (l->links[at].prev != prev || ++length > count) {
            return "a list is knotted";
        }
        prev = at;
    }
    /* relaxed: nobody else is at work */
    if (atomic_load_explicit(&v->free_blocks, memory_order_relaxed) != length) {
        return "a count of free blocks differs from the list";
    }
    return length == count ? NULL : "a bitmap holds what its list does not";
}

const char *buddy_levels_check(const buddy_levels *l)
{
    survey s = {.l = l};
    buddy_levels_walk(l, survey_block, &s);
    for (uint32_t order = 0; order <= l->max_order && s.fault == NULL; order++) {
        const level *v = &l->at[order];
        if (v->in_flight != 0) {
            s.fault = "a split is in flight, but nobody is at work";
        } else if (v->waiting != 0 || v->head != NULL) {
            s.fault = "a request waits, but nobody is at work";
        } else {
            s.fault = check_list(l, order, s.counts[order]);
        }
    }
    if (s.fault == NULL && s.units > l->units) {
        return "more units are free than there are";
    }
    return s.fault;
}
