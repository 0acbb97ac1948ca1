#include "tools/view/window/watch.h"

#include "tools/base/clock.h"

#include <linux/magic.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR,
    FOLDER_LOST = IN_MOVE_SELF | IN_DELETE_SELF | IN_UNMOUNT | IN_IGNORED,
    BUFFER_BYTES = 4096, /* some hundred events of short names; one of the longest needs 272 */
    MOST_READS = 256,    /* a call: more than the kernel keeps; the rest waits */
};

static const double LOOK_SECONDS = 0.5; /* between comparisons where there are no events */

/* What tells one state of a file from another; all 0 where there is none. */
typedef struct stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec modified;
} stamp;

/* events < 0: by stamps, and no folder is watched; else folder_mark is one, and target_mark another
 * or the same one while `target` is known. */
struct watch {
    char *path;       /* as given */
    const char *name; /* within path */
    char *target; /* where the symlink at path leads, in full; NULL: it is none, or leads nowhere */
    int events;   /* inotify's descriptor */
    int folder_mark, target_mark; /* of the folders of path and target; -1: not watched */
    stamp told, looked;           /* what changed last, and what was seen last */
    double looked_at;             /* seconds */
};

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* ---- by stamps ---- */

static stamp stamp_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return (stamp){0};
    }
    return (stamp){status.st_dev, status.st_ino, status.st_size, status.st_mtim};
}

static bool is_same(const stamp *a, const stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static bool has_new_stamp(watch *w)
{
    const double now = clock_s();
    if (now < w->looked_at + LOOK_SECONDS) {
        return false;
    }
    const stamp found = stamp_of(w->path);
    const bool still = is_same(&found, &w->looked); /* nobody is in the midst of writing it */
    w->looked = found;
    w->looked_at = now;
    if (!still || is_same(&found, &w->told)) {
        return false;
    }
    w->told = found;
    return found.inode != 0;
}

/* ---- by events ---- */

/* Whether what others do in the folder can be heard of. On a network only our own doings are. */
static bool is_local(const char *folder)
{
    struct statfs system;
    if (statfs(folder, &system) != 0) {
        return false;
    }
    switch ((unsigned)system.f_type) { /* 32 bits on disk; wider here, and signed */
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case AFS_FS_MAGIC:
    case CEPH_SUPER_MAGIC:
    case CODA_SUPER_MAGIC:
    case V9FS_MAGIC:
    case FUSE_SUPER_MAGIC:
        return false;
    default:
        return true;
    }
}

/* Watches the folder that `file` is in. Returns its mark, or -1. */
static int mark_folder_of(const watch *w, const char *file)
{
    const size_t length = (size_t)(name_of(file) - file);
    char *folder = length == 0 ? strdup(".") : strndup(file, length);
    const int mark =
        folder != NULL && is_local(folder) ? inotify_add_watch(w->events, folder, EVENTS) : -1;
    free(folder);
    return mark;
}

static void forget_target(watch *w)
{
    if (w->target_mark >= 0 && w->target_mark != w->folder_mark) {
        (void)inotify_rm_watch(w->events, w->target_mark);
    }
    w->target_mark = -1;
    free(w->target);
    w->target = NULL;
}

static bool is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

/* Follows the symlink at path, if it is one. Returns whether it leads to something, and elsewhere
 * than before. */
static bool follow(watch *w)
{
    char *target = is_link(w->path) ? realpath(w->path, NULL) : NULL;
    if (target != NULL && w->target != NULL && strcmp(target, w->target) == 0 &&
        w->target_mark >= 0) {
        free(target);
        return false;
    }
    forget_target(w);
    w->target = target;
    w->target_mark = target != NULL ? mark_folder_of(w, target) : -1;
    return target != NULL;
}

/* Gives up on events. */
static void listen_no_more(watch *w)
{
    forget_target(w);
    if (w->events >= 0) {
        (void)close(w->events);
    }
    w->events = w->folder_mark = -1;
}

/* Whether a name that has just come into being is a whole file: a link, hard or soft. Others come
 * empty, and are closed once they are written. */
static bool is_made_whole(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && (status.st_nlink > 1 || is_link(path));
}

/* What a look at the events has found. */
typedef struct findings {
    bool changed;
    bool links; /* some name in path's folder leads elsewhere, perhaps */
    bool lost;  /* path's folder is not there any more, or is called otherwise */
} findings;

static bool is_ours(const watch *w, const struct inotify_event *e)
{
    const char *name = e->len > 0 ? e->name : "";
    return (e->wd == w->folder_mark && strcmp(name, w->name) == 0) ||
           (e->wd == w->target_mark && strcmp(name, name_of(w->target)) == 0);
}

static void take_event(watch *w, const struct inotify_event *e, findings *found)
{
    if ((e->mask & IN_Q_OVERFLOW) != 0) { /* too many: ours may have been among them */
        found->changed = found->links = true;
    } else if ((e->mask & FOLDER_LOST) != 0) {
        found->lost = found->lost || e->wd == w->folder_mark;
        found->links = found->links || e->wd == w->target_mark;
        w->target_mark = e->wd == w->target_mark ? -1 : w->target_mark;
    } else {
        const bool whole = (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
        found->links = found->links || (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0;
        found->changed = found->changed || (is_ours(w, e) && (whole || is_made_whole(w->path)));
    }
}

static findings take_events(watch *w)
{
    alignas(struct inotify_event) char buffer[BUFFER_BYTES];
    findings found = {false, false, false};
    for (int i = 0; i < MOST_READS; i++) {
        const ssize_t bytes = read(w->events, buffer, sizeof buffer);
        if (bytes <= 0) {
            break; /* no more of them */
        }
        for (const char *at = buffer; at < buffer + bytes;) {
            const struct inotify_event *e = (const void *)at;
            take_event(w, e, &found);
            at += sizeof *e + e->len;
        }
    }
    return found;
}

/* Whether path is a link that leads nowhere, or where nothing can be heard. */
static bool is_blind(const watch *w)
{
    return w->target_mark < 0 && is_link(w->path);
}

static bool has_event(watch *w)
{
    const findings found = take_events(w);
    const bool elsewhere = found.links && follow(w);
    if (found.lost || (found.links && is_blind(w))) {
        listen_no_more(w);
        w->told = w->looked = (stamp){0}; /* what comes in its place is to be told of */
    }
    return found.changed || elsewhere;
}

/* ---- from beginning to end ---- */

watch *watch_open(const char *path)
{
    watch *w = calloc(1, sizeof *w);
    char *copy = strdup(path);
    if (w == NULL || copy == NULL) {
        free(copy);
        free(w);
        return NULL;
    }
    w->path = copy;
    w->name = name_of(copy);
    w->target_mark = -1;
    w->events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->folder_mark = w->events < 0 ? -1 : mark_folder_of(w, path);
    (void)(w->folder_mark >= 0 && follow(w));
    if (w->folder_mark < 0 || is_blind(w)) {
        listen_no_more(w);
        w->told = w->looked = stamp_of(path);
        w->looked_at = clock_s();
    }
    return w;
}

bool watch_changed(watch *w)
{
    if (w == NULL) {
        return false;
    }
    return w->events < 0 ? has_new_stamp(w) : has_event(w);
}

void watch_close(watch *w)
{
    if (w != NULL) {
        listen_no_more(w);
        free(w->path);
        free(w);
    }
}

const char *watch_check(const watch *w)
{
    if ((w->events < 0) != (w->folder_mark < 0)) {
        return "a folder is watched without events, or the other way round";
    }
    if (w->target == NULL ? w->target_mark >= 0 : *w->target != '/') {
        return "a target's folder is watched without a target";
    }
    return w->name != name_of(w->path) ? "the name is not the path's" : NULL;
}
