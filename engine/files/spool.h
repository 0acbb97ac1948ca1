/* spool.h: writes a file from its beginning to its end, in large pieces that go past the page
 * cache.
 *
 * A world is larger than memory. Through the page cache each gigabyte of it costs seconds of
 * processor time and evicts what others keep there; aligned pieces written with O_DIRECT cost next
 * to nothing. Where the file system has no O_DIRECT the same pieces are written without it.
 *
 * Threads: one at a time. Errors: false, and errno says why. */
#ifndef MEGABUDDY_ENGINE_SPOOL_H
#define MEGABUDDY_ENGINE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPOOL_ALIGN = 4096,           /* bytes; of places, lengths and buffers for O_DIRECT */
    SPOOL_BUFFER_BYTES = 1 << 20, /* gathered before a write */
};

/* buffer[0 … fill) are the bytes [bytes - fill, bytes) of the file. */
typedef struct spool {
    int fd; /* -1: not open */
    uint64_t bytes;
    size_t fill;
    uint8_t *buffer; /* aligned */
} spool;

/* Takes over `fd`, open for reading and writing. The first `bytes` of the file, which an earlier
 * process wrote, are kept. On failure fd is closed. */
bool spool_open(spool *s, int fd, uint64_t bytes);
void spool_close(spool *s); /* what was not flushed is lost */

bool spool_append(spool *s, const void *data, size_t bytes);

/* Fills up with zeros to a multiple of `align`, at most SPOOL_ALIGN. */
bool spool_pad(spool *s, size_t align);

/* Writes all bytes to the file, which then ends with them. Appending may go on. */
bool spool_flush(spool *s);

/* Replaces the file's first bytes, all of them flushed; `data` and `bytes` are aligned. The file
 * ends where it did. */
bool spool_overwrite(spool *s, const void *data, size_t bytes);

/* Reads the bytes [offset, offset + bytes), all of them flushed. Returns where they lie in `room`,
 * which is aligned and has spool_room(bytes); NULL: errno says why. */
const uint8_t *spool_read(const spool *s, uint64_t offset, size_t bytes, uint8_t *room);
static inline size_t spool_room(size_t bytes)
{
    return (bytes + 3 * (size_t)SPOOL_ALIGN - 2) / SPOOL_ALIGN * SPOOL_ALIGN;
}

/* Memory with the alignment that spool_read and spool_overwrite want; free() frees it. NULL:
 * none. */
void *spool_allocate(size_t bytes);

#endif
