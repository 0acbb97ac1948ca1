/* exif.c: reads the orientation out of Exif data, which are the header of a TIFF and its first
 * directory: "II*\0" or "MM\0*", the directory's offset, its number of entries, and the entries of
 * 12 bytes: tag, type, count, value. */
#include "tools/bake/inputs/exif.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_BYTES = 65536, /* of Exif data: a JPEG's segment is no longer */
    TAG_ORIENTATION = 0x0112,
    TYPE_SHORT = 3,
    ENTRY_BYTES = 12,
    MOST_STEPS = 10000,
    MOST_CHUNKS = 1 << 20, /* libpng writes texels in chunks of 8 KiB: 8 GiB of them */
};

typedef struct exif_bytes {
    uint8_t at[MOST_BYTES];
    size_t count;
    bool little; /* the low byte first */
} exif_bytes;

static uint32_t number(const uint8_t *at, uint32_t bytes, bool little)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        value = value << 8 | at[little ? bytes - 1 - i : i];
    }
    return value;
}

/* The value of an entry that is an orientation; 0 of any other. */
static uint32_t orientation_of(const exif_bytes *e, const uint8_t *entry)
{
    const uint32_t value = number(entry + 8, 2, e->little);
    const bool is_one = number(entry, 2, e->little) == TAG_ORIENTATION &&
                        number(entry + 2, 2, e->little) == TYPE_SHORT && value <= 8;
    return is_one ? value : 0;
}

static uint32_t find_orientation(exif_bytes *e)
{
    e->little = e->count >= 8 && memcmp(e->at, "II*\0", 4) == 0;
    if (!e->little && (e->count < 8 || memcmp(e->at, "MM\0*", 4) != 0)) {
        return 1;
    }
    size_t next = number(e->at + 4, 4, e->little);
    if (next > e->count || e->count - next < 2) {
        return 1;
    }
    uint32_t entries = number(e->at + next, 2, e->little), found = 0;
    for (next += 2; entries > 0 && e->count - next >= ENTRY_BYTES && found == 0; entries--) {
        found = orientation_of(e, e->at + next);
        next += ENTRY_BYTES;
    }
    return found != 0 ? found : 1;
}

/* Reads Exif data, at most MOST_BYTES, that begin at `at`. */
static uint32_t read_orientation(int fd, uint64_t at, uint64_t bytes)
{
    exif_bytes e = {.count = 0};
    const size_t most = bytes < MOST_BYTES ? (size_t)bytes : MOST_BYTES;
    ssize_t got = 1;
    while (e.count < most && got > 0) {
        got = pread(fd, e.at + e.count, most - e.count, (off_t)(at + e.count));
        e.count += got > 0 ? (size_t)got : 0;
    }
    return find_orientation(&e);
}

/* A JPEG's segments: a byte ff, the kind, and for most kinds a length of two bytes, which counts
 * itself. Exif data lie before the first scan, so the search ends there. */
uint32_t exif_of_jpeg(int fd)
{
    uint64_t at = 2;
    uint8_t head[10];
    uint32_t steps = 0; /* bounds a file that is all filler */
    while (steps++ < MOST_STEPS && pread(fd, head, sizeof head, (off_t)at) == sizeof head &&
           head[0] == 0xff && head[1] != 0xda) {
        const uint32_t bytes = number(head + 2, 2, false);
        const bool is_filler = head[1] == 0xff;
        if (head[1] == 0xe1 && bytes > 8 && memcmp(head + 4, "Exif\0", 6) == 0) {
            return read_orientation(fd, at + 10, bytes - 8);
        }
        if (!is_filler && bytes < 2) {
            return 1;
        }
        at += is_filler ? 1 : 2 + bytes;
    }
    return 1;
}

/* A PNG's chunks: a length of four bytes, a name, the data, a checksum. Some writers put Exif data
 * behind the texels, so all chunks are searched. */
uint32_t exif_of_png(int fd)
{
    uint64_t at = 8;
    uint8_t head[8];
    uint32_t chunks = 0; /* bounds a file that is all empty chunks */
    while (chunks++ < MOST_CHUNKS && pread(fd, head, sizeof head, (off_t)at) == sizeof head &&
           memcmp(head + 4, "IEND", 4) != 0) {
        const uint32_t bytes = number(head, 4, false);
        if (memcmp(head + 4, "eXIf", 4) == 0) {
            return read_orientation(fd, at + sizeof head, bytes);
        }
        at += (uint64_t)bytes + 12;
    }
    return 1;
}
