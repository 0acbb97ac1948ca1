/* pagefile.h: the .mega page file: what the disk holds of a world, and reading it.
 *
 *     0        header       256 bytes: shape, layers, kind, where the rest lies; its own crc32c
 *     …        index        one entry of 24 bytes a page and layer (all mips, row-major within a
 *                           mip, finest mip first; layers of a page side by side); its own crc32c
 *     …        heights      optional: a raster of int16 metres, LZ4, crc32c
 *     …        pages        coarsest mip first; within a mip in Morton order, so that each cluster,
 *                           up to 8x8 pages, lies together; the layers of a page side by side
 *
 * pagefile_format.h has the byte offsets. All numbers are little-endian. Every offset, length and
 * count is checked against the file's size with overflow-safe arithmetic before it is used; header
 * and index are read at opening and kept, pages are read with pread. A page's checksum covers its
 * stored bytes. Entries may overlap.
 *
 * Threads: open and close on one; everything in between on any, at once, without locks. */
#ifndef MEGABUDDY_ENGINE_PAGEFILE_H
#define MEGABUDDY_ENGINE_PAGEFILE_H

#include "engine/page/codec.h"
#include "engine/page/page.h"
#include "engine/page/texel.h"

typedef struct pagefile pagefile;

enum {
    PAGEFILE_VERSION = 2, /* written; version 1, with fewer formats and codecs, is read too */
    PAGEFILE_HEADER_BYTES = 256,
    PAGEFILE_ENTRY_BYTES = 24,
    PAGEFILE_CLUSTER = 8, /* pages a side of the largest cluster: one read can fetch it */
};

/* X(name, text): every way in which a page file can be refused. */
#define PAGEFILE_STATUSES(X)                                                             \
    X(PAGEFILE_OK, "fine")                                                               \
    X(PAGEFILE_CANNOT_OPEN, "cannot be opened")                                          \
    X(PAGEFILE_NOT_A_FILE, "is not a regular file")                                      \
    X(PAGEFILE_TOO_SHORT, "is too short to be a page file")                              \
    X(PAGEFILE_NOT_OURS, "is not a page file (wrong magic number)")                      \
    X(PAGEFILE_BAD_VERSION, "is of a version that this program does not read")           \
    X(PAGEFILE_BAD_HEADER, "has a damaged header")                                       \
    X(PAGEFILE_BAD_INDEX, "has a damaged index")                                         \
    X(PAGEFILE_TRUNCATED, "is truncated")                                                \
    X(PAGEFILE_READ_FAILED, "could not be read")                                         \
    X(PAGEFILE_BAD_CHECKSUM, "has a page whose checksum does not match")                 \
    X(PAGEFILE_BAD_PAGE, "has a page that does not decode")                              \
    X(PAGEFILE_NO_PAGE, "has no such page")                                              \
    X(PAGEFILE_WRITE_FAILED, "could not be written")                                     \
    X(PAGEFILE_NO_MEMORY, "needs more memory than there is")                             \
    X(PAGEFILE_BUSY, "is being written by another program")                              \
    X(PAGEFILE_UNSAFE, "has a folder .part that is a link, another's or open to others") \
    X(PAGEFILE_LARGE_INDEX, "has a larger index than the budget allows")

#define X(name, text) name,
typedef enum pagefile_status { PAGEFILE_STATUSES(X) } pagefile_status;
#undef X

const char *pagefile_status_text(pagefile_status status);

/* Where one layer of one page lies. */
typedef struct pagefile_entry {
    uint64_t offset;   /* bytes from the start of the file */
    uint32_t bytes;    /* as stored; 1 … TEXEL_PAGE_MAX_BYTES */
    uint32_t checksum; /* crc32c of the stored bytes */
    page_codec codec;
} pagefile_entry;

/* Opens `path` for reading. On PAGEFILE_OK *out is to be closed; otherwise it is NULL, and errno
 * says more after PAGEFILE_CANNOT_OPEN and PAGEFILE_READ_FAILED. */
pagefile_status pagefile_open(const char *path, pagefile **out);
void pagefile_close(pagefile *file); /* NULL does nothing */

/* The same with a limit: PAGEFILE_LARGE_INDEX when the open file would hold more than most_bytes,
 * before memory for it is allocated. */
pagefile_status pagefile_open_within(const char *path, uint64_t most_bytes, pagefile **out);

const vt_info *pagefile_get_info(const pagefile *file);

/* The bytes that an open file holds in memory, its index included: part of the RAM budget. */
size_t pagefile_memory_bytes(const pagefile *file);

/* Where layer `layer` of page p lies (p.texture is not looked at). PAGEFILE_NO_PAGE when the shape
 * has no such page or layer, PAGEFILE_BAD_INDEX when the entry points outside the file or names a
 * codec that this version or this layer's format does not have. */
pagefile_status pagefile_find(const pagefile *file, vt_page p, uint32_t layer, pagefile_entry *out);

/* Reads the stored bytes of an entry into `buffer` (entry->bytes of it) and checks them. Blocks on
 * the disk. Thread-safe. */
pagefile_status pagefile_read(const pagefile *file, const pagefile_entry *entry, void *buffer);

/* For callers that read several entries at once: the file's descriptor, and whether bytes that were
 * read are those of an entry. Thread-safe. */
int pagefile_descriptor(const pagefile *file);
bool pagefile_is_intact(const pagefile_entry *entry, const void *stored);

/* A row of heights: heights_width int16 metres, until it returns. */
typedef void pagefile_take_row(void *context, uint32_t row, const int16_t *metres);

/* Reads, checks and unpacks the raster of heights, and gives it to `take` row by row, top down
 * (NULL: only checks it). Takes half a megabyte, however much the stored bytes unpack to. The rows
 * may be used only if it returns PAGEFILE_OK, since damage may show at the end. PAGEFILE_NO_PAGE
 * when the file has no heights. Thread-safe. */
pagefile_status pagefile_scan_heights(const pagefile *file, pagefile_take_row *take, void *context);

#endif
