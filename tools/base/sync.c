#include "tools/base/sync.h"

const choice SYNC_NAMES[] = {
    {"lockfree", VT_SYNC_LOCKFREE},
    {"spinlock", VT_SYNC_SPINLOCK},
    {"mutex", VT_SYNC_MUTEX},
    {NULL, 0},
};
