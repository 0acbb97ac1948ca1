/* fades.h: pages that have just arrived and are being faded in: the page table's fade field rises
 * from 0 to 255 in a few steps, and the shader blends from the next coarser page meanwhile.
 * Threads: the conductor's only. */
#ifndef MEGABUDDY_ENGINE_FADES_H
#define MEGABUDDY_ENGINE_FADES_H

#include "engine/vram/pagetable.h"

typedef struct fade {
    vt_page page;
    uint32_t level; /* as last written to the page table; 0 … 255 */
    double start_ms;
} fade;

typedef struct fades {
    fade *list; /* in no order */
    uint32_t count, max;
} fades;

bool fades_init(fades *f, uint32_t max); /* max: atlas slots. false: no memory */
void fades_finish(fades *f);

void fades_add(fades *f, vt_page p, double now_ms); /* mapped with fade 0 */
void fades_remove(fades *f, vt_page p);             /* p is evicted; fine when it does not fade */

/* Moves every fade on to now_ms, writing the tables (by texture - 1) where a step has passed.
 * fade_ms 0 ends all. */
void fades_step(fades *f, pagetable *const tables[], double now_ms, double fade_ms);

#endif
