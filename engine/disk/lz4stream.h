/* lz4stream.h: unpacks an LZ4 block piece by piece, in memory that does not grow with it. A block
 * unpacks to up to 255 times its size, and the library's functions want all of that at once.
 *
 *     stored bytes ──from──▶ 256 KiB ──▶ the last 64 KiB and what is new ──read──▶ the caller's
 *
 * The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. The rules for a block's
 * last bytes, which only packers have to keep, are not checked; all else is, so that any stored
 * bytes end in an answer.
 *
 * Threads: one. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_LZ4STREAM_H
#define MEGABUDDY_ENGINE_LZ4STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lz4stream lz4stream;

/* Where stored bytes come from: writes up to `room` bytes to `buffer` and returns how many; 0 when
 * there are no more, or they cannot be had. */
typedef size_t lz4stream_from(void *context, void *buffer, size_t room);

lz4stream *lz4stream_create(lz4stream_from *from, void *context); /* NULL: no memory */
void lz4stream_destroy(lz4stream *s);                             /* NULL does nothing */

/* The next `bytes` bytes, unpacked. False: the block ends before, or is damaged. */
bool lz4stream_read(lz4stream *s, void *out, size_t bytes);

/* Whether the block ends here, and well. */
bool lz4stream_ends(lz4stream *s);

#endif
