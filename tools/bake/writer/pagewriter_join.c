/* pagewriter_join.c: copies the spools into a page file, in the file's order. pagefile_format.h has
 * the bytes.
 *
 *     mips, coarsest first ─▶ rows of clusters, top to bottom ─▶ clusters, left to right
 *                          ─▶ pages of a cluster, in Morton order ─▶ layers
 *
 * A row of clusters is read from its spool in one piece: its pages were put soon after one another,
 * so the piece is hardly longer than they are. */
#include "tools/bake/writer/pagewriter_private.h"

#include "buddy/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row of clusters of one mip, on its way from the spool to the file. */
typedef struct cluster_row {
    uint64_t first, end; /* bytes of the spool between which its pages lie */
    uint8_t *room;
    size_t room_bytes;
    const uint8_t *bytes; /* those of the spool, in `room` */
} cluster_row;

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Finds where in the spool the pages of rows [top, bottom) lie. */
static void find_extent(const pagewriter *w, uint32_t mip, uint32_t top, uint32_t bottom,
                        cluster_row *row)
{
    const uint32_t columns = page_columns(&w->desc.shape, mip);
    const uint8_t *entry = pagewriter_entry(w, (vt_page){0, (uint8_t)mip, 0, (uint16_t)top});
    const size_t entries = (size_t)columns * (bottom - top) * w->desc.layer_count;
    row->first = UINT64_MAX;
    row->end = 0;
    for (size_t i = 0; i < entries; i++, entry += PAGEFILE_ENTRY_BYTES) {
        const uint64_t offset = format_get64(entry), end = offset + format_get32(entry + 8);
        row->first = offset < row->first ? offset : row->first;
        row->end = end > row->end ? end : row->end;
    }
}

static pagefile_status read_row(const spool *s, cluster_row *row)
{
    const size_t bytes = (size_t)(row->end - row->first);
    if (spool_room(bytes) > row->room_bytes) {
        free(row->room);
        row->room_bytes = spool_room(bytes);
        row->room = spool_allocate(row->room_bytes);
        if (row->room == NULL) {
            row->room_bytes = 0;
            return PAGEFILE_NO_MEMORY;
        }
    }
    row->bytes = spool_read(s, row->first, bytes, row->room);
    return row->bytes != NULL ? PAGEFILE_OK : PAGEFILE_READ_FAILED;
}

/* Copies the layers of one page, and writes their places into the index. A spool may be an earlier
 * process' work, on a machine that has lost power since: so checksums are verified. */
static pagefile_status copy_page(const pagewriter *w, vt_page p, const cluster_row *row, spool *out)
{
    uint8_t *entry = pagewriter_entry(w, p);
    for (uint32_t i = 0; i < w->desc.layer_count; i++, entry += PAGEFILE_ENTRY_BYTES) {
        const uint32_t bytes = format_get32(entry + 8);
        const uint8_t *from = row->bytes + (format_get64(entry) - row->first);
        if (crc32c(0, from, bytes) != format_get32(entry + 12)) {
            return PAGEFILE_BAD_CHECKSUM;
        }
        if (!spool_pad(out, PAGEFILE_ALIGN)) {
            return PAGEFILE_WRITE_FAILED;
        }
        format_put64(entry, out->bytes);
        if (!spool_append(out, from, bytes)) {
            return PAGEFILE_WRITE_FAILED;
        }
    }
    return PAGEFILE_OK;
}

/* Copies the pages of rows [top, top + PAGEFILE_CLUSTER), as far as they exist. */
static pagefile_status copy_clusters(const pagewriter *w, uint32_t mip, uint32_t top,
                                     const cluster_row *row, spool *out)
{
    const vt_shape *shape = &w->desc.shape;
    for (uint32_t left = 0; left < page_columns(shape, mip); left += PAGEFILE_CLUSTER) {
        const vt_page corner = {0, (uint8_t)mip, (uint16_t)left, (uint16_t)top};
        for (uint32_t code = 0; code < PAGEFILE_CLUSTER * PAGEFILE_CLUSTER; code++) {
            const vt_page p = page_of_cluster(corner, code);
            const pagefile_status status =
                page_exists(shape, p) ? copy_page(w, p, row, out) : PAGEFILE_OK;
            if (status != PAGEFILE_OK) {
                return status;
            }
        }
    }
    return PAGEFILE_OK;
}

static pagefile_status copy_mip(const pagewriter *w, uint32_t mip, spool *out)
{
    const uint32_t rows = page_rows(&w->desc.shape, mip);
    cluster_row row = {0};
    pagefile_status status = PAGEFILE_OK;
    for (uint32_t top = 0; top < rows && status == PAGEFILE_OK; top += PAGEFILE_CLUSTER) {
        find_extent(w, mip, top, smaller(top + PAGEFILE_CLUSTER, rows), &row);
        status = read_row(&w->spools[mip], &row);
        if (status == PAGEFILE_OK) {
            status = copy_clusters(w, mip, top, &row, out);
        }
    }
    free(row.room);
    return status;
}

/* Copies all mips, the coarsest first. The disk space of a spool is freed as soon as it is
 * copied. */
static pagefile_status copy_all_mips(pagewriter *w, spool *out)
{
    pagefile_status status = PAGEFILE_OK;
    for (uint32_t mip = w->desc.shape.mips; mip-- > 0 && status == PAGEFILE_OK;) {
        spool *s = &w->spools[mip];
        status = spool_flush(s) ? copy_mip(w, mip, out) : PAGEFILE_WRITE_FAILED;
        if (status == PAGEFILE_OK) {
            (void)ftruncate(s->fd, 0); /* if it fails, only disk space is wasted */
            spool_close(s);
        }
    }
    return status;
}

static void fill_layer(const vt_layer *layer, uint8_t *at)
{
    format_put32(at, (uint32_t)layer->format);
    format_put32(at + 4, (layer->srgb ? (uint32_t)PAGEFILE_FLAG_SRGB : 0) |
                             (layer->lossy ? (uint32_t)PAGEFILE_FLAG_LOSSY : 0));
    memcpy(at + 8, layer->name, strnlen(layer->name, VT_NAME_BYTES - 1));
}

static void fill_header(const pagewriter *w, uint64_t file_bytes, uint8_t *header)
{
    const pagewriter_desc *d = &w->desc;
    memset(header, 0, PAGEFILE_HEADER_BYTES);
    memcpy(header, PAGEFILE_MAGIC, PAGEFILE_MAGIC_BYTES);
    format_put32(header + PAGEFILE_AT_VERSION, PAGEFILE_VERSION);
    format_put32(header + PAGEFILE_AT_WIDTH, d->shape.width);
    format_put32(header + PAGEFILE_AT_HEIGHT, d->shape.height);
    format_put32(header + PAGEFILE_AT_BORDER, d->shape.border);
    format_put32(header + PAGEFILE_AT_MIPS, d->shape.mips);
    format_put32(header + PAGEFILE_AT_KIND, (uint32_t)d->kind);
    format_put32(header + PAGEFILE_AT_FLAGS, d->wrap_x ? PAGEFILE_FLAG_WRAP_X : 0);
    format_put32(header + PAGEFILE_AT_LAYERS, d->layer_count);
    format_put64(header + PAGEFILE_AT_FILE_BYTES, file_bytes);
    format_put64(header + PAGEFILE_AT_INDEX_OFFSET, PAGEFILE_HEADER_BYTES);
    format_put64(header + PAGEFILE_AT_INDEX_BYTES, w->index_bytes);
    format_put32(header + PAGEFILE_AT_INDEX_CRC, crc32c(0, w->index, (size_t)w->index_bytes));
    if (w->heights != NULL) {
        format_put32(header + PAGEFILE_AT_HEIGHTS_WIDTH, w->heights_width);
        format_put32(header + PAGEFILE_AT_HEIGHTS_HEIGHT, w->heights_height);
        format_put32(header + PAGEFILE_AT_HEIGHTS_CRC, crc32c(0, w->heights, w->heights_bytes));
        format_put64(header + PAGEFILE_AT_HEIGHTS_OFFSET, PAGEFILE_HEADER_BYTES + w->index_bytes);
        format_put64(header + PAGEFILE_AT_HEIGHTS_BYTES, w->heights_bytes);
    }
    for (uint32_t i = 0; i < d->layer_count; i++) {
        fill_layer(&d->layers[i], header + PAGEFILE_AT_LAYER + i * PAGEFILE_LAYER_BYTES);
    }
    format_put32(header + PAGEFILE_AT_CRC, format_header_crc(header));
}

/* Writes header and index into the room that was left for them at the front. */
static pagefile_status write_front(const pagewriter *w, spool *out)
{
    const size_t front = PAGEFILE_HEADER_BYTES + (size_t)w->index_bytes;
    const size_t whole = (front + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
    uint8_t *room = spool_allocate(whole + 2 * SPOOL_ALIGN);
    if (room == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    /* its last aligned piece also has the first bytes of what follows */
    const uint64_t last = whole - SPOOL_ALIGN;
    const size_t behind =
        (size_t)(out->bytes - last < SPOOL_ALIGN ? out->bytes - last : SPOOL_ALIGN);
    const uint8_t *tail = spool_read(out, last, behind, room + whole);
    pagefile_status status = PAGEFILE_READ_FAILED;
    if (tail != NULL) {
        memset(room, 0, whole);
        memcpy(room + last, tail, behind);
        memcpy(room + PAGEFILE_HEADER_BYTES, w->index, (size_t)w->index_bytes);
        fill_header(w, out->bytes, room);
        status = spool_overwrite(out, room, whole) ? PAGEFILE_OK : PAGEFILE_WRITE_FAILED;
    }
    free(room);
    return status;
}

static bool leave_room(spool *out, uint64_t bytes)
{
    static const uint8_t ZEROS[1 << 16];
    while (bytes > 0) {
        const size_t part = bytes < sizeof ZEROS ? (size_t)bytes : sizeof ZEROS;
        if (!spool_append(out, ZEROS, part)) {
            return false;
        }
        bytes -= part;
    }
    return true;
}

static pagefile_status write_world(pagewriter *w, spool *out)
{
    if (!leave_room(out, PAGEFILE_HEADER_BYTES + w->index_bytes) ||
        (w->heights != NULL && !spool_append(out, w->heights, w->heights_bytes))) {
        return PAGEFILE_WRITE_FAILED;
    }
    pagefile_status status = copy_all_mips(w, out);
    if (status == PAGEFILE_OK && !spool_flush(out)) {
        status = PAGEFILE_WRITE_FAILED;
    }
    if (status == PAGEFILE_OK) {
        status = write_front(w, out);
    }
    if (status == PAGEFILE_OK && fsync(out->fd) != 0) {
        status = PAGEFILE_WRITE_FAILED;
    }
    return status;
}

pagefile_status join_world(pagewriter *w)
{
    spool out;
    const int fd = work_file(w, WORK_WORLD);
    if (fd < 0 || !spool_open(&out, fd, 0)) {
        return PAGEFILE_WRITE_FAILED;
    }
    const pagefile_status status = write_world(w, &out);
    const int why = errno;
    spool_close(&out);
    errno = why;
    return status;
}
