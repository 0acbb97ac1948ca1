/* snapshot/save.c: saving a heap. Part by part its live blocks are copied into a buffer that is
 * zero elsewhere; the checksum is that of the buffer, which then is written, but for pages of
 * zeroes. So the file agrees with itself even if a thread writes to a block meanwhile.
 *
 *     marks ── copy ── check ── how much, where        blocks ──▶ [ part ] ──▶ crc, pages ──▶ file
 *     roots ── check ── sort                           header and tables last */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buddy/snapshot/crc.h"
#include "buddy/snapshot/private.h"
#include "buddy/system/region.h"

#define PAGE_BYTES 4096u /* what a hole in a file can be as small as; no page is smaller */
#define NO_PART    UINT64_MAX

typedef struct saving {
    const buddy_heap *h;
    partial file;
    format_header header;
    format_layout layout;
    unsigned char *marks;  /* a copy, of all units in play */
    unsigned char *tables; /* the file from its begin to the content … */
    unsigned char *part;   /* … and behind it, in the same mapping, one part */
    uint64_t at;           /* which part is in `part`; NO_PART: none, and it is zero */
} saving;

static size_t tables_bytes(const saving *s)
{
    return (size_t)s->layout.content_at + FORMAT_PART_BYTES;
}

/* ---- what there is ---- */

/* Blocks as they are counted, and marked anew. */
typedef struct counting {
    format_header *header;
    marks again;
} counting;

static bool count_block(void *context, uint32_t offset, uint32_t units)
{
    counting *c = context;
    if (!snapshot_is_possible(offset, units)) {
        return false;
    }
    marks_set_exact(&c->again, offset, units);
    c->header->live_blocks++;
    c->header->live_units += units;
    c->header->used = offset + units;
    return true;
}

/* Whether the copied marks are what opening takes: the blocks that they name, marked anew, give the
 * same bytes. What others took or gave while they were copied may show here. */
static buddy_snapshot_status check_copy(saving *s, unsigned char *again)
{
    uint32_t in_play = s->header.in_play, max_order = s->h->marks.max_order;
    marks copy = {(_Atomic uint8_t *)s->marks, in_play, max_order};
    counting c = {&s->header, {(_Atomic uint8_t *)again, in_play, max_order}};
    uint64_t live;
    bool whole = marks_check(&copy, &live) == NULL && snapshot_walk(&copy, count_block, &c);
    return whole && live == s->header.live_units &&
                   memcmp(s->marks, again, marks_bytes(in_play)) == 0
               ? BUDDY_SNAPSHOT_OK
               : BUDDY_SNAPSHOT_AT_WORK;
}

/* Copies the marks, and finds out how much they say is live. */
static buddy_snapshot_status survey(saving *s)
{
    const buddy_heap *h = s->h;
    /* relaxed: others are at rest */
    uint32_t in_play = atomic_load_explicit(&h->units_in_play, memory_order_relaxed);
    s->header = (format_header){.unit_bytes = h->desc.unit_bytes,
                                .max_units = h->marks.units,
                                .in_play = in_play,
                                .base = (uintptr_t)h->base};
    s->marks = region_map(marks_bytes(in_play), 1);
    if (s->marks == NULL) {
        return BUDDY_SNAPSHOT_NO_MEMORY;
    }
    for (size_t i = 0; i < marks_bytes(in_play); i++) {
        s->marks[i] = atomic_load_explicit(&h->marks.groups[i], memory_order_relaxed);
    }
    unsigned char *again = region_map(marks_bytes(in_play), 1);
    if (again == NULL) {
        return BUDDY_SNAPSHOT_NO_MEMORY;
    }
    buddy_snapshot_status status = check_copy(s, again);
    region_unmap(again, marks_bytes(in_play));
    return status;
}

/* ---- roots ---- */

static int compare_roots(const void *a, const void *b)
{
    return memcmp(a, b, BUDDY_SNAPSHOT_NAME_BYTES);
}

/* Writes an entry of the table, which is zero; false when the root is impossible. */
static bool put_root(const buddy_heap *h, unsigned char *entry, buddy_snapshot_root root)
{
    size_t length = root.name != NULL ? strnlen(root.name, BUDDY_SNAPSHOT_NAME_BYTES) : 0;
    uint64_t offset = buddy_snapshot_offset(h, root.pointer);
    if (length == 0 || length == BUDDY_SNAPSHOT_NAME_BYTES ||
        (root.pointer != NULL && !snapshot_is_live(h, offset))) {
        return false;
    }
    memcpy(entry, root.name, length);
    format_put64(entry + BUDDY_SNAPSHOT_NAME_BYTES, offset);
    return true;
}

/* Writes the roots in the order of their names. */
static buddy_snapshot_status put_roots(const saving *s, const buddy_snapshot_root roots[])
{
    unsigned char *table = s->tables + s->layout.roots_at;
    for (uint32_t i = 0; i < s->header.roots; i++) {
        if (!put_root(s->h, table + (size_t)i * FORMAT_ROOT_BYTES, roots[i])) {
            return BUDDY_SNAPSHOT_BAD_ROOT;
        }
    }
    qsort(table, s->header.roots, FORMAT_ROOT_BYTES, compare_roots);
    for (uint32_t i = 1; i < s->header.roots; i++) {
        const unsigned char *entry = table + (size_t)i * FORMAT_ROOT_BYTES;
        if (compare_roots(entry - FORMAT_ROOT_BYTES, entry) == 0) {
            return BUDDY_SNAPSHOT_BAD_ROOT;
        }
    }
    return BUDDY_SNAPSHOT_OK;
}

/* Plans the file and fills in its tables, as far as they do not depend on content. */
static buddy_snapshot_status prepare(saving *s, const buddy_snapshot_root roots[])
{
    s->layout = format_plan(&s->header);
    s->tables = region_map(tables_bytes(s), 1);
    if (s->tables == NULL) {
        return BUDDY_SNAPSHOT_NO_MEMORY;
    }
    s->part = s->tables + s->layout.content_at;
    s->at = NO_PART;
    memcpy(s->tables + s->layout.marks_at, s->marks, (size_t)s->layout.marks_bytes);
    return put_roots(s, roots);
}

/* ---- content ---- */

static bool is_zero(const unsigned char *data, size_t bytes)
{
    return data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0;
}

/* The first page of the part at or after `at` that is zero, or is not. */
static uint32_t find_page(const saving *s, uint32_t at, uint32_t end, bool zero)
{
    while (at < end) {
        uint32_t bytes = end - at < PAGE_BYTES ? end - at : PAGE_BYTES;
        if (is_zero(s->part + at, bytes) == zero) {
            return at;
        }
        at += bytes;
    }
    return end;
}

/* Writes the part in the buffer, if there is one, and clears it. */
static bool write_part(saving *s)
{
    if (s->at == NO_PART) {
        return true;
    }
    uint32_t bytes = format_part_bytes(&s->layout, s->at);
    uint64_t place = s->layout.content_at + s->at * FORMAT_PART_BYTES;
    format_put32(s->tables + s->layout.parts_at + s->at * FORMAT_CRC_BYTES,
                 snapshot_crc(0, s->part, bytes));
    uint32_t to = 0;
    for (uint32_t from = find_page(s, 0, bytes, false); from < bytes;
         from = find_page(s, to, bytes, false)) {
        to = find_page(s, from, bytes, true);
        if (!partial_write(&s->file, s->part + from, to - from, place + from)) {
            return false;
        }
    }
    memset(s->part, 0, bytes);
    s->at = NO_PART;
    return true;
}

/* Adds a live block to the part, or parts, that it is in. */
static bool write_block(void *context, uint32_t offset, uint32_t units)
{
    saving *s = context;
    uint64_t from = (uint64_t)offset << s->h->unit_shift;
    uint64_t end = from + ((uint64_t)units << s->h->unit_shift);
    while (from < end) {
        uint64_t part = snapshot_part(from), to = (part + 1) * FORMAT_PART_BYTES;
        if (part != s->at && !write_part(s)) {
            return false;
        }
        to = to < end ? to : end;
        s->at = part;
        memcpy(s->part + from % FORMAT_PART_BYTES, s->h->base + from, (size_t)(to - from));
        from = to;
    }
    return true;
}

static bool write_content(saving *s)
{
    marks copy = {(_Atomic uint8_t *)s->marks, s->header.in_play, s->h->marks.max_order};
    return snapshot_walk(&copy, write_block, s) && write_part(s);
}

static bool write_tables(saving *s)
{
    const format_layout *l = &s->layout;
    s->header.roots_crc = snapshot_crc(0, s->tables + l->roots_at, (size_t)l->roots_bytes);
    s->header.parts_crc = snapshot_crc(0, s->tables + l->parts_at, (size_t)l->parts_bytes);
    s->header.marks_crc = snapshot_crc(0, s->tables + l->marks_at, (size_t)l->marks_bytes);
    format_write(&s->header, s->tables);
    return partial_write(&s->file, s->tables, (size_t)l->content_at, 0);
}

/* ---- all of it ---- */

static buddy_snapshot_status write_file(saving *s, const char *path)
{
    buddy_snapshot_status status = partial_begin(&s->file, path);
    if (status != BUDDY_SNAPSHOT_OK) {
        return status;
    }
    if (!write_content(s) || !write_tables(s)) {
        partial_drop(&s->file);
        return BUDDY_SNAPSHOT_IO;
    }
    return partial_publish(&s->file, path, s->layout.file_bytes);
}

buddy_snapshot_status buddy_heap_save(const buddy_heap *h, const char *path,
                                      const buddy_snapshot_root roots[], uint32_t count)
{
    if (count > BUDDY_SNAPSHOT_ROOTS_MOST) {
        return BUDDY_SNAPSHOT_BAD_ROOT;
    }
    saving s = {.h = h};
    buddy_snapshot_status status = survey(&s);
    s.header.roots = count;
    status = status == BUDDY_SNAPSHOT_OK ? prepare(&s, roots) : status;
    status = status == BUDDY_SNAPSHOT_OK ? write_file(&s, path) : status;
    int reason = errno;
    region_unmap(s.marks, marks_bytes(s.header.in_play));
    if (s.tables != NULL) {
        region_unmap(s.tables, tables_bytes(&s));
    }
    errno = reason;
    return status;
}
