/* watch.h: has a file changed? For a file that people and programs edit while it is in use.
 *
 *     folder ──▶ inotify ──▶ names ──▶ ours: closed after writing, or renamed to ──▶ changed
 *                                └──▶ another: does our symlink lead elsewhere now? ──▶ changed
 *
 * It is the folder that is watched, not the file: editors write a new file and rename it over the
 * old one, and a watch on the old one would see its end. Where events cannot be had (the folder is
 * absent or on a network, a link leads nowhere, the system has no more of them) the file's stamp is
 * compared twice a second instead, and counts once it has stood still for one comparison.
 *
 * Half a file is not a change: what is being written is seen when it is closed. A symlink is
 * followed to its target's folder too, so both a new target and an edit of the target are seen
 * (Kubernetes swaps a link beside the file's own; that is seen as well), but not a new target of a
 * link in a third folder.
 *
 * Thread: one at a time. */
#ifndef MEGABUDDY_TOOLS_VIEW_WATCH_H
#define MEGABUDDY_TOOLS_VIEW_WATCH_H

#include <stdbool.h>

typedef struct watch watch;

/* Begins to watch the file at `path`, which may be absent; a relative path is taken from the
 * working directory at each look. Returns NULL where there is no memory. */
watch *watch_open(const char *path);
void watch_close(watch *w); /* NULL does nothing */

/* Whether the file was written, replaced or created since the last call, or since watch_open: true
 * once for all that happened meanwhile. It may have gone again, and it may be the same as before.
 * Its removal alone is no change. Never blocks; costs a system call. NULL: false. */
bool watch_changed(watch *w);

const char *watch_check(const watch *w); /* NULL when its invariants hold */

#endif
