/* diskmap.c: see diskmap.h. */
#include "engine/disk/diskmap.h"

#include <assert.h>

void diskmap_init(diskmap *m, uint64_t file_bytes)
{
    assert(file_bytes <= UINT64_C(1) << 53); /* times DISKMAP_CELLS it fits 64 bits */
    m->file_bytes = file_bytes;
    for (uint32_t i = 0; i < DISKMAP_CELLS; i++) {
        atomic_init(&m->cells[i], 0);
    }
}

static uint64_t begin_of(const diskmap *m, uint64_t cell)
{
    return cell * m->file_bytes / DISKMAP_CELLS;
}

void diskmap_add(diskmap *m, uint64_t offset, uint64_t bytes)
{
    if (offset >= m->file_bytes) {
        return;
    }
    const uint64_t left = m->file_bytes - offset;
    const uint64_t end = offset + (bytes < left ? bytes : left);
    for (uint64_t i = offset * DISKMAP_CELLS / m->file_bytes; offset < end; i++) {
        const uint64_t next = begin_of(m, i + 1), to = next < end ? next : end;
        if (to > offset) {
            /* relaxed: see the struct */
            atomic_fetch_add_explicit(&m->cells[i], to - offset, memory_order_relaxed);
            offset = to;
        }
    }
}

void diskmap_get(const diskmap *m, uint32_t kib[DISKMAP_CELLS])
{
    for (uint32_t i = 0; i < DISKMAP_CELLS; i++) {
        /* relaxed: see the struct */
        const uint64_t whole = atomic_load_explicit(&m->cells[i], memory_order_relaxed) >> 10;
        kib[i] = whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX;
    }
}
