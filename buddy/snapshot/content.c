/* snapshot/content.c: what the blocks of a saved heap hold: copied from the file, or left there
 * until it is first touched, and found to be what was saved. */
#include "buddy/snapshot/private.h"

#include <unistd.h>

#include "buddy/snapshot/crc.h"

#define CHUNK_BYTES 4096u /* of the file that is verified at a time: on the stack */

static bool is_pending(const snapshot *s, uint64_t part)
{
    uint64_t word = atomic_load_explicit(&s->pending[part / WORD_BITS], memory_order_relaxed);
    return (word >> part % WORD_BITS & 1) != 0;
}

static uint32_t stored_crc(const snapshot *s, uint64_t part)
{
    return format_get32(s->parts + part * FORMAT_CRC_BYTES);
}

/* ---- copying all of it ---- */

/* Reads a part to where it belongs, and looks whether it is good. */
static buddy_snapshot_status copy_part(const buddy_heap *h, const snapshot *s, uint64_t part)
{
    uint64_t at = part * FORMAT_PART_BYTES;
    uint32_t bytes = format_part_bytes(&s->layout, part);
    buddy_snapshot_status status =
        snapshot_read(s->fd, h->base + at, bytes, s->layout.content_at + at);
    if (status == BUDDY_SNAPSHOT_OK &&
        snapshot_crc(0, h->base + at, bytes) != stored_crc(s, part)) {
        status = BUDDY_SNAPSHOT_CONTENT;
    }
    return status;
}

buddy_snapshot_status snapshot_copy_content(const buddy_heap *h, snapshot *s)
{
    for (uint64_t part = 0; part < s->layout.parts; part++) {
        buddy_snapshot_status status =
            is_pending(s, part) ? copy_part(h, s, part) : BUDDY_SNAPSHOT_OK;
        if (status != BUDDY_SNAPSHOT_OK) {
            return status;
        }
    }
    (void)close(s->fd);
    s->fd = -1;
    return BUDDY_SNAPSHOT_OK;
}

/* ---- verifying ---- */

/* Reads a part, to look whether it is good. */
static buddy_snapshot_status verify_part(const snapshot *s, uint64_t part)
{
    unsigned char chunk[CHUNK_BYTES];
    uint32_t bytes = format_part_bytes(&s->layout, part), crc = 0;
    uint64_t place = s->layout.content_at + part * FORMAT_PART_BYTES;
    for (uint32_t at = 0; at < bytes; at += CHUNK_BYTES) {
        uint32_t step = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;
        buddy_snapshot_status status = snapshot_read(s->fd, chunk, step, place + at);
        if (status != BUDDY_SNAPSHOT_OK) {
            return status;
        }
        crc = snapshot_crc(crc, chunk, step);
    }
    return crc == stored_crc(s, part) ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_CONTENT;
}

/* Verifies the parts [from, to) that need it. */
static buddy_snapshot_status verify_parts(snapshot *s, uint64_t from, uint64_t to)
{
    for (uint64_t part = from; part < to; part++) {
        if (!is_pending(s, part)) {
            continue;
        }
        buddy_snapshot_status status = verify_part(s, part);
        if (status != BUDDY_SNAPSHOT_OK) {
            return status;
        }
        atomic_fetch_and_explicit(&s->pending[part / WORD_BITS], ~(UINT64_C(1) << part % WORD_BITS),
                                  memory_order_relaxed);
    }
    return BUDDY_SNAPSHOT_OK;
}

buddy_snapshot_status buddy_snapshot_verify(buddy_heap *h, const void *pointer, size_t bytes)
{
    size_t from = heap_distance(h, pointer);
    if (from > h->max_bytes || bytes > h->max_bytes - from) {
        return BUDDY_SNAPSHOT_OUTSIDE;
    }
    snapshot *s = h->snapshot;
    if (s == NULL || s->fd < 0 || bytes == 0) {
        return BUDDY_SNAPSHOT_OK;
    }
    uint64_t to = snapshot_part(from + bytes - 1) + 1;
    return verify_parts(s, snapshot_part(from), to < s->layout.parts ? to : s->layout.parts);
}

buddy_snapshot_status buddy_snapshot_verify_all(buddy_heap *h)
{
    return buddy_snapshot_verify(h, h->base, h->max_bytes);
}
