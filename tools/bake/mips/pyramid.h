/* pyramid.h: from sources of texels to the pages of every mip, in one pass from top to bottom.
 *
 *     source ─ chunks of pages ─▶ cut, encode, pack (crew) ─▶ pagewriter
 *                  └─ halve ─▶ band of mip 1 ─ halve ─▶ band of mip 2 ─ halve ─▶ …
 *                                    └─ a row of pages is complete: cut, encode, pack (crew) ─▶ …
 *
 * Mip 0, three quarters of all texels, is made a chunk of pages at a time in a worker's cache and
 * not kept. A band holds as many rows as a row of pages needs, border included, and those that the
 * next mip still waits for. So memory grows with the width of the picture, and not with its height;
 * and all that a bake has to remember to go on after a kill is its bands. */
#ifndef MEGABUDDY_TOOLS_BAKE_PYRAMID_H
#define MEGABUDDY_TOOLS_BAKE_PYRAMID_H

#include "tools/bake/mips/halve.h"
#include "tools/bake/source.h"
#include "tools/bake/writer/pagewriter.h"
#include "tools/base/crew.h"
#include "tools/base/progress.h"

#include <signal.h>

typedef struct pyramid_layer {
    source input; /* width and height are the shape's */
    halve_kind kind;
    vt_texel_format format;
    pagewriter_packing packing;
} pyramid_layer;

/* What *cancelled may say. */
enum {
    PYRAMID_STOP = 1, /* not wanted now: the work is kept only if it has a checkpoint */
    PYRAMID_PAUSE,    /* to be resumed: the work is kept, if the writer keeps any */
};

typedef struct pyramid_desc {
    vt_shape shape;
    uint32_t layer_count;
    pyramid_layer layers[VT_MAX_LAYERS];
    crew *workers;
    pagewriter *writer;  /* if it goes on from a checkpoint, so does the bake */
    bool keeps;          /* whether the writer has an identity: checkpoints are made */
    double checkpoint_s; /* seconds between two of them */
    progress *bar;       /* NULL: none */
    const volatile sig_atomic_t *cancelled; /* NULL: never */
} pyramid_desc;

/* How a bake went wrong. */
typedef struct pyramid_failure {
    pagefile_status status;
    const char *why; /* what a source reports; NULL: the status, and errno for the disk's */
    bool kept;       /* cancelled, and the work was kept: the writer is to be suspended */
} pyramid_failure;

/* Gives every page of the shape to the writer. The file is the same whatever the crew's size, and
 * however often the bake was killed. When *cancelled becomes other than 0 it stops, with ECANCELED
 * as errno. One thread. */
pyramid_failure pyramid_bake(const pyramid_desc *desc);

#endif
