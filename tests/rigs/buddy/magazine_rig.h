/* magazine_rig.h: a core with a magazine above it for tests, and what must hold of the two. */
#ifndef MEGABUDDY_TESTS_MAGAZINE_RIG_H
#define MEGABUDDY_TESTS_MAGAZINE_RIG_H

#include <stdlib.h>
#include <string.h>

#include "buddy/magazine/private.h"
#include "tests/rigs/buddy/buddy_model.h"

/* As buddy_magazine_desc.stock_units: a shelf for every order. */
#define RIG_ALL_SHELVES UINT32_MAX

typedef struct rig {
    uint32_t units;
    buddy *core;
    buddy_magazine *m;
} rig;

/* A magazine of desc, whose core is filled in, on a core of its own. False without memory. */
static inline bool rig_make(rig *r, const buddy_desc *core, buddy_magazine_desc desc)
{
    size_t bytes = buddy_sizeof(core);
    r->units = core->units;
    r->core = buddy_init(aligned_alloc(64, bytes), bytes, core);
    if (r->core == NULL) {
        return false;
    }
    desc.core = r->core;
    bytes = buddy_magazine_sizeof(&desc);
    r->m = buddy_magazine_init(aligned_alloc(64, (bytes + 63) / 64 * 64), bytes, &desc);
    return r->m != NULL;
}

static inline void rig_drop(rig *r)
{
    buddy_magazine_finish(r->m);
    free(r->m);
    free(r->core);
}

static inline const char *rig_check(const rig *r)
{
    const char *fault = buddy_magazine_check(r->m);
    return fault != NULL ? fault : buddy_check(r->core);
}

static inline buddy_magazine_stats rig_stats(const rig *r)
{
    buddy_magazine_stats stats;
    buddy_magazine_get_stats(r->m, &stats);
    return stats;
}

/* After everything has been given back: takes all back from the stocks and looks whether the core
 * is as a new one. NULL, or a sentence. */
static inline const char *rig_check_all_free(rig *r)
{
    buddy_magazine_recall(r->m);
    const char *fault = rig_check(r);
    buddy_magazine_stats stats = rig_stats(r);
    if (fault == NULL && stats.live_units + stats.stocked_units != 0) {
        fault = "units are counted as live or stocked, but all have been given back";
    }
    buddy_model model;
    if (fault != NULL ||
        !buddy_model_init(&model, &(buddy_desc){.units = r->units, .max_order = r->m->max_order})) {
        return fault != NULL ? fault : "no memory";
    }
    fault = buddy_model_compare(&model, r->core);
    buddy_model_finish(&model);
    return fault;
}

#endif
