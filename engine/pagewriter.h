/* pagewriter.h: writing a .mega page file (the format is pagefile.h's).
 *
 * Pages come in any order, finest mip first where a baker is at work, and go to a nameless spool
 * file a mip in the target's directory; commit joins the spools coarsest first, writes header and
 * index, syncs and renames. Until then nothing stands under the final name, and after a failure or
 * an abort nothing is left behind. At its peak that takes the disk twice the file's size.
 *
 * Threads: one for everything; packing a page (pagewriter_pack) on any. */
#ifndef MEGABUDDY_ENGINE_PAGEWRITER_H
#define MEGABUDDY_ENGINE_PAGEWRITER_H

#include "engine/pagefile.h"

typedef struct pagewriter pagewriter;

typedef struct pagewriter_desc {
    const char *path; /* the final name; overwritten only by a successful commit */
    page_shape shape;
    pagefile_kind kind;
    bool wrap_x;
    uint32_t layer_count;
    pagefile_layer layers[VT_MAX_LAYERS];
} pagewriter_desc;

/* One layer of one page as it will be stored. */
typedef struct pagewriter_packed {
    pagefile_codec codec;
    uint32_t bytes;
    uint32_t checksum;
    uint8_t *data; /* from malloc, the caller's; NULL when there was no memory */
} pagewriter_packed;

/* Packs texels with LZ4 when `compress` and when that makes them smaller, else stores them. Pure.
 */
pagewriter_packed pagewriter_pack(texel_format format, const void *texels, bool compress);

/* PAGEFILE_WRITE_FAILED leaves errno set, as it does from the calls below; PAGEFILE_NOT_A_FILE when
 * something that is not a regular file stands under the final name. */
pagefile_status pagewriter_create(const pagewriter_desc *desc, pagewriter **out);

/* Adds the layers of page p: packed[0 … layer_count). Each page just once, in any order. */
pagefile_status pagewriter_put(pagewriter *w, vt_page p, const pagewriter_packed packed[]);

/* Adds the raster of heights. At most once. */
pagefile_status pagewriter_put_heights(pagewriter *w, const int16_t *metres, uint32_t width,
                                       uint32_t height);

/* Joins, syncs and renames. On any status but PAGEFILE_OK the target is as it was before. Frees w.
 * Precondition: every page of the shape was put. */
pagefile_status pagewriter_commit(pagewriter *w);

/* Removes all that was written. Frees w. NULL does nothing. */
void pagewriter_abort(pagewriter *w);

#endif
