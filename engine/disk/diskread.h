/* diskread.h: several reads of files at once, at a fixed depth: by io_uring where the kernel has
 * it, one after the other by pread where it has not (or is not asked).
 *
 *     diskread_start(d, 3, range) … diskread_start(d, 5, …) … diskread_wait(d, &done): 5 is done
 *
 * A ring that fails is given up for good: pread reads what the kernel has not taken, and all that
 * is started later. A read that the kernel has taken and not answered is waited for, as long as the
 * disk takes: until then the kernel may write to its buffer.
 *
 * Threads: one. No allocation after create. */
#ifndef MEGABUDDY_ENGINE_DISKREAD_H
#define MEGABUDDY_ENGINE_DISKREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct diskread diskread;

#define DISKREAD_MAX_DEPTH 64

/* What to read, and where to. */
typedef struct diskread_range {
    int fd;
    void *buffer; /* until the read is done */
    size_t bytes; /* at most 2^31 - 1 */
    uint64_t offset;
} diskread_range;

typedef struct diskread_done {
    uint32_t slot;
    int64_t result; /* bytes read: fewer than asked for where the file ends; or -errno */
} diskread_done;

/* depth: reads on their way at most, 1 … DISKREAD_MAX_DEPTH. NULL: no memory. */
diskread *diskread_create(uint32_t depth, bool may_use_uring);

/* Whether reads overlap: the kernel gave a ring, and it has not failed. */
bool diskread_has_ring(const diskread *d);

/* The errno for which the ring was given up; 0: it was not. */
int diskread_ring_error(const diskread *d);

void diskread_destroy(diskread *d); /* nothing may be on its way; NULL does nothing */

/* Starts a read in a slot of the caller's choice, 0 … depth - 1, that is free. */
void diskread_start(diskread *d, uint32_t slot, const diskread_range *range);

/* Waits for a read to end, and frees its slot. Precondition: one is on its way. */
void diskread_wait(diskread *d, diskread_done *out);

#endif
