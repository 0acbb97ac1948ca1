/* ramstore.c: see ramstore.h. */
#include "engine/ramstore.h"

#include "engine/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEADER_BYTES = SPOOL_ALIGN,
    VERSION = 1,
    MOST_FILES = 16,
    PATH_BYTES = 4096,
    CHUNK_BYTES = 256 << 10, /* of the image: written where anything lies in it */
};

static const char MAGIC[8] = {'M', 'E', 'G', 'A', 'R', 'A', 'M', '\n'};

/* As it is in the file, in this machine's order of bytes. */
typedef struct header {
    char magic[8];
    uint32_t version, row_bytes;
    uint64_t arena_bytes; /* of the whole arena */
    uint64_t image_bytes; /* of it that the file holds, from its beginning on */
    uint32_t pages, resident;
    uint32_t rows_crc, resident_crc; /* crc32c */
    uint32_t file_count;
    uint32_t file_crcs[MOST_FILES]; /* pagefile_info.identity of each page file */
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
    return pagefile_crc32c(0, h, offsetof(header, crc));
}

static void name_files(header *h, const ramstore_world *world)
{
    h->file_count = world->file_count;
    for (uint32_t i = 0; i < world->file_count && i < MOST_FILES; i++) {
        h->file_crcs[i] = pagefile_get_info(world->files[i])->identity;
    }
}

/* --- saving --- */

/* Where the rows begin: the image is padded to a whole piece. */
static uint64_t rows_at(const header *h)
{
    return HEADER_BYTES + (h->image_bytes + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
}

/* Bytes of the arena up to the last block that a page has, whole pieces of the file. */
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
        if (put < 0 && errno != EINTR) {
            return false;
        }
        done += put > 0 ? (size_t)put : 0;
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

/* Writes the chunks in use, past the page cache where the file system lets us: through it a
 * gigabyte costs seconds. What lies between them stays a hole. */
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

bool ramstore_save(ramtier *rt, const ramstore_world *world, const ramstore_resident *resident,
                   const char *path)
{
    char part[PATH_BYTES];
    if (snprintf(part, sizeof part, "%s.part", path) >= (int)sizeof part ||
        world->file_count > MOST_FILES) {
        errno = ENAMETOOLONG;
        return false;
    }
    header h = {.version = VERSION, .row_bytes = sizeof(ramtier_saved)};
    ramtier_saved *rows = ramtier_list(rt, &h.pages);
    const int fd = rows ? open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        free(rows);
        return false;
    }
    memcpy(h.magic, MAGIC, sizeof MAGIC);
    h.arena_bytes = ramtier_arena_bytes(rt);
    h.image_bytes = image_bytes_of(rows, h.pages, h.arena_bytes);
    h.resident = resident->count;
    h.rows_crc = pagefile_crc32c(0, rows, h.pages * sizeof *rows);
    h.resident_crc =
        pagefile_crc32c(0, resident->page_ids, resident->count * sizeof *resident->page_ids);
    name_files(&h, world);
    h.crc = header_crc(&h);
    const bool good = write_all(rt, rows, &h, resident, fd) && rename(part, path) == 0;
    const int why = errno;
    free(rows);
    if (!good) {
        (void)unlink(part);
    }
    (void)close(fd);
    errno = why;
    return good;
}

/* --- resuming --- */

static bool read_at(int fd, void *into, size_t bytes, uint64_t offset)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(fd, (uint8_t *)into + done, bytes - done, (off_t)(offset + done));
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static ramstore_status check_header(const header *h, const ramstore_world *world,
                                    uint64_t arena_bytes, uint64_t file_bytes)
{
    header now = {.version = 0};
    name_files(&now, world);
    if (memcmp(h->magic, MAGIC, sizeof MAGIC) != 0 || h->version != VERSION ||
        h->row_bytes != sizeof(ramtier_saved)) {
        return RAMSTORE_NOT_ONE;
    }
    if (h->crc != header_crc(h)) {
        return RAMSTORE_DAMAGED;
    }
    if (h->file_count != now.file_count ||
        memcmp(h->file_crcs, now.file_crcs, sizeof now.file_crcs) != 0) {
        return RAMSTORE_OTHER_WORLD;
    }
    if (h->arena_bytes != arena_bytes) {
        return RAMSTORE_OTHER_BUDGET;
    }
    const uint64_t tail = (uint64_t)h->pages * sizeof(ramtier_saved) + (uint64_t)h->resident * 4;
    return h->image_bytes <= h->arena_bytes && rows_at(h) + tail <= file_bytes ? RAMSTORE_OK
                                                                               : RAMSTORE_DAMAGED;
}

/* The arena: memory of our own, the file over its beginning. MAP_FAILED: it can't be had. */
static void *map_arena(int fd, const header *h)
{
    void *base = mmap(NULL, (size_t)h->arena_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED || h->image_bytes == 0) {
        return base;
    }
    if (mmap(base, (size_t)h->image_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
             HEADER_BYTES) == MAP_FAILED) {
        (void)munmap(base, (size_t)h->arena_bytes);
        return MAP_FAILED;
    }
    return base;
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
    const bool good = read_at(fd, *rows, row_bytes, rows_at(h)) &&
                      read_at(fd, resident->page_ids, ids, rows_at(h) + row_bytes);
    if (!good) {
        return RAMSTORE_CANNOT_READ;
    }
    return pagefile_crc32c(0, *rows, row_bytes) == h->rows_crc &&
                   pagefile_crc32c(0, resident->page_ids, ids) == h->resident_crc
               ? RAMSTORE_OK
               : RAMSTORE_DAMAGED;
}

/* The tier of an open file whose header is good. */
static ramstore_status take_up(int fd, const header *h, const ramtier_desc *desc, ramtier **out,
                               ramstore_resident *resident)
{
    ramtier_saved *rows = NULL;
    ramtier_desc with = *desc;
    ramstore_status status = read_lists(fd, h, &rows, resident);
    if (status == RAMSTORE_OK) {
        with.memory = map_arena(fd, h);
        status = with.memory == MAP_FAILED ? RAMSTORE_NO_MEMORY : RAMSTORE_OK;
    }
    if (status == RAMSTORE_OK) {
        with.saved = rows;
        with.saved_count = h->pages;
        *out = ramtier_create(&with);
        if (*out == NULL) { /* rows that agree with their checksum and not with each other */
            (void)munmap(with.memory, (size_t)h->arena_bytes);
            status = RAMSTORE_DAMAGED;
        }
    }
    free(rows);
    return status;
}

ramstore_status ramstore_resume(const char *path, const ramstore_world *world,
                                const ramtier_desc *desc, ramtier **out,
                                ramstore_resident *resident)
{
    header h;
    struct stat status;
    *out = NULL;
    *resident = (ramstore_resident){NULL, 0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? RAMSTORE_NONE : RAMSTORE_CANNOT_READ;
    }
    ramstore_status result = RAMSTORE_CANNOT_READ;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        result =
            read_at(fd, &h, sizeof h, 0)
                ? check_header(&h, world, ramtier_arena_bytes_of(desc), (uint64_t)status.st_size)
                : RAMSTORE_NOT_ONE;
        if (result == RAMSTORE_OK) {
            (void)unlink(path);
            result = take_up(fd, &h, desc, out, resident);
        }
    }
    (void)close(fd);
    return result;
}
