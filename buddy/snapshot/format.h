/* snapshot/format.h: the bytes of a saved heap's header, and where the rest lies; the picture of
 * the whole is in snapshot.h. Private to buddy/; pure functions.
 *
 *     at  bytes                               at  bytes
 *     0   8      "MBHEAP\r\n"                 48  8   the address of its base
 *     8   4      version                      56  4   live units
 *     12  4      crc32c of the 128 bytes      60  4   live blocks
 *                with these four zero         64  4   roots
 *     16  4      1 in the machine's order     68  4   crc32c of the roots
 *     20  4      bytes of a pointer           72  4   crc32c of the parts
 *     24  4      bytes of a unit              76  4   crc32c of the marks
 *     28  4      bytes of a part              80  48  zero
 *     32  4      units at most
 *     36  4      units in play
 *     40  4      units up to the end of the last live block
 *     44  4      zero */
#ifndef BUDDY_SNAPSHOT_FORMAT_H
#define BUDDY_SNAPSHOT_FORMAT_H

#include "buddy/snapshot.h"

#define FORMAT_VERSION      1u
#define FORMAT_HEADER_BYTES 128u
#define FORMAT_AT_CRC       12u
#define FORMAT_AT_MAX_UNITS 32u
#define FORMAT_AT_IN_PLAY   36u
#define FORMAT_AT_USED      40u
#define FORMAT_AT_ROOTS_CRC 68u
#define FORMAT_AT_PARTS_CRC 72u
#define FORMAT_AT_MARKS_CRC 76u
#define FORMAT_ROOT_BYTES   64u
#define FORMAT_CRC_BYTES    4u
/* Whole pages, also where pages are large: content begins at a multiple of it, to be mapped. */
#define FORMAT_PART_BYTES UINT32_C(65536)

_Static_assert(FORMAT_ROOT_BYTES == BUDDY_SNAPSHOT_NAME_BYTES + sizeof(uint64_t),
               "a name and an offset");

/* What a header says. used <= in_play <= max_units; live_blocks <= live_units <= used. */
typedef struct format_header {
    uint32_t unit_bytes;
    uint32_t max_units;
    uint32_t in_play; /* units */
    uint32_t used;    /* units up to the end of the last live block */
    uint64_t base;    /* the address it was saved from */
    uint32_t live_units, live_blocks;
    uint32_t roots;
    uint32_t roots_crc, parts_crc, marks_crc;
} format_header;

/* What follows from a header: where in the file things are, in bytes. */
typedef struct format_layout {
    uint64_t roots_at, parts_at, marks_at, content_at, file_bytes;
    uint64_t roots_bytes, parts_bytes, marks_bytes, content_bytes;
    uint64_t parts;
} format_layout;

static inline uint32_t format_get32(const unsigned char *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t format_get64(const unsigned char *at)
{
    return format_get32(at) | (uint64_t)format_get32(at + 4) << 32;
}

static inline void format_put32(unsigned char *at, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> 8 * i);
    }
}

static inline void format_put64(unsigned char *at, uint64_t value)
{
    format_put32(at, (uint32_t)value);
    format_put32(at + 4, (uint32_t)(value >> 32));
}

/* Precondition: the header's invariants hold. */
format_layout format_plan(const format_header *header);

/* The bytes of a part: FORMAT_PART_BYTES, fewer in the last. */
uint32_t format_part_bytes(const format_layout *layout, uint64_t part);

void format_write(const format_header *header, unsigned char bytes[FORMAT_HEADER_BYTES]);

/* Writes the checksum of a header into it. */
void format_seal(unsigned char bytes[FORMAT_HEADER_BYTES]);

/* Reads what format_write wrote. BUDDY_SNAPSHOT_OK when the header's invariants hold. */
buddy_snapshot_status format_read(const unsigned char bytes[FORMAT_HEADER_BYTES],
                                  format_header *header);

/* NULL-terminated, not empty, and nothing but zeroes behind it. */
bool format_name_is_good(const unsigned char *name);

#endif
