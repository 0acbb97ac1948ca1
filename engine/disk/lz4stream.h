/* lz4stream.h: an LZ4 block unpacked a piece at a time, in memory that does not grow with it. A
 * block unpacks to up to 255 times its size, and the library's functions want all of that at once.
 *
 *     stored bytes ──from──▶ 256 KiB ──▶ the last 64 KiB and what is new ──read──▶ the caller's
 *
 * The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md. What a packer has to
 * leave at a block's end is not insisted on; all else is, so whatever is stored ends in an answer.
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
