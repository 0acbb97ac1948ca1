/* watch/track_inside.c: whether the calling thread is inside the track already. */
#include "buddy/watch/track_private.h"

/* initial-exec: the first use in a thread may not allocate, since an allocator asks. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

bool track_enter(void)
{
    if (inside) {
        return false;
    }
    inside = true;
    return true;
}

void track_leave(void)
{
    inside = false;
}
