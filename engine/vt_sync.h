/* vt_sync.h: how the allocator of the RAM tier keeps threads apart: without locks, or for comparison
 * with a lock a level, as the literature does it, of either kind of lock. The same type serves from
 * the user's setting down to the arena. */
#ifndef MEGABUDDY_ENGINE_VT_SYNC_H
#define MEGABUDDY_ENGINE_VT_SYNC_H

typedef enum vt_sync {
    VT_SYNC_LOCKFREE = 0, /* buddy/buddy.h */
    VT_SYNC_SPINLOCK,     /* buddy/levels.h: a lock a level, requests that wait for a split */
    VT_SYNC_MUTEX,
} vt_sync;

#endif
