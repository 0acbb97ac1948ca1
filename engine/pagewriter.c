/* pagewriter.c: writing a .mega page file. The bytes are described in pagefile_format.h.
 *
 *     put ──▶ spool of mip 0 ─┐
 *     put ──▶ spool of mip 1 ─┤ commit: coarsest spool first, each in Morton order ──▶ part file
 *     put ──▶ …              ─┘                       header last, fsync, rename ──▶ final name
 *
 * A spool has no name (O_TMPFILE, or unlinked at once), so that even a killed process leaves none.
 * Pages lie in it as they came; Morton order is made when they are copied out, which costs no
 * memory. While pages come in, the index entries hold offsets in the spools. */
#include "engine/pagewriter.h"

#include "buddy/tree.h"
#include "engine/pagefile_format.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BYTES = 1 << 20, /* gathered before a write to the part file */
    PART_TRIES = 100,     /* names tried for the part file */
};

typedef struct spool {
    int fd;         /* -1: not opened yet */
    uint64_t bytes; /* written so far */
} spool;

/* Bytes on their way to the part file. fill <= COPY_BYTES - PAGEFILE_ALIGN between calls. */
typedef struct outflow {
    int fd;
    uint64_t offset; /* in the part file, of the next byte put */
    size_t fill;
    uint8_t buffer[COPY_BYTES];
} outflow;

/* missing == pages of the shape for which there was no put. */
struct pagewriter {
    pagewriter_desc desc;
    char *path;      /* the final name, ours */
    char *part_path; /* while the part file exists; else empty */
    size_t part_size;
    spool spools[PAGE_MAX_MIPS];
    uint8_t *index; /* as it will be in the file, but for offsets */
    uint64_t index_bytes;
    uint32_t missing;
    uint8_t *heights; /* as stored; NULL: none */
    uint32_t heights_bytes, heights_width, heights_height;
};

pagewriter_packed pagewriter_pack(texel_format format, const void *texels, bool compress)
{
    const int raw = (int)texel_page_bytes(format);
    pagewriter_packed packed = {.data = malloc((size_t)raw)};
    if (packed.data == NULL) {
        return packed;
    }
    int stored = 0;
    if (compress) { /* a result that would not be smaller does not fit, and gives 0 */
        stored = LZ4_compress_default(texels, (char *)packed.data, raw, raw - 1);
    }
    packed.codec = stored > 0 ? PAGEFILE_LZ4 : PAGEFILE_STORED;
    if (stored == 0) {
        memcpy(packed.data, texels, (size_t)raw);
        stored = raw;
    }
    packed.bytes = (uint32_t)stored;
    packed.checksum = format_crc32c(packed.data, packed.bytes);
    return packed;
}

/* Writes all of it at `offset`. */
static pagefile_status write_at(int fd, const void *data, size_t bytes, uint64_t offset)
{
    const uint8_t *at = data;
    while (bytes > 0) {
        const ssize_t put = pwrite(fd, at, bytes, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return PAGEFILE_WRITE_FAILED;
        }
        at += put;
        offset += (uint64_t)put;
        bytes -= (size_t)put;
    }
    return PAGEFILE_OK;
}

/* The directory that the target is in, from malloc. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return strdup(".");
    }
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Creates the part file beside the target, under a name that nobody has. */
static int open_part(pagewriter *w)
{
    for (int i = 0; i < PART_TRIES; i++) {
        snprintf(w->part_path, w->part_size, "%s.part%ld.%d", w->path, (long)getpid(), i);
        const int fd = open(w->part_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            return fd;
        }
    }
    return -1;
}

static void remove_part(pagewriter *w)
{
    const int why = errno;
    unlink(w->part_path);
    w->part_path[0] = '\0';
    errno = why;
}

/* A nameless file in the target's directory, so that it draws on the same disk. */
static int open_spool(pagewriter *w)
{
    char *directory = directory_of(w->path);
    if (directory == NULL) {
        return -1;
    }
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    free(directory);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        fd = open_part(w); /* a file system without nameless files */
        if (fd >= 0) {
            remove_part(w);
        }
    }
    if (fd < 0) {
        w->part_path[0] = '\0';
    }
    return fd;
}

/* Only a regular file, or none, may be replaced: a rename onto /dev/null would succeed. */
static pagefile_status check_target(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? PAGEFILE_OK : PAGEFILE_WRITE_FAILED;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
        return PAGEFILE_NOT_A_FILE;
    }
    return PAGEFILE_OK;
}

static bool allocate(pagewriter *w)
{
    const uint32_t pages = page_count(&w->desc.shape);
    w->missing = pages;
    w->index_bytes = (uint64_t)pages * w->desc.layer_count * PAGEFILE_ENTRY_BYTES;
    w->index = calloc(1, (size_t)w->index_bytes);
    w->path = strdup(w->desc.path);
    w->part_size = strlen(w->desc.path) + 48; /* ".part", a process number, ".", a number */
    w->part_path = calloc(1, w->part_size);
    return w->index != NULL && w->path != NULL && w->part_path != NULL;
}

pagefile_status pagewriter_create(const pagewriter_desc *desc, pagewriter **out)
{
    assert(desc->layer_count >= 1 && desc->layer_count <= VT_MAX_LAYERS);
    *out = NULL;
    const pagefile_status target = check_target(desc->path);
    if (target != PAGEFILE_OK) {
        return target;
    }
    pagewriter *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    w->desc = *desc;
    for (uint32_t mip = 0; mip < PAGE_MAX_MIPS; mip++) {
        w->spools[mip].fd = -1;
    }
    if (!allocate(w)) {
        pagewriter_abort(w);
        return PAGEFILE_NO_MEMORY;
    }
    w->spools[0].fd = open_spool(w); /* here, so that a bad directory is known before the work */
    if (w->spools[0].fd < 0) {
        const int why = errno;
        pagewriter_abort(w);
        errno = why;
        return PAGEFILE_WRITE_FAILED;
    }
    *out = w;
    return PAGEFILE_OK;
}

/* The index entry of layer 0 of p; those of its other layers follow. */
static uint8_t *entry_of(const pagewriter *w, vt_page p)
{
    const page_shape *shape = &w->desc.shape;
    const uint64_t page =
        format_first_page(shape, p.mip) + (uint64_t)p.y * page_columns(shape, p.mip) + p.x;
    return w->index + page * w->desc.layer_count * PAGEFILE_ENTRY_BYTES;
}

pagefile_status pagewriter_put(pagewriter *w, vt_page p, const pagewriter_packed packed[])
{
    assert(page_exists(&w->desc.shape, p));
    spool *s = &w->spools[p.mip];
    if (s->fd < 0) {
        s->fd = open_spool(w);
        if (s->fd < 0) {
            return PAGEFILE_WRITE_FAILED;
        }
    }
    uint8_t *entry = entry_of(w, p);
    assert(format_get32(entry + 8) == 0); /* each page just once */
    for (uint32_t i = 0; i < w->desc.layer_count; i++, entry += PAGEFILE_ENTRY_BYTES) {
        const pagefile_status status = write_at(s->fd, packed[i].data, packed[i].bytes, s->bytes);
        if (status != PAGEFILE_OK) {
            return status;
        }
        format_put64(entry, s->bytes);
        format_put32(entry + 8, packed[i].bytes);
        format_put32(entry + 12, packed[i].checksum);
        format_put32(entry + 16, (uint32_t)packed[i].codec);
        s->bytes += packed[i].bytes;
    }
    w->missing--;
    return PAGEFILE_OK;
}

pagefile_status pagewriter_put_heights(pagewriter *w, const int16_t *metres, uint32_t width,
                                       uint32_t height)
{
    assert(w->heights == NULL && width > 0 && width <= PAGEFILE_MAX_HEIGHTS && height > 0 &&
           height <= PAGEFILE_MAX_HEIGHTS && (uint64_t)width * height * 2 <= LZ4_MAX_INPUT_SIZE);
    const uint32_t count = width * height;
    const int room = LZ4_compressBound((int)(count * 2));
    uint8_t *raw = malloc((size_t)count * 2);
    w->heights = malloc((size_t)room);
    if (raw == NULL || w->heights == NULL) {
        free(raw);
        return PAGEFILE_NO_MEMORY; /* abort frees the other */
    }
    for (uint32_t i = 0; i < count; i++) {
        raw[2 * i] = (uint8_t)(uint16_t)metres[i];
        raw[2 * i + 1] = (uint8_t)((uint16_t)metres[i] >> 8);
    }
    w->heights_bytes = (uint32_t)LZ4_compress_default((const char *)raw, (char *)w->heights,
                                                      (int)(count * 2), room);
    w->heights_width = width;
    w->heights_height = height;
    free(raw);
    return PAGEFILE_OK;
}

static pagefile_status outflow_flush(outflow *o)
{
    const pagefile_status status = write_at(o->fd, o->buffer, o->fill, o->offset - o->fill);
    o->fill = 0;
    return status;
}

/* Fills up with zeros to the next aligned offset. There is room: see outflow_room. */
static void outflow_align(outflow *o)
{
    while (o->offset % PAGEFILE_ALIGN != 0) {
        o->buffer[o->fill++] = 0;
        o->offset++;
    }
}

/* Makes room for `bytes` that the caller writes at buffer + fill, then counts with outflow_add, and
 * for an outflow_align after them. */
static pagefile_status outflow_room(outflow *o, uint32_t bytes)
{
    return COPY_BYTES - o->fill < bytes + PAGEFILE_ALIGN ? outflow_flush(o) : PAGEFILE_OK;
}

static void outflow_add(outflow *o, uint32_t bytes)
{
    o->fill += bytes;
    o->offset += bytes;
}

/* Copies one layer of a page out of its spool and gives its entry its place. */
static pagefile_status copy_layer(const spool *s, uint8_t *entry, outflow *o)
{
    const uint32_t bytes = format_get32(entry + 8);
    outflow_align(o);
    const pagefile_status status = outflow_room(o, bytes);
    if (status != PAGEFILE_OK) {
        return status;
    }
    const ssize_t got = pread(s->fd, o->buffer + o->fill, bytes, (off_t)format_get64(entry));
    if (got != (ssize_t)bytes) {
        errno = got < 0 ? errno : EIO;
        return PAGEFILE_WRITE_FAILED;
    }
    format_put64(entry, o->offset);
    outflow_add(o, bytes);
    return PAGEFILE_OK;
}

/* Copies the pages of a mip in Morton order: aligned squares of pages lie together, whatever their
 * size, so clusters do. */
static pagefile_status copy_mip(pagewriter *w, uint32_t mip, outflow *o)
{
    const page_shape *shape = &w->desc.shape;
    const uint32_t columns = page_columns(shape, mip), rows = page_rows(shape, mip);
    const uint32_t side = page_next_power_of_two(columns > rows ? columns : rows);
    for (uint32_t code = 0; code < side * side; code++) {
        const vt_page p = {0, (uint8_t)mip, (uint16_t)morton_x(code), (uint16_t)morton_y(code)};
        if (!page_exists(shape, p)) {
            continue;
        }
        for (uint32_t i = 0; i < w->desc.layer_count; i++) {
            uint8_t *entry = entry_of(w, p) + i * PAGEFILE_ENTRY_BYTES;
            const pagefile_status status = copy_layer(&w->spools[mip], entry, o);
            if (status != PAGEFILE_OK) {
                return status;
            }
        }
    }
    return PAGEFILE_OK;
}

static void close_spool(spool *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

/* Coarsest first. A spool gives its disk space back as soon as it is copied. */
static pagefile_status copy_all_mips(pagewriter *w, int fd, uint64_t offset, uint64_t *end)
{
    outflow *o = malloc(sizeof *o);
    if (o == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    o->fd = fd;
    o->offset = offset;
    o->fill = 0;
    pagefile_status status = PAGEFILE_OK;
    for (uint32_t mip = w->desc.shape.mips; mip-- > 0 && status == PAGEFILE_OK;) {
        status = copy_mip(w, mip, o);
        close_spool(&w->spools[mip]);
    }
    if (status == PAGEFILE_OK) {
        status = outflow_flush(o);
    }
    *end = o->offset;
    free(o);
    return status;
}

static void fill_layer(const pagefile_layer *layer, uint8_t *at)
{
    format_put32(at, (uint32_t)layer->format);
    format_put32(at + 4, layer->srgb ? PAGEFILE_FLAG_SRGB : 0);
    memcpy(at + 8, layer->name, strnlen(layer->name, PAGEFILE_NAME_BYTES - 1));
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
    format_put32(header + PAGEFILE_AT_INDEX_CRC, format_crc32c(w->index, (size_t)w->index_bytes));
    if (w->heights != NULL) {
        format_put32(header + PAGEFILE_AT_HEIGHTS_WIDTH, w->heights_width);
        format_put32(header + PAGEFILE_AT_HEIGHTS_HEIGHT, w->heights_height);
        format_put32(header + PAGEFILE_AT_HEIGHTS_CRC, format_crc32c(w->heights, w->heights_bytes));
        format_put64(header + PAGEFILE_AT_HEIGHTS_OFFSET, PAGEFILE_HEADER_BYTES + w->index_bytes);
        format_put64(header + PAGEFILE_AT_HEIGHTS_BYTES, w->heights_bytes);
    }
    for (uint32_t i = 0; i < d->layer_count; i++) {
        fill_layer(&d->layers[i], header + PAGEFILE_AT_LAYER + i * PAGEFILE_LAYER_BYTES);
    }
    format_put32(header + PAGEFILE_AT_CRC, format_header_crc(header));
}

/* Writes everything into the part file, header last, and waits for the disk. */
static pagefile_status write_part(pagewriter *w, int fd)
{
    uint64_t offset = PAGEFILE_HEADER_BYTES + w->index_bytes;
    pagefile_status status = PAGEFILE_OK;
    if (w->heights != NULL) {
        status = write_at(fd, w->heights, w->heights_bytes, offset);
        offset += w->heights_bytes;
    }
    const uint64_t first = (offset + PAGEFILE_ALIGN - 1) / PAGEFILE_ALIGN * PAGEFILE_ALIGN;
    uint64_t file_bytes = 0;
    if (status == PAGEFILE_OK) {
        status = copy_all_mips(w, fd, first, &file_bytes);
    }
    if (status == PAGEFILE_OK) {
        status = write_at(fd, w->index, (size_t)w->index_bytes, PAGEFILE_HEADER_BYTES);
    }
    if (status == PAGEFILE_OK) {
        uint8_t header[PAGEFILE_HEADER_BYTES];
        fill_header(w, file_bytes, header);
        status = write_at(fd, header, sizeof header, 0);
    }
    if (status == PAGEFILE_OK && fsync(fd) != 0) {
        status = PAGEFILE_WRITE_FAILED;
    }
    return status;
}

/* Makes the rename itself survive a power cut. What the system refuses here changes nothing. */
static void sync_directory(const char *path)
{
    char *directory = directory_of(path);
    const int fd = directory != NULL ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(directory);
}

static pagefile_status commit_part(pagewriter *w)
{
    const int fd = open_part(w);
    if (fd < 0) {
        w->part_path[0] = '\0';
        return PAGEFILE_WRITE_FAILED;
    }
    pagefile_status status = write_part(w, fd);
    if (close(fd) != 0 && status == PAGEFILE_OK) {
        status = PAGEFILE_WRITE_FAILED;
    }
    if (status == PAGEFILE_OK && rename(w->part_path, w->path) != 0) {
        status = PAGEFILE_WRITE_FAILED;
    }
    if (status == PAGEFILE_OK) {
        w->part_path[0] = '\0';
        sync_directory(w->path);
    }
    return status;
}

pagefile_status pagewriter_commit(pagewriter *w)
{
    assert(w->missing == 0);
    const pagefile_status status = commit_part(w);
    const int why = errno;
    pagewriter_abort(w); /* after a success there is nothing left to remove */
    errno = why;
    return status;
}

void pagewriter_abort(pagewriter *w)
{
    if (w == NULL) {
        return;
    }
    for (uint32_t mip = 0; mip < PAGE_MAX_MIPS; mip++) {
        close_spool(&w->spools[mip]);
    }
    if (w->part_path != NULL && w->part_path[0] != '\0') {
        remove_part(w);
    }
    free(w->heights);
    free(w->index);
    free(w->part_path);
    free(w->path);
    free(w);
}
