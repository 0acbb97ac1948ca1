/* snapshot/private.h: what a heap remembers of the file that it came from, and what the files of
 * the snapshot tell each other. Private to buddy/snapshot.
 *
 * The files, each of which calls those below it and none above:
 *
 *     save.c        saving                      open.c       opening
 *        │                                         │
 *        │                                      restore.c    a heap in which just those blocks live
 *        │                                         │
 *        │                                      content.c    what the blocks hold
 *        └──────────────┬──────────────────────────┘
 *     roots.c    where what is in the heap begins
 *     walk.c     the live blocks that marks name
 *     file.c     PATH.part and how it becomes PATH; reading
 *     format.c   the header
 *        │
 *     crc.c      the checksum */
#ifndef BUDDY_SNAPSHOT_PRIVATE_H
#define BUDDY_SNAPSHOT_PRIVATE_H

#include <limits.h>

#include "buddy/heap/body.h"
#include "buddy/snapshot/format.h"
#include "buddy/system/region.h"

/* One mapping: this, the roots, the checksums of the parts, and a bit a part. */
typedef struct snapshot {
    /* fixed once the heap is open */
    int fd; /* of the file; -1: all has been read and checked */
    format_header header;
    format_layout layout;
    const unsigned char *roots; /* as in the file, checked */
    const unsigned char *parts; /* as in the file */
    size_t bytes;               /* of the mapping */
    /* Set: the part holds live blocks and has not been found good yet. Relaxed, all accesses: a bit
     * says something of the file, which does not change, and orders no memory. */
    word_atomic *pending;
} snapshot;

/* Which part a byte of content is in. */
static inline uint64_t snapshot_part(uint64_t byte)
{
    return byte / FORMAT_PART_BYTES;
}

/* ---- roots.c ---- */

/* Whether the byte there is part of a live block. */
bool snapshot_is_live(const buddy_heap *h, uint64_t offset);

/* Whether the roots of the file are sorted, have good names, and are in live blocks. */
buddy_snapshot_status snapshot_check_roots(const buddy_heap *h, const snapshot *s);

/* ---- walk.c ---- */

/* Calls visit for every live block, ascending, until it returns false. False then, and where marks
 * make no sense. Precondition: marks_check says nothing. Others must be at rest. */
bool snapshot_walk(const marks *m, bool (*visit)(void *context, uint32_t offset, uint32_t units),
                   void *context);

/* Whether a heap could have handed that out: a power of two, aligned to its size, or the beginning
 * of the next one. */
bool snapshot_is_possible(uint32_t offset, uint32_t units);

/* ---- content.c ---- */

/* Reads all that is needed, checks it, and lets go of the file. */
buddy_snapshot_status snapshot_copy_content(const buddy_heap *h, snapshot *s);

/* ---- restore.c ---- */

/* Makes just those blocks live in h, which is new, that `stored` names: header->used units of marks
 * from a file. Says in s->pending which parts hold some. With read_only what is free stays taken,
 * so that every request is refused. On any answer but BUDDY_SNAPSHOT_OK h is good for
 * buddy_heap_destroy only. */
buddy_snapshot_status snapshot_restore(buddy_heap *h, snapshot *s, unsigned char *stored,
                                       bool read_only);

/* ---- file.c ---- */

/* A file that is being written beside the one whose place it will take. */
typedef struct partial {
    int fd;
    char name[PATH_MAX]; /* PATH.part */
} partial;

/* Makes PATH.part, empty, and locks it. On any answer but BUDDY_SNAPSHOT_OK there is nothing to
 * end. */
buddy_snapshot_status partial_begin(partial *p, const char *path);

/* Writes all of it. False, with errno set, where the system does not. */
bool partial_write(const partial *p, const void *data, size_t bytes, uint64_t at);

/* Makes it `bytes` long and durable, puts it in the place of PATH, and ends it. */
buddy_snapshot_status partial_publish(partial *p, const char *path, uint64_t bytes);

/* Ends it and leaves PATH alone. Keeps errno. */
void partial_drop(partial *p);

/* Reads all of it: BUDDY_SNAPSHOT_LENGTH where the file ends before, BUDDY_SNAPSHOT_IO. */
buddy_snapshot_status snapshot_read(int fd, void *data, size_t bytes, uint64_t at);

#endif
