#include "buddy/snapshot/format.h"

#include <string.h>

#include "buddy/heap/marks.h"
#include "buddy/snapshot/crc.h"

#define MAGIC_BYTES     8u
#define UNIT_BYTES_MOST (UINT32_C(1) << 20) /* heap.h's; sizes below it cannot overflow */

static const unsigned char magic[MAGIC_BYTES] = {'M', 'B', 'H', 'E', 'A', 'P', '\r', '\n'};

const char *buddy_snapshot_status_text(buddy_snapshot_status status)
{
#define X(name, text) text,
    static const char *const texts[] = {BUDDY_SNAPSHOT_STATUSES(X)};
#undef X
    return (size_t)status < sizeof texts / sizeof texts[0] ? texts[status] : "unknown status";
}

/* ---- where things are ---- */

static uint64_t round_to_part(uint64_t bytes)
{
    return (bytes + FORMAT_PART_BYTES - 1) / FORMAT_PART_BYTES * FORMAT_PART_BYTES;
}

format_layout format_plan(const format_header *header)
{
    format_layout l = {.roots_at = FORMAT_HEADER_BYTES};
    l.content_bytes = (uint64_t)header->used * header->unit_bytes;
    l.parts = round_to_part(l.content_bytes) / FORMAT_PART_BYTES;
    l.roots_bytes = (uint64_t)header->roots * FORMAT_ROOT_BYTES;
    l.parts_bytes = l.parts * FORMAT_CRC_BYTES;
    l.marks_bytes = header->used != 0 ? marks_bytes(header->used) : 0;
    l.parts_at = l.roots_at + l.roots_bytes;
    l.marks_at = l.parts_at + l.parts_bytes;
    l.content_at = round_to_part(l.marks_at + l.marks_bytes);
    l.file_bytes = l.content_at + l.content_bytes;
    return l;
}

uint32_t format_part_bytes(const format_layout *layout, uint64_t part)
{
    uint64_t left = layout->content_bytes - part * FORMAT_PART_BYTES;
    return left < FORMAT_PART_BYTES ? (uint32_t)left : FORMAT_PART_BYTES;
}

/* ---- the header ---- */

/* The byte order is what 1 looks like. */
static uint32_t order_mark(const unsigned char *at)
{
    uint32_t mark;
    memcpy(&mark, at, sizeof mark);
    return mark;
}

static uint32_t header_crc(const unsigned char bytes[FORMAT_HEADER_BYTES])
{
    static const unsigned char zero[FORMAT_CRC_BYTES];
    uint32_t crc = snapshot_crc(0, bytes, FORMAT_AT_CRC);
    crc = snapshot_crc(crc, zero, sizeof zero);
    uint32_t behind = FORMAT_AT_CRC + FORMAT_CRC_BYTES;
    return snapshot_crc(crc, bytes + behind, FORMAT_HEADER_BYTES - behind);
}

void format_seal(unsigned char bytes[FORMAT_HEADER_BYTES])
{
    format_put32(bytes + FORMAT_AT_CRC, header_crc(bytes));
}

void format_write(const format_header *header, unsigned char bytes[FORMAT_HEADER_BYTES])
{
    uint32_t mark = 1;
    memset(bytes, 0, FORMAT_HEADER_BYTES);
    memcpy(bytes, magic, MAGIC_BYTES);
    format_put32(bytes + 8, FORMAT_VERSION);
    memcpy(bytes + 16, &mark, sizeof mark);
    format_put32(bytes + 20, sizeof(void *));
    format_put32(bytes + 24, header->unit_bytes);
    format_put32(bytes + 28, FORMAT_PART_BYTES);
    format_put32(bytes + FORMAT_AT_MAX_UNITS, header->max_units);
    format_put32(bytes + FORMAT_AT_IN_PLAY, header->in_play);
    format_put32(bytes + FORMAT_AT_USED, header->used);
    format_put64(bytes + 48, header->base);
    format_put32(bytes + 56, header->live_units);
    format_put32(bytes + 60, header->live_blocks);
    format_put32(bytes + 64, header->roots);
    format_put32(bytes + FORMAT_AT_ROOTS_CRC, header->roots_crc);
    format_put32(bytes + FORMAT_AT_PARTS_CRC, header->parts_crc);
    format_put32(bytes + FORMAT_AT_MARKS_CRC, header->marks_crc);
    format_seal(bytes);
}

static bool sizes_are_possible(const format_header *h)
{
    return h->unit_bytes != 0 && (h->unit_bytes & (h->unit_bytes - 1)) == 0 &&
           h->unit_bytes <= UNIT_BYTES_MOST && h->max_units != UINT32_MAX && h->in_play != 0 &&
           h->in_play <= h->max_units && h->used <= h->in_play && h->live_units <= h->used &&
           h->live_blocks <= h->live_units && (h->live_blocks == 0) == (h->used == 0) &&
           h->roots <= BUDDY_SNAPSHOT_ROOTS_MOST &&
           (uint64_t)h->max_units * h->unit_bytes <= SIZE_MAX / 2;
}

static void read_fields(const unsigned char bytes[FORMAT_HEADER_BYTES], format_header *header)
{
    *header = (format_header){
        .unit_bytes = format_get32(bytes + 24),
        .max_units = format_get32(bytes + FORMAT_AT_MAX_UNITS),
        .in_play = format_get32(bytes + FORMAT_AT_IN_PLAY),
        .used = format_get32(bytes + FORMAT_AT_USED),
        .base = format_get64(bytes + 48),
        .live_units = format_get32(bytes + 56),
        .live_blocks = format_get32(bytes + 60),
        .roots = format_get32(bytes + 64),
        .roots_crc = format_get32(bytes + FORMAT_AT_ROOTS_CRC),
        .parts_crc = format_get32(bytes + FORMAT_AT_PARTS_CRC),
        .marks_crc = format_get32(bytes + FORMAT_AT_MARKS_CRC),
    };
}

buddy_snapshot_status format_read(const unsigned char bytes[FORMAT_HEADER_BYTES],
                                  format_header *header)
{
    if (memcmp(bytes, magic, MAGIC_BYTES) != 0) {
        return BUDDY_SNAPSHOT_FOREIGN;
    }
    if (format_get32(bytes + 8) != FORMAT_VERSION) {
        return BUDDY_SNAPSHOT_VERSION; /* before the checksum, which another version may have
                                          elsewhere */
    }
    if (format_get32(bytes + FORMAT_AT_CRC) != header_crc(bytes)) {
        return BUDDY_SNAPSHOT_HEADER_SUM;
    }
    if (order_mark(bytes + 16) != 1 || format_get32(bytes + 20) != sizeof(void *)) {
        return BUDDY_SNAPSHOT_MACHINE;
    }
    read_fields(bytes, header);
    return format_get32(bytes + 28) == FORMAT_PART_BYTES && sizes_are_possible(header)
               ? BUDDY_SNAPSHOT_OK
               : BUDDY_SNAPSHOT_SIZES;
}

bool format_name_is_good(const unsigned char *name)
{
    const unsigned char *end = memchr(name, 0, BUDDY_SNAPSHOT_NAME_BYTES);
    if (end == NULL || end == name) {
        return false;
    }
    while (end < name + BUDDY_SNAPSHOT_NAME_BYTES && *end == 0) {
        end++;
    }
    return end == name + BUDDY_SNAPSHOT_NAME_BYTES;
}
