/* sync.h: the words for vt_sync, which of three allocators is at work: as the setting ram.sync and
 * `test alloc --sync` take them. Threads: any. */
#ifndef MEGABUDDY_TOOLS_SYNC_H
#define MEGABUDDY_TOOLS_SYNC_H

#include "engine/vt.h"
#include "tools/base/choice.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const choice SYNC_NAMES[]; /* "lockfree", "spinlock", "mutex" */

#ifdef __cplusplus
}
#endif

#endif
