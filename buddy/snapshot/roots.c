/* snapshot/roots.c: where what is in a heap begins: roots, and pointers as offsets. */
#include "buddy/snapshot/private.h"

#include <string.h>

bool snapshot_is_live(const buddy_heap *h, uint64_t offset)
{
    uint32_t units;
    if (offset >= h->max_bytes || !heap_is_in_play(h, (uint32_t)(offset >> h->unit_shift))) {
        return false;
    }
    buddy_heap_status status = marks_read(&h->marks, (uint32_t)(offset >> h->unit_shift), &units);
    return status == BUDDY_HEAP_OK || status == BUDDY_HEAP_INTERIOR;
}

buddy_snapshot_status snapshot_check_roots(const buddy_heap *h, const snapshot *s)
{
    const unsigned char *before = NULL;
    for (uint32_t i = 0; i < s->header.roots; i++) {
        const unsigned char *root = s->roots + (size_t)i * FORMAT_ROOT_BYTES;
        uint64_t offset = format_get64(root + BUDDY_SNAPSHOT_NAME_BYTES);
        if (!format_name_is_good(root) ||
            (before != NULL && memcmp(before, root, BUDDY_SNAPSHOT_NAME_BYTES) >= 0) ||
            (offset != BUDDY_SNAPSHOT_NULL && !snapshot_is_live(h, offset))) {
            return BUDDY_SNAPSHOT_ROOTS;
        }
        before = root;
    }
    return BUDDY_SNAPSHOT_OK;
}

void *buddy_snapshot_root_of(const buddy_heap *h, const char *name)
{
    uint32_t low = 0, high = h->snapshot != NULL ? h->snapshot->header.roots : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const unsigned char *root = h->snapshot->roots + (size_t)middle * FORMAT_ROOT_BYTES;
        int order = strcmp(name, (const char *)root);
        if (order == 0) {
            return buddy_snapshot_at(h, format_get64(root + BUDDY_SNAPSHOT_NAME_BYTES));
        }
        low = order > 0 ? middle + 1 : low;
        high = order > 0 ? high : middle;
    }
    return NULL;
}

uint64_t buddy_snapshot_offset(const buddy_heap *h, const void *pointer)
{
    return buddy_heap_owns(h, pointer) ? heap_distance(h, pointer) : BUDDY_SNAPSHOT_NULL;
}

void *buddy_snapshot_at(const buddy_heap *h, uint64_t offset)
{
    return offset < h->max_bytes ? h->base + offset : NULL;
}
