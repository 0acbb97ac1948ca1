/* snapshot/open.c: opening a saved heap: header and tables are read and checked, an empty heap of
 * the same shape is made, and filled with the blocks that were live and with what they held. */
#include "buddy/snapshot/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddy/snapshot/crc.h"

/* ---- the file ---- */

/* Opens it, if it is a plain one. O_NONBLOCK: a pipe must not keep us waiting. */
static buddy_snapshot_status open_file(const char *path, int *fd, uint64_t *bytes)
{
    struct stat info;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &info) != 0) {
        return BUDDY_SNAPSHOT_IO;
    }
    *bytes = (uint64_t)info.st_size;
    return S_ISREG(info.st_mode) ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_NOT_PLAIN;
}

static buddy_snapshot_status read_header(int fd, uint64_t file_bytes, format_header *header)
{
    unsigned char bytes[FORMAT_HEADER_BYTES];
    buddy_snapshot_status status = snapshot_read(fd, bytes, sizeof bytes, 0);
    status = status == BUDDY_SNAPSHOT_OK ? format_read(bytes, header) : status;
    if (status == BUDDY_SNAPSHOT_OK && format_plan(header).file_bytes != file_bytes) {
        status = BUDDY_SNAPSHOT_LENGTH;
    }
    return status;
}

/* Reads a table and looks whether it is what was written. */
static buddy_snapshot_status read_table(int fd, void *to, uint64_t bytes, uint64_t at, uint32_t crc)
{
    buddy_snapshot_status status = snapshot_read(fd, to, (size_t)bytes, at);
    if (status == BUDDY_SNAPSHOT_OK && snapshot_crc(0, to, (size_t)bytes) != crc) {
        status = BUDDY_SNAPSHOT_TABLE_SUM;
    }
    return status;
}

/* ---- what is remembered of it ---- */

static void forget(snapshot *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    region_unmap(s, s->bytes);
}

/* Makes it, with its tables read. Takes the file over when it returns BUDDY_SNAPSHOT_OK. */
static buddy_snapshot_status remember(int fd, const format_header *header, snapshot **out)
{
    format_layout l = format_plan(header);
    size_t roots_at = (sizeof(snapshot) + WORD_BITS - 1) / WORD_BITS * WORD_BITS;
    size_t pending_at = roots_at + (size_t)l.roots_bytes;
    size_t parts_at = pending_at + (size_t)(l.parts / WORD_BITS + 1) * sizeof(word_atomic);
    size_t bytes = parts_at + (size_t)l.parts_bytes;
    unsigned char *memory = region_map(bytes, WORD_BITS);
    if (memory == NULL) {
        return BUDDY_SNAPSHOT_NO_MEMORY;
    }
    buddy_snapshot_status status =
        read_table(fd, memory + roots_at, l.roots_bytes, l.roots_at, header->roots_crc);
    if (status == BUDDY_SNAPSHOT_OK) {
        status = read_table(fd, memory + parts_at, l.parts_bytes, l.parts_at, header->parts_crc);
    }
    if (status != BUDDY_SNAPSHOT_OK) {
        region_unmap(memory, bytes);
        return status;
    }
    *out = (snapshot *)(void *)memory;
    **out = (snapshot){.fd = fd,
                       .header = *header,
                       .layout = l,
                       .roots = memory + roots_at,
                       .parts = memory + parts_at,
                       .bytes = bytes,
                       .pending = (word_atomic *)(void *)(memory + pending_at)};
    return BUDDY_SNAPSHOT_OK;
}

static buddy_snapshot_status load(const char *path, snapshot **out)
{
    int fd;
    uint64_t bytes;
    format_header header;
    buddy_snapshot_status status = open_file(path, &fd, &bytes);
    status = status == BUDDY_SNAPSHOT_OK ? read_header(fd, bytes, &header) : status;
    status = status == BUDDY_SNAPSHOT_OK ? remember(fd, &header, out) : status;
    if (status != BUDDY_SNAPSHOT_OK && fd >= 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
    }
    return status;
}

/* ---- the heap, without content ---- */

/* The address that it was saved from, if it can be had. */
static buddy_snapshot_status reserve_there(const format_header *header, size_t max_bytes,
                                           void **memory)
{
    uint64_t base = header->base;
    if (base == 0 || base > UINTPTR_MAX - max_bytes || base % region_bytes(1) != 0 ||
        base % header->unit_bytes != 0) {
        return BUDDY_SNAPSHOT_ADDRESS;
    }
    *memory = region_reserve_at((void *)(uintptr_t)base, max_bytes); // NOLINT: that is the point
    return *memory != NULL ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_ADDRESS;
}

/* What is mapped from the file is not opened as memory before. */
static buddy_snapshot_status create(const buddy_snapshot_open_desc *desc,
                                    const buddy_heap_desc *full, buddy_heap **out)
{
    heap_place place = {.memory = full->memory, .shut = desc->mode != BUDDY_SNAPSHOT_COPY};
    *out = heap_create_in(full, &place);
    if (*out == NULL) {
        return errno == EINVAL ? BUDDY_SNAPSHOT_SIZES : BUDDY_SNAPSHOT_NO_MEMORY;
    }
    if (desc->mode == BUDDY_SNAPSHOT_READ_ONLY) {
        /* relaxed: the caller publishes the heap */
        atomic_store_explicit(&(*out)->changing_bytes, 0, memory_order_relaxed);
    }
    return BUDDY_SNAPSHOT_OK;
}

/* Makes an empty heap of the saved one's shape. */
static buddy_snapshot_status make_heap(const buddy_snapshot_open_desc *desc,
                                       const format_header *header, buddy_heap **out)
{
    size_t unit = header->unit_bytes, bytes = header->in_play * unit;
    size_t most = desc->max_bytes != 0 ? desc->max_bytes / unit * unit : header->max_units * unit;
    if (bytes > most) {
        return BUDDY_SNAPSHOT_TOO_LARGE;
    }
    buddy_heap_desc full = {.bytes = bytes,
                            .max_bytes = desc->mode == BUDDY_SNAPSHOT_READ_ONLY ? bytes : most,
                            .unit_bytes = header->unit_bytes,
                            .checks = desc->checks,
                            .threads = desc->threads,
                            .on_error = desc->on_error,
                            .on_error_context = desc->on_error_context};
    buddy_snapshot_status status = BUDDY_SNAPSHOT_OK;
    if (desc->want_address) {
        status = reserve_there(header, full.max_bytes, &full.memory);
    }
    status = status == BUDDY_SNAPSHOT_OK ? create(desc, &full, out) : status;
    if (status != BUDDY_SNAPSHOT_OK) {
        region_unmap(full.memory, full.max_bytes);
    }
    return status;
}

/* Makes the blocks live that were. */
static buddy_snapshot_status restore_marks(buddy_heap *h, snapshot *s,
                                           const buddy_snapshot_open_desc *desc)
{
    const format_layout *l = &s->layout;
    if (l->marks_bytes == 0) {
        return snapshot_restore(h, s, NULL, desc->mode == BUDDY_SNAPSHOT_READ_ONLY);
    }
    unsigned char *stored = region_map((size_t)l->marks_bytes, 1);
    if (stored == NULL) {
        return BUDDY_SNAPSHOT_NO_MEMORY;
    }
    buddy_snapshot_status status =
        read_table(s->fd, stored, l->marks_bytes, l->marks_at, s->header.marks_crc);
    if (status == BUDDY_SNAPSHOT_OK) {
        status = snapshot_restore(h, s, stored, desc->mode == BUDDY_SNAPSHOT_READ_ONLY);
    }
    region_unmap(stored, (size_t)l->marks_bytes);
    return status;
}

/* ---- opening ---- */

static buddy_snapshot_status bring_content(const buddy_heap *h, snapshot *s,
                                           buddy_snapshot_mode mode)
{
    const format_layout *l = &s->layout;
    size_t content = (size_t)l->content_bytes, in_play = h->desc.bytes;
    if (mode == BUDDY_SNAPSHOT_COPY) {
        return snapshot_copy_content(h, s);
    }
    if (content != 0 && !region_map_file(h->base, content, s->fd, l->content_at)) {
        return BUDDY_SNAPSHOT_IO;
    }
    bool done = mode == BUDDY_SNAPSHOT_READ_ONLY
                    ? region_protect(h->base, h->max_bytes)
                    : content >= in_play || region_open(h->base + content, in_play - content);
    return done ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_NO_MEMORY;
}

/* Fills the empty heap h with what was saved. */
static buddy_snapshot_status fill(buddy_heap *h, const buddy_snapshot_open_desc *desc)
{
    snapshot *s = h->snapshot;
    buddy_snapshot_status status = restore_marks(h, s, desc);
    status = status == BUDDY_SNAPSHOT_OK ? snapshot_check_roots(h, s) : status;
    return status == BUDDY_SNAPSHOT_OK ? bring_content(h, s, desc->mode) : status;
}

static buddy_snapshot_status open_heap(const char *path, const buddy_snapshot_open_desc *desc,
                                       buddy_heap **out)
{
    snapshot *s = NULL;
    buddy_snapshot_status status = load(path, &s);
    if (status != BUDDY_SNAPSHOT_OK) {
        return status;
    }
    status = make_heap(desc, &s->header, out);
    if (status != BUDDY_SNAPSHOT_OK) {
        forget(s);
        return status;
    }
    (*out)->snapshot = s;
    (*out)->forget_snapshot = forget;
    return fill(*out, desc);
}

buddy_heap *buddy_heap_open(const char *path, const buddy_snapshot_open_desc *desc,
                            buddy_snapshot_status *status)
{
    static const buddy_snapshot_open_desc defaults;
    buddy_heap *h = NULL;
    *status = open_heap(path, desc != NULL ? desc : &defaults, &h);
    if (*status != BUDDY_SNAPSHOT_OK && h != NULL) {
        int reason = errno;
        buddy_heap_destroy(h);
        errno = reason;
        h = NULL;
    }
    return h;
}
