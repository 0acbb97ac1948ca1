/* diskmap.h: how many bytes were read from each part of a file: DISKMAP_CELLS equal parts from
 * first byte to last, to draw as a strip.
 *
 * Threads: any may add and read at once; init before them all. */
#ifndef MEGABUDDY_ENGINE_DISKMAP_H
#define MEGABUDDY_ENGINE_DISKMAP_H

#include <stdatomic.h>
#include <stdint.h>

#define DISKMAP_CELLS 1024

/* Cell i counts the bytes from i * file_bytes / DISKMAP_CELLS to where the next cell begins.
 * Relaxed: each cell is a sum by itself and orders nothing else; a viewer does not mind if a read
 * shows in one cell sooner than in the next. */
typedef struct diskmap {
    uint64_t file_bytes;
    atomic_uint_fast64_t cells[DISKMAP_CELLS]; /* bytes; only grow */
} diskmap;

void diskmap_init(diskmap *m, uint64_t file_bytes); /* at most 2^53 */

/* Counts a read of [offset, offset + bytes); what is beyond the file is not counted. */
void diskmap_add(diskmap *m, uint64_t offset, uint64_t bytes);

/* Whole KiB of each cell. */
void diskmap_get(const diskmap *m, uint32_t kib[DISKMAP_CELLS]);

#endif
