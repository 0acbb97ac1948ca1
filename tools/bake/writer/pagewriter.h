/* pagewriter.h: writes a .mega page file (the format is pagefile.h's).
 *
 * Pages go to one spool for each mip, in the folder PATH.part, which nobody else can write to.
 * Commit joins the spools, coarsest first, writes header and index, syncs and renames. If PATH is a
 * symbolic link, all this happens beside what it leads to, and the link stays. Until the rename
 * nothing new has the final name, and after a failure or an abort nothing is left behind. At its
 * peak this takes twice the file's size on the disk.
 *
 * A bake of hours may be killed. A writer whose desc has an identity keeps checkpoints in that
 * folder, and a later writer with the same path, shape and identity goes on from the last one:
 *
 *     pagewriter_create(&desc, &w);
 *     if (pagewriter_goes_on(w)) { pagewriter_restore(w, &my_state, sizeof my_state) … }
 *     for (…) { pagewriter_put(w, …);  now and then pagewriter_checkpoint(w, my_parts, n); }
 *     pagewriter_commit(w);
 *
 * Of two writers to one path, the second gets PAGEFILE_BUSY.
 *
 * Threads: pagewriter_put on any, at once; packing on any, each thread with a packer of its own;
 * the rest on one, while nobody puts. */
#ifndef MEGABUDDY_ENGINE_PAGEWRITER_H
#define MEGABUDDY_ENGINE_PAGEWRITER_H

#include "engine/disk/pagefile.h"

typedef struct pagewriter pagewriter;

typedef struct pagewriter_desc {
    const char *path; /* the final name; overwritten only by a successful commit */
    vt_shape shape;
    vt_kind kind;
    bool wrap_x;
    uint32_t layer_count;
    vt_layer layers[VT_MAX_LAYERS];
    uint64_t identity; /* of all that decides what the pages contain; 0: no checkpoints */
} pagewriter_desc;

/* A piece of memory that a checkpoint keeps. */
typedef struct pagewriter_part {
    const void *data;
    size_t bytes;
} pagewriter_part;

/* One layer of one page as it will be stored. */
typedef struct pagewriter_packed {
    page_codec codec;
    uint32_t bytes;
    uint32_t checksum;
    uint8_t *data; /* from malloc, the caller's; NULL when there was no memory */
} pagewriter_packed;

/* How a page is to be packed. What LZ4 and zstd do not make smaller is stored as it is. */
typedef struct pagewriter_packing {
    page_codec codec;
    int level; /* LZ4: 0 fast, 1 … 12 ever slower and smaller. zstd: 1 … 19; 0: 3.
                  JPEG: quality 1 … 100; 0: 90; colours are kept at half the resolution */
} pagewriter_packing;

/* The memory that packing needs, up to some megabytes, so that packing a page allocates only its
 * result. One thread's at a time. */
typedef struct packer packer;

packer *packer_create(void);    /* NULL: no memory */
void packer_destroy(packer *k); /* NULL does nothing */

/* Packs one page of texels. The result is the same whatever was packed before.
 * Preconditions: the level is one of the codec's; JPEG is for VT_TEXEL_RGBA8 only, and drops alpha. */
pagewriter_packed pagewriter_pack(packer *k, vt_texel_format format, const void *texels,
                                  pagewriter_packing how);

/* Begins a file. PAGEFILE_WRITE_FAILED leaves errno set, here and below; PAGEFILE_NOT_A_FILE: the
 * final name is that of something else than a regular file; PAGEFILE_UNSAFE: the folder exists and
 * is another user's, a symbolic link, or open to others. */
pagefile_status pagewriter_create(const pagewriter_desc *desc, pagewriter **out);

/* Adds the layers of page p: packed[0 … layer_count). Each page comes only once, in any order;
 * commit is quickest if the pages of eight rows (a row of clusters) come soon after one another. */
pagefile_status pagewriter_put(pagewriter *w, vt_page p, const pagewriter_packed packed[]);

/* Adds the raster of heights. At most once. */
pagefile_status pagewriter_put_heights(pagewriter *w, const int16_t *metres, uint32_t width,
                                       uint32_t height);

/* Joins, syncs and renames. On any status but PAGEFILE_OK the target is as it was. Frees w.
 * Precondition: every page of the shape was put. */
pagefile_status pagewriter_commit(pagewriter *w);

/* Removes all that was written. Frees w. NULL does nothing. */
void pagewriter_abort(pagewriter *w);

/* Keeps what has been put so far, and `parts`, for a writer that goes on from here. Precondition: w
 * has an identity. */
pagefile_status pagewriter_checkpoint(pagewriter *w, const pagewriter_part parts[], uint32_t count);

/* Whether this writer goes on from a checkpoint. If so, it has the pages that were put before it,
 * and pagewriter_restore gives the checkpoint's parts back, byte after byte in their order; false:
 * there are not so many bytes left. */
bool pagewriter_goes_on(const pagewriter *w);
bool pagewriter_restore(pagewriter *w, void *buffer, size_t bytes);

/* Ends this writer and keeps the last checkpoint. Frees w. */
void pagewriter_suspend(pagewriter *w);

#endif
