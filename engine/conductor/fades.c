/* fades.c: see fades.h. */
#include "engine/conductor/fades.h"

#include <assert.h>
#include <stdlib.h>

/* Steps of a fade. Each rewrites the page's part of the table: 12 steps over 200 ms are one a frame
 * at 60 Hz, and more would be written without being seen. */
#define STEPS 12

bool fades_init(fades *f, uint32_t max)
{
    f->list = calloc(max, sizeof *f->list);
    f->count = 0;
    f->max = max;
    return f->list != NULL;
}

void fades_finish(fades *f)
{
    free(f->list);
    f->list = NULL;
}

void fades_add(fades *f, vt_page p, double now_ms)
{
    assert(f->count < f->max);
    f->list[f->count++] = (fade){p, 0, now_ms};
}

void fades_remove(fades *f, vt_page p)
{
    const uint32_t id = page_pack(p);
    for (uint32_t i = 0; i < f->count; i++) {
        if (page_pack(f->list[i].page) == id) {
            f->list[i] = f->list[--f->count];
            return;
        }
    }
}

/* The fade of a page that came so long ago, in steps; 255: it has faded in. */
static uint32_t level_at(double elapsed_ms, double fade_ms)
{
    if (elapsed_ms >= fade_ms) {
        return 255;
    }
    const double share = elapsed_ms > 0 ? elapsed_ms / fade_ms : 0;
    return (uint32_t)(share * STEPS) * 255 / STEPS;
}

/* A fade that has ended is replaced by the last of the list: the order does not matter. */
void fades_step(fades *f, pagetable *const tables[], double now_ms, double fade_ms)
{
    for (uint32_t i = 0; i < f->count;) {
        fade *one = &f->list[i];
        const uint32_t level = level_at(now_ms - one->start_ms, fade_ms);
        if (level != one->level) {
            one->level = level;
            pagetable_set_fade(tables[one->page.texture - 1], one->page, level);
        }
        if (level == 255) {
            *one = f->list[--f->count];
        } else {
            i++;
        }
    }
}
