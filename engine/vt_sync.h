/* vt_sync.h: the allocator of the RAM tier: ours, or for comparison the scheme that the literature
 * has, in two flavours of lock. One type from a user's setting down to the arena. */
#ifndef MEGABUDDY_ENGINE_VT_SYNC_H
#define MEGABUDDY_ENGINE_VT_SYNC_H

typedef enum vt_sync {
    VT_SYNC_LOCKFREE = 0, /* buddy/buddy.h */
    VT_SYNC_SPINLOCK,     /* buddy/levels.h: a lock a level, requests that wait for a split */
    VT_SYNC_MUTEX,
} vt_sync;

#endif
