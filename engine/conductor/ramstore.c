/* ramstore.c: see ramstore.h. */
#include "engine/conductor/ramstore.h"

#include "engine/files/replace.h"
#include "engine/files/spool.h"
#include "engine/page/crc32c.h"
#include "engine/vram/atlas.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_BYTES = SPOOL_ALIGN,
    VERSION = 1,
    MOST_FILES = 16,
    MOST_RESIDENT = ATLAS_MAX_COLUMNS * ATLAS_MAX_COLUMNS,
    CHUNK_BYTES = 256 << 10, /* of the image: written where anything lies in it */
};

static const char MAGIC[8] = {'M', 'E', 'G', 'A', 'R', 'A', 'M', '\n'};

/* The header as it lies in the file, in this machine's byte order. Its length and the places of
 * magic and crc are the same in every version: by them a file is known to be one of ours. */
typedef struct header {
    char magic[8];
    uint32_t version, row_bytes;
    uint64_t arena_bytes; /* of the whole arena */
    uint64_t image_bytes; /* of it that the file holds, from its beginning on */
    uint32_t pages, resident;
    uint32_t rows_crc, resident_crc; /* crc32c */
    uint32_t file_count;
    uint32_t file_crcs[MOST_FILES]; /* vt_info.identity of each page file */
    uint32_t crc;                   /* of all before it */
} header;

static_assert(sizeof(header) <= HEADER_BYTES, "a header is one aligned piece");

const char *ramstore_status_text(ramstore_status status)
{
#define X(name, text) [name] = text,
    static const char *const TEXTS[] = {RAMSTORE_STATUSES(X)};
#undef X
    return TEXTS[status];
}

static uint32_t header_crc(const header *h)
{
    return crc32c(0, h, offsetof(header, crc));
}

static void name_files(header *h, const ramstore_world *world)
{
    h->file_count = world->file_count;
    for (uint32_t i = 0; i < world->file_count && i < MOST_FILES; i++) {
        h->file_crcs[i] = pagefile_get_info(world->files[i])->identity;
    }
}

static bool is_header(const header *h)
{
    return memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && h->crc == header_crc(h);
}

/* Whether an open file may be written over: it is this user's, and is empty or an earlier run's. */
static bool may_go(int fd)
{
    header h;
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
           (st.st_size == 0 || (regular_read_at(fd, &h, sizeof h, 0) && is_header(&h)));
}

/* ---- saving ---- */

/* Where the rows begin: the image is padded to a whole piece. */
static uint64_t rows_at(const header *h)
{
    return HEADER_BYTES + (h->image_bytes + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
}

/* Bytes of the arena up to the end of the last block that a page has, rounded up to SPOOL_ALIGN. */
static uint64_t image_bytes_of(const ramtier_saved *rows, uint32_t count, uint64_t arena_bytes)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < rows[i].piece_count; k++) {
            const buddy_block *b = &rows[i].pieces[k];
            const uint64_t last = (b->offset + (UINT64_C(1) << b->order)) * RAMTIER_UNIT_BYTES;
            end = last > end ? last : end;
        }
    }
    const uint64_t whole = (end + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
    return whole < arena_bytes ? whole : arena_bytes;
}

static bool write_at(int fd, const void *data, size_t bytes, uint64_t offset)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t put =
            pwrite(fd, (const uint8_t *)data + done, bytes - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        done += (size_t)put;
    }
    return true;
}

/* Marks the chunks of the image that pages lie in. */
static void mark_chunks(const ramtier_saved *rows, uint32_t count, uint8_t *used)
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < rows[i].piece_count; k++) {
            const buddy_block *b = &rows[i].pieces[k];
            const uint64_t from = (uint64_t)b->offset * RAMTIER_UNIT_BYTES;
            const uint64_t last = from + ((uint64_t)RAMTIER_UNIT_BYTES << b->order) - 1;
            memset(used + from / CHUNK_BYTES, 1, last / CHUNK_BYTES - from / CHUNK_BYTES + 1);
        }
    }
}

/* Writes the chunks in use, by O_DIRECT where the file system allows it: through the page cache a
 * gigabyte costs seconds. Chunks that no page lies in stay holes. */
static bool write_image(int fd, const uint8_t *base, uint64_t bytes, const uint8_t *used)
{
    const int flags = fcntl(fd, F_GETFL);
    bool good = true;
    for (uint64_t at = 0; at < bytes && good; at += CHUNK_BYTES) {
        const uint64_t rest = bytes - at;
        const size_t piece = (size_t)(rest < CHUNK_BYTES ? rest : CHUNK_BYTES);
        if (!used[at / CHUNK_BYTES]) {
            continue;
        }
        const bool direct = piece % SPOOL_ALIGN == 0 && fcntl(fd, F_SETFL, flags | O_DIRECT) == 0 &&
                            write_at(fd, base + at, piece, HEADER_BYTES + at);
        (void)fcntl(fd, F_SETFL, flags);
        good = direct || write_at(fd, base + at, piece, HEADER_BYTES + at);
    }
    return good;
}

static bool write_all(ramtier *rt, const ramtier_saved *rows, const header *h,
                      const ramstore_resident *resident, int fd)
{
    uint8_t *used = calloc(1, (size_t)(h->image_bytes / CHUNK_BYTES) + 1);
    const size_t row_bytes = h->pages * sizeof *rows;
    if (used == NULL) {
        return false;
    }
    mark_chunks(rows, h->pages, used);
    const bool good = write_image(fd, ramtier_base(rt), h->image_bytes, used) &&
                      write_at(fd, rows, row_bytes, rows_at(h)) &&
                      write_at(fd, resident->page_ids, h->resident * sizeof *resident->page_ids,
                               rows_at(h) + row_bytes) &&
                      write_at(fd, h, sizeof *h, 0); /* last: without it the rest is nothing */
    free(used);
    return good;
}

static header describe(ramtier *rt, const ramstore_world *world, const ramtier_saved *rows,
                       uint32_t pages, const ramstore_resident *resident)
{
    header h;
    memset(&h, 0, sizeof h); /* the gaps too: they are written to a file */
    h.version = VERSION;
    h.row_bytes = sizeof *rows;
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    h.pages = pages;
    h.arena_bytes = ramtier_arena_bytes(rt);
    h.image_bytes = image_bytes_of(rows, pages, h.arena_bytes);
    h.resident = resident->count;
    h.rows_crc = crc32c(0, rows, pages * sizeof *rows);
    h.resident_crc = crc32c(0, resident->page_ids, resident->count * sizeof *resident->page_ids);
    name_files(&h, world);
    h.crc = header_crc(&h);
    return h;
}

static replacement *begin(const char *path)
{
    return replace_begin(&(replace_desc){path, 0600, may_go});
}

bool ramstore_possible(const char *path)
{
    replacement *r = begin(path);
    replace_drop(r);
    return r != NULL;
}

bool ramstore_save(ramtier *rt, const ramstore_world *world, const ramstore_resident *resident,
                   const char *path)
{
    uint32_t pages = 0;
    if (world->file_count > MOST_FILES) {
        errno = E2BIG;
        return false;
    }
    replacement *r = begin(path); /* before pages are read for it */
    ramtier_saved *rows = r != NULL ? ramtier_list(rt, &pages) : NULL;
    if (rows == NULL) {
        replace_drop(r);
        return false;
    }
    const header h = describe(rt, world, rows, pages, resident);
    const bool written = write_all(rt, rows, &h, resident, replace_fd(r));
    const int why = errno;
    free(rows);
    errno = why;
    if (!written) {
        replace_drop(r);
    }
    return written && replace_commit(r);
}

/* ---- resuming ---- */

/* Whether a tier of `desc` can have written these counts, and the file has room for them. The
 * file's length alone bounds nothing: it may be sparse. */
static bool are_counts_sound(const header *h, const ramtier_desc *desc, uint64_t file_bytes)
{
    const uint64_t tail = (uint64_t)h->pages * sizeof(ramtier_saved) + (uint64_t)h->resident * 4;
    return h->pages <= ramtier_max_pages_of(desc) && h->resident <= MOST_RESIDENT &&
           h->image_bytes <= h->arena_bytes && rows_at(h) + tail <= file_bytes;
}

static ramstore_status check_header(const header *h, const ramstore_world *world,
                                    const ramtier_desc *desc, uint64_t file_bytes)
{
    header now = {.version = 0};
    name_files(&now, world);
    if (!is_header(h)) {
        return RAMSTORE_NOT_ONE;
    }
    if (h->version != VERSION || h->row_bytes != sizeof(ramtier_saved)) {
        return RAMSTORE_OTHER_VERSION;
    }
    if (h->file_count != now.file_count ||
        memcmp(h->file_crcs, now.file_crcs, sizeof now.file_crcs) != 0) {
        return RAMSTORE_OTHER_WORLD;
    }
    if (h->arena_bytes != ramtier_arena_bytes_of(desc)) {
        return RAMSTORE_OTHER_BUDGET;
    }
    return are_counts_sound(h, desc, file_bytes) ? RAMSTORE_OK : RAMSTORE_DAMAGED;
}

/* Reads rows and residents. */
static ramstore_status read_lists(int fd, const header *h, ramtier_saved **rows,
                                  ramstore_resident *resident)
{
    const size_t row_bytes = h->pages * sizeof **rows, ids = h->resident * sizeof(uint32_t);
    *rows = malloc(row_bytes + 1); /* 0 bytes may be NULL */
    resident->page_ids = malloc(ids + 1);
    if (*rows == NULL || resident->page_ids == NULL) {
        return RAMSTORE_NO_MEMORY;
    }
    resident->count = h->resident;
    const bool good = regular_read_at(fd, *rows, row_bytes, rows_at(h)) &&
                      regular_read_at(fd, resident->page_ids, ids, rows_at(h) + row_bytes);
    if (!good) {
        return RAMSTORE_CANNOT_READ;
    }
    return crc32c(0, *rows, row_bytes) == h->rows_crc &&
                   crc32c(0, resident->page_ids, ids) == h->resident_crc
               ? RAMSTORE_OK
               : RAMSTORE_DAMAGED;
}

/* Makes the tier of an open file whose header is good. The tier then owns the file. */
static ramstore_status take_up(int fd, const header *h, const ramtier_desc *desc, ramtier **out,
                               ramstore_resident *resident)
{
    ramtier_saved *rows = NULL;
    ramtier_desc with = *desc;
    ramstore_status status = read_lists(fd, h, &rows, resident);
    if (status == RAMSTORE_OK) {
        with.saved = rows;
        with.saved_count = h->pages;
        with.saved_fd = fd;
        with.saved_at = HEADER_BYTES;
        *out = ramtier_create(&with);
        status = *out != NULL       ? RAMSTORE_OK
                 : errno == EBADMSG ? RAMSTORE_DAMAGED /* although the checksum is right */
                                    : RAMSTORE_NO_MEMORY;
    }
    free(rows);
    return status;
}

/* Whether an open file may be resumed from: it is this user's, and its header fits this run. */
static ramstore_status look_at(int fd, const struct stat *st, const ramstore_world *world,
                               const ramtier_desc *desc, header *h)
{
    if (st->st_size == 0) {
        return RAMSTORE_NONE;
    }
    if (st->st_uid != geteuid()) {
        return RAMSTORE_FOREIGN;
    }
    return regular_read_at(fd, h, sizeof *h, 0)
               ? check_header(h, world, desc, (uint64_t)st->st_size)
               : RAMSTORE_NOT_ONE;
}

/* Removes the name of an open file, unless the name has come to mean another file. */
static void remove_name(const char *name, const struct stat *open)
{
    struct stat named;
    if (lstat(name, &named) == 0 && named.st_dev == open->st_dev && named.st_ino == open->st_ino) {
        (void)unlink(name); /* where that fails it is written over at the end */
    }
}

static ramstore_status open_file(const char *name, int *fd, struct stat *st)
{
    *fd = regular_fd(name, st);
    return *fd >= 0                              ? RAMSTORE_OK
           : errno == ENOENT                     ? RAMSTORE_NONE
           : errno == ENOTSUP || errno == EISDIR ? RAMSTORE_NOT_A_FILE
                                                 : RAMSTORE_CANNOT_READ;
}

ramstore_status ramstore_resume(const char *path, const ramstore_world *world,
                                const ramtier_desc *desc, ramtier **out,
                                ramstore_resident *resident)
{
    int fd = -1;
    header h;
    struct stat st;
    *out = NULL;
    *resident = (ramstore_resident){NULL, 0};
    char *name = replace_target(path);
    ramstore_status status = name != NULL ? open_file(name, &fd, &st) : RAMSTORE_CANNOT_READ;
    if (status == RAMSTORE_OK) {
        status = look_at(fd, &st, world, desc, &h);
    }
    if (status == RAMSTORE_OK) {
        status = take_up(fd, &h, desc, out, resident);
    }
    if (status == RAMSTORE_OK) {
        remove_name(name, &st); /* not before: what can't be taken up now may be next time */
    }
    if (fd >= 0 && *out == NULL) {
        (void)close(fd);
    }
    free(name);
    return status;
}
