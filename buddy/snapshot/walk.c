/* snapshot/walk.c: the live blocks that marks name. */
#include "buddy/snapshot/private.h"

/* What the byte of `offset` says of it. Precondition: no block that starts before holds it. */
static uint32_t state_of(const marks *m, uint32_t offset)
{
    /* relaxed: others are at rest */
    uint32_t byte =
        atomic_load_explicit(&m->groups[offset >> MARKS_GROUP_ORDER], memory_order_relaxed);
    return byte >> 2 * (offset & 3) & 3;
}

/* Past units that are not live, a whole group at a time where it has no mark. */
static uint32_t skip_dead(const marks *m, uint32_t at)
{
    while (at < m->units) {
        uint32_t group = at >> MARKS_GROUP_ORDER;
        /* relaxed: others are at rest */
        if (atomic_load_explicit(&m->groups[group], memory_order_relaxed) == MARK_FREE) {
            if (group == (m->units - 1) >> MARKS_GROUP_ORDER) {
                return m->units;
            }
            at = (group + 1) << MARKS_GROUP_ORDER;
        } else if (state_of(m, at) == MARK_FREE) {
            at++;
        } else {
            break;
        }
    }
    return at;
}

bool snapshot_walk(const marks *m, bool (*visit)(void *context, uint32_t offset, uint32_t units),
                   void *context)
{
    for (uint32_t at = skip_dead(m, 0); at < m->units; at = skip_dead(m, at)) {
        uint32_t units;
        if (marks_read(m, at, &units) != BUDDY_HEAP_OK || units > m->units - at ||
            !visit(context, at, units)) {
            return false;
        }
        at += units;
    }
    return true;
}

bool snapshot_is_possible(uint32_t offset, uint32_t units)
{
    bool exact = (units & (units - 1)) != 0;
    uint64_t whole = exact ? UINT64_C(2) << word_highest(units) : units;
    return offset % whole == 0 && marks_exact_units(units) == units;
}
