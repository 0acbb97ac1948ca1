/* slab/none.c: what stands for a slab where a class has none, and for a cache where a thread has
 * none. Both are empty, so that the fast path fails there without a test of its own. Never written
 * to. */
#include "buddy/slab/private.h"

buddy_slab slab_none;

#define NONE_4  &slab_none, &slab_none, &slab_none, &slab_none
#define NONE_16 NONE_4, NONE_4, NONE_4, NONE_4
#define NONE_64 NONE_16, NONE_16, NONE_16, NONE_16

buddy_slabs_cache buddy_slabs_no_cache = {
    .direct = {NONE_64, &slab_none},
    .current = {NONE_64, NONE_4, NONE_4},
};

_Static_assert(BUDDY_SLABS_DIRECT == 65 && BUDDY_SLABS_CLASSES == 72, "it has as many");
