/* pyramid.h: from rows of texels to the pages of every mip, in one pass from top to bottom.
 *
 *     source ─ rows ─▶ band of mip 0 ─ halve ─▶ band of mip 1 ─ halve ─▶ …
 *                           │                        │
 *                           └─ a row of pages is complete: cut, encode, pack (crew) ─▶ pagewriter
 *
 * A band holds as many rows as a row of pages needs, border included, and those that the next mip
 * still waits for. So memory grows with the width of the picture, and not with its height. */
#ifndef MEGABUDDY_TOOLS_BAKE_PYRAMID_H
#define MEGABUDDY_TOOLS_BAKE_PYRAMID_H

#include "engine/pagewriter.h"
#include "tools/bake/source.h"
#include "tools/crew.h"
#include "tools/progress.h"

#include <signal.h>

typedef struct pyramid_desc {
    source input; /* width and height are the shape's */
    page_shape shape;
    texel_format format;
    bool compress; /* LZ4 over the texels */
    crew *workers;
    pagewriter *writer;
    progress *bar;                          /* NULL: none */
    const volatile sig_atomic_t *cancelled; /* NULL: never */
} pyramid_desc;

/* Puts every page of the shape to the writer; the file is the same whatever the crew's size. When
 * `cancelled` turns true it stops with PAGEFILE_WRITE_FAILED and errno ECANCELED. One thread. */
pagefile_status pyramid_bake(const pyramid_desc *desc);

#endif
