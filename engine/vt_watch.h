/* vt_watch.h: looking into the three tiers while they work, for a viewer that draws them: which page
 * lies where in the atlas and in RAM, and why a pixel is not sharp. And emptying a tier, to see it
 * fill again. A program that only shows a virtual texture needs vt.h alone.
 *
 * Threads: call every function on the thread that has the OpenGL context, like vt.h's. */
#ifndef MEGABUDDY_ENGINE_VT_WATCH_H
#define MEGABUDDY_ENGINE_VT_WATCH_H

#include "vt.h"

#include "buddy/buddy.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- disk ---- */

#define VT_DISK_CELLS 1024

/* Divides texture 1's page file into VT_DISK_CELLS equal parts, from first byte to last, and says
 * how many KiB of each were read since create. */
void vt_get_disk_map(const vt *v, uint32_t kib[VT_DISK_CELLS]);

/* ---- the atlas ---- */

typedef struct vt_slot {
    uint32_t page_id;    /* packed, as vt_shared.h says; 0: free */
    uint32_t unused_for; /* feedback images since it was last wanted */
    bool pinned;         /* never evicted */
} vt_slot;

/* The atlas is so many slots wide and high. */
void vt_atlas_size(const vt *v, uint32_t *columns, uint32_t *rows);

/* Writes every slot, row by row, columns * rows of them. */
void vt_get_slots(const vt *v, vt_slot slots[]);

/* ---- RAM ---- */

/* A page that the RAM tier holds, and the blocks of its arena that it fills. */
typedef struct vt_held_page {
    uint32_t page_id;
    uint32_t bytes;
    uint32_t piece_count;
    buddy_block pieces[BUDDY_PIECES]; /* in units */
    bool pinned;                      /* a worker is unpacking it now */
} vt_held_page;

uint32_t vt_ram_units(const vt *v, uint32_t *unit_bytes); /* of the arena */

/* Calls visit for each page held, the most recently used first. Meanwhile workers that need the tier
 * wait, so visit should be quick, and must not call the streamer. */
void vt_walk_ram(vt *v, void (*visit)(void *context, const vt_held_page *page), void *context);

/* ---- why is this pixel blurry? ---- */

typedef enum vt_reason {
    VT_SHARP,     /* it shows the mip it wants */
    VT_MAGNIFIED, /* likewise, but the picture has no finer mip: a texel covers several pixels */
    VT_BIASED,    /* all is kept coarser, since the frame wants more than video memory holds */
    VT_FADING,    /* the page is there, and fading in */
    VT_UNSEEN,    /* no feedback image has asked for the page yet */
    VT_FROZEN,    /* streaming is frozen */
    VT_NO_SLOT,   /* asked for, but all slots hold pages that are wanted, too */
    VT_WAITING,   /* asked for, but staging or the work queue is full */
    VT_QUEUED,    /* waits to be read */
    VT_READING,   /* is being read, or waits between two threads */
    VT_UNPACKING, /* waits to be unpacked, or is being */
    VT_STAGED,    /* waits for this frame's upload budget */
    VT_FAILED,    /* the disk or the RAM tier said no; it will be tried again */
    VT_CORRUPT,   /* damaged in the file: its ancestor is shown for good */
} vt_reason;

typedef struct vt_why {
    vt_reason reason;
    vt_page wanted; /* without bias */
    uint32_t shown_mip;
    bool in_ram; /* the RAM tier holds the wanted page */
    /* What comes before it: jobs when VT_QUEUED or VT_UNPACKING, pages that are more urgent when
     * VT_WAITING or VT_NO_SLOT. */
    uint32_t ahead;
    uint32_t waited; /* feedback images in a row that have wanted it */
} vt_why;

/* What a shader knows of a pixel: vt_look() and vt_locate() of sample.glsl find it out. */
typedef struct vt_pixel {
    uint32_t wanted_id; /* packed, without bias */
    uint32_t shown_mip;
    float lod;    /* without bias, not clamped: negative where texels are larger than pixels */
    bool arrived; /* has faded in */
} vt_pixel;

/* Finds out why a pixel shows the mip that it shows. A page that does not exist is VT_UNSEEN. */
vt_why vt_explain(vt *v, const vt_pixel *pixel);

/* One sentence, without a full stop. */
const char *vt_reason_text(vt_reason reason);

/* ---- emptying a tier ---- */

void vt_flush_ram(vt *v);   /* drops every page that no worker has in hand */
void vt_flush_atlas(vt *v); /* evicts every page but the coarsest, which are pinned */
void vt_flush_disk(vt *v);  /* asks the system to forget what it has cached of the page files */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
