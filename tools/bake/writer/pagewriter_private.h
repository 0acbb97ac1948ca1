/* pagewriter_private.h: what the files of the page writer share. */
#ifndef MEGABUDDY_ENGINE_PAGEWRITER_PRIVATE_H
#define MEGABUDDY_ENGINE_PAGEWRITER_PRIVATE_H

#include "engine/disk/pagefile_format.h"
#include "engine/files/spool.h"
#include "tools/bake/writer/pagewriter.h"

#include <pthread.h>

/* missing == pages of the shape that have not been put. */
struct pagewriter {
    pagewriter_desc desc;
    char *path;                /* the final name, ours, links followed */
    char *folder;              /* "<path>.part" */
    int folder_fd;             /* locked; -1: none */
    spool spools[VT_MAX_MIPS]; /* opened by the first put of their mip */
    pthread_mutex_t lock;      /* spools, index and missing, while pages are put */
    uint8_t *index;            /* as in the file, but offsets are those in the spools */
    uint64_t index_bytes;
    uint32_t missing;
    uint8_t *heights; /* as stored; NULL: none */
    uint32_t heights_bytes, heights_width, heights_height;
    spool state;        /* of a checkpoint that is being written */
    uint32_t state_crc; /* of the bytes in it so far */
    uint8_t *restored;  /* the baker's bytes in a checkpoint that was found; NULL: none */
    size_t restored_bytes, restored_read;
};

/* ---- the folder of unfinished work (pagewriter_work.c) ---- */

/* Makes and locks the folder, and goes on from a checkpoint of the same identity or empties it.
 * PAGEFILE_BUSY: another program has it. PAGEFILE_UNSAFE: others can write to it. */
pagefile_status work_open(pagewriter *w);

/* Creates a file in it, in the place of one that is there; -1: errno says why. */
int work_file(const pagewriter *w, const char *name);

/* Closes the folder; `remove`: and removes it with all that is in it. Keeps errno. */
void work_close(pagewriter *w, bool remove);

#define WORK_WORLD "world.mega" /* what is being joined, in the folder */

bool work_open_spool(pagewriter *w, uint32_t mip, uint64_t bytes);

/* ---- joining (pagewriter_join.c) ---- */

/* Joins the spools to a complete page file in the folder, and waits until it is on the disk. */
pagefile_status join_world(pagewriter *w);

/* The index entry of layer 0 of p; those of its other layers follow. */
static inline uint8_t *pagewriter_entry(const pagewriter *w, vt_page p)
{
    const vt_shape *shape = &w->desc.shape;
    const uint64_t page =
        format_first_page(shape, p.mip) + (uint64_t)p.y * page_columns(shape, p.mip) + p.x;
    return w->index + page * w->desc.layer_count * PAGEFILE_ENTRY_BYTES;
}

#endif
