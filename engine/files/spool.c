/* spool.c: bytes gather in a buffer that is written in aligned pieces; the last, unaligned one
 * stays in the buffer until the file has grown. */
#include "engine/files/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *spool_allocate(size_t bytes)
{
    const size_t whole = (bytes + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
    return aligned_alloc(SPOOL_ALIGN, whole > 0 ? whole : SPOOL_ALIGN);
}

/* Writes all of it at `offset`. */
static bool write_all(int fd, const uint8_t *at, size_t bytes, uint64_t offset)
{
    while (bytes > 0) {
        const ssize_t put = pwrite(fd, at, bytes, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        if ((size_t)put < bytes && put % SPOOL_ALIGN != 0) {
            errno = ENOSPC; /* only a full disk cuts a piece so, and the next would be unaligned */
            return false;
        }
        at += put;
        offset += (uint64_t)put;
        bytes -= (size_t)put;
    }
    return true;
}

/* Reads up to `bytes`, less only where the file ends. Returns how many, or -1. */
static ssize_t read_all(int fd, uint8_t *at, size_t bytes, uint64_t offset)
{
    size_t done = 0;
    while (done < bytes) {
        const ssize_t got = pread(fd, at + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        done += (size_t)got;
        if (got == 0 || got % SPOOL_ALIGN != 0) {
            break;
        }
    }
    return (ssize_t)done;
}

/* Keeps the first `bytes` of the file, and reads the unaligned rest of them into the buffer. */
static bool keep(spool *s, uint64_t bytes)
{
    const size_t rest = (size_t)(bytes % SPOOL_ALIGN);
    if (rest > 0) {
        const ssize_t got = read_all(s->fd, s->buffer, SPOOL_ALIGN, bytes - rest);
        if (got < (ssize_t)rest) {
            errno = got < 0 ? errno : EIO;
            return false;
        }
    }
    s->bytes = bytes;
    s->fill = rest;
    return ftruncate(s->fd, (off_t)bytes) == 0;
}

bool spool_open(spool *s, int fd, uint64_t bytes)
{
    *s = (spool){.fd = fd, .buffer = spool_allocate(SPOOL_BUFFER_BYTES)};
    const int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_DIRECT); /* where this fails it works without */
    if (s->buffer == NULL || !keep(s, bytes)) {
        const int why = s->buffer == NULL ? ENOMEM : errno;
        spool_close(s);
        errno = why;
        return false;
    }
    return true;
}

void spool_close(spool *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->buffer);
    *s = (spool){.fd = -1};
}

/* Writes the buffer as far as it is aligned, and keeps the rest. */
static bool write_aligned(spool *s)
{
    const size_t whole = s->fill / SPOOL_ALIGN * SPOOL_ALIGN;
    if (!write_all(s->fd, s->buffer, whole, s->bytes - s->fill)) {
        return false;
    }
    s->fill -= whole;
    memmove(s->buffer, s->buffer + whole, s->fill);
    return true;
}

bool spool_append(spool *s, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    while (bytes > 0) {
        const size_t room = SPOOL_BUFFER_BYTES - s->fill, part = bytes < room ? bytes : room;
        memcpy(s->buffer + s->fill, at, part);
        s->fill += part;
        s->bytes += part;
        at += part;
        bytes -= part;
        if (s->fill == SPOOL_BUFFER_BYTES && !write_aligned(s)) {
            return false;
        }
    }
    return true;
}

bool spool_pad(spool *s, size_t align)
{
    static const uint8_t ZEROS[SPOOL_ALIGN];
    const size_t over = (size_t)(s->bytes % align);
    return over == 0 || spool_append(s, ZEROS, align - over);
}

/* The unaligned rest is written as a padded piece, and the file is cut to its length again. It
 * stays in the buffer, so that appending may go on. */
bool spool_flush(spool *s)
{
    if (!write_aligned(s)) {
        return false;
    }
    if (s->fill == 0) {
        return true;
    }
    memset(s->buffer + s->fill, 0, SPOOL_ALIGN - s->fill);
    return write_all(s->fd, s->buffer, SPOOL_ALIGN, s->bytes - s->fill) &&
           ftruncate(s->fd, (off_t)s->bytes) == 0;
}

bool spool_overwrite(spool *s, const void *data, size_t bytes)
{
    return write_all(s->fd, data, bytes, 0) && ftruncate(s->fd, (off_t)s->bytes) == 0;
}

/* Reads whole aligned pieces around the bytes: O_DIRECT allows no others. */
const uint8_t *spool_read(const spool *s, uint64_t offset, size_t bytes, uint8_t *room)
{
    const size_t before = (size_t)(offset % SPOOL_ALIGN);
    const size_t whole = (before + bytes + SPOOL_ALIGN - 1) / SPOOL_ALIGN * SPOOL_ALIGN;
    const ssize_t got = read_all(s->fd, room, whole, offset - before);
    if (got < (ssize_t)(before + bytes)) {
        errno = got < 0 ? errno : EIO;
        return NULL;
    }
    return room + before;
}
