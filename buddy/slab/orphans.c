/* slab/orphans.c: caches of threads that have ended, until a new thread takes them over. Until then
 * threads that are out of objects may adopt their slabs, one at a time. */
#include "buddy/slab/private.h"

#define ADOPT_LOOKED 16u /* orphans looked through for one slab: what bounds the search */

static void count_orphan(slab_cache *cache, uint32_t one)
{
    if (cache->slab_count != 0) {
        /* relaxed: says only whether a look is worth it */
        atomic_fetch_add_explicit(&cache->of->orphans, one, memory_order_relaxed);
    }
}

void slab_orphan_begins(slab_cache *cache)
{
    count_orphan(cache, 1);
}

void slab_orphan_ends(slab_cache *cache)
{
    count_orphan(cache, UINT32_MAX); /* one less */
}

/* ---- adopting ---- */

/* A slab that is in no list, and not parked, gets another owner. Needs s->lock. */
static void move(slab_cache *from, slab_cache *to, buddy_slab *slab)
{
    from->slab_count--;
    to->slab_count++;
    /* relaxed: whoever else looks sees a thread that is not itself, before and after */
    __atomic_store_n(&slab->owner, &to->front, __ATOMIC_RELAXED);
    slab_set_local(slab, to);
}

/* A slab of the class from an orphan; NULL: it has none. Needs s->lock. */
static buddy_slab *adopt_from(slab_cache *from, slab_cache *to, uint32_t class)
{
    slab_orphan_ends(from);
    slab_cache_receive(from);
    buddy_slab *slab = slab_cache_next(from, class);
    if (slab != NULL) {
        move(from, to, slab);
    }
    slab_orphan_begins(from);
    return slab;
}

buddy_slab *slab_adopt(slab_cache *cache, uint32_t class)
{
    buddy_slabs *s = cache->of;
    /* relaxed: as in count_orphan */
    if (atomic_load_explicit(&s->orphans, memory_order_relaxed) == 0) {
        return NULL;
    }
    buddy_slab *slab = NULL;
    uint32_t looked = 0;
    at_work_lock(&s->lock);
    slab_cache *from = s->caches;
    for (; from != NULL && slab == NULL && looked < ADOPT_LOOKED; from = from->next) {
        if (from->thread == NULL && from->slab_count != 0) {
            looked++;
            slab = adopt_from(from, cache, class);
        }
    }
    at_work_unlock(&s->lock);
    return slab;
}

/* ---- giving back what they hold ---- */

void slab_sweep_orphans(buddy_slabs *s)
{
    at_work_lock(&s->lock);
    for (slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
        if (cache->thread == NULL && cache->slab_count != 0) {
            slab_orphan_ends(cache);
            slab_cache_sweep(cache);
            slab_orphan_begins(cache);
        }
    }
    at_work_unlock(&s->lock);
}

void slab_yield(buddy_slabs *s, slab_cache *cache)
{
    if (cache != NULL) {
        slab_send_all(cache);
        slab_cache_sweep(cache);
    }
    slab_sweep_orphans(s);
    slab_drop_large(s);
}
