/* replace.c: see replace.h. What happens between begin and commit, and what may come in between:
 *
 *     begin     follow symbolic links ─▶ may the file there be replaced? ─▶ make the temporary
 *               and lock it, after removing what a killed run has left at its name
 *     write     by descriptor or stream
 *     commit    fsync ─▶ may what is there now be replaced? ─▶ rename, or exchange of the two names
 *               ─▶ after an exchange: was it the file that may go? else exchange back
 *               ─▶ fsync of the folder
 *     drop      the temporary is removed, if the name still is ours */
#include "engine/files/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".megabuddy-part"

enum {
    LINKS_MOST = 40, /* as many as Linux follows */
    TRIES = 8,       /* each time it took another run's file, which had just ended */
};

/* The temporary is locked from its creation until it gets its final name. */
struct replacement {
    int folder; /* which both names are in */
    char *name; /* within target */
    char *target, *part;
    int fd;
    FILE *stream; /* NULL: nobody asked for it */
    int why;      /* errno of the stream's first failure; 0: none */
    bool (*may_go)(int fd);
};

/* ---- where it goes ---- */

/* Where the link at `path` leads, from malloc. */
static char *link_of(const char *path)
{
    char to[PATH_MAX], *joined = NULL;
    const ssize_t bytes = readlink(path, to, sizeof to - 1);
    if (bytes < 0) {
        return NULL;
    }
    to[bytes] = '\0';
    const char *slash = strrchr(path, '/');
    const int folder = slash != NULL && to[0] != '/' ? (int)(slash + 1 - path) : 0;
    return asprintf(&joined, "%.*s%s", folder, path, to) >= 0 ? joined : NULL;
}

/* Whether the system would follow the link: in a folder that all may write to, it does not follow
 * one that another user has planted. It does not matter if nothing is at the link's end. */
static bool may_follow(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 || errno == ENOENT;
}

char *replace_target(const char *path)
{
    struct stat st;
    char *at = strdup(path);
    for (int i = 0; at != NULL && lstat(at, &st) == 0 && S_ISLNK(st.st_mode); i++) {
        char *next = may_follow(at) && i < LINKS_MOST ? link_of(at) : NULL;
        const int why = i < LINKS_MOST ? errno : ELOOP;
        free(at);
        errno = why;
        at = next;
    }
    return at;
}

/* Splits the target into folder and name, and opens the folder. */
static bool open_folder(replacement *r)
{
    char *slash = strrchr(r->target, '/');
    r->name = slash != NULL ? slash + 1 : r->target;
    if (*r->name == '\0') {
        errno = slash != NULL ? EISDIR : ENOENT;
        return false;
    }
    char *folder = slash == NULL ? strdup(".") : strndup(r->target, (size_t)(r->name - r->target));
    r->folder = folder != NULL ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    const int why = errno;
    free(folder);
    errno = why;
    return r->folder >= 0 && asprintf(&r->part, "%s" SUFFIX, r->name) >= 0;
}

/* Whether the file of that name may be replaced; *mode is its st_mode, 0 where there is none. */
static bool may_replace(const replacement *r, const char *name, mode_t *mode)
{
    struct stat st;
    *mode = 0;
    if (fstatat(r->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
        return false;
    }
    *mode = st.st_mode;
    if (r->may_go == NULL) {
        return true;
    }
    const int fd = regular_fd_at(r->folder, name, NULL);
    if (fd < 0) {
        return false;
    }
    const bool goes = r->may_go(fd);
    (void)close(fd);
    errno = EMEDIUMTYPE;
    return goes;
}

/* ---- the temporary ---- */

/* Whether the open file is the one that has the name. */
static bool has_name(const replacement *r, const struct stat *open)
{
    struct stat named;
    return fstatat(r->folder, r->part, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == open->st_dev && named.st_ino == open->st_ino;
}

/* Removes the temporary of a killed run. True: it is gone, and another try is worth it. */
static bool remove_rest(const replacement *r)
{
    struct stat st;
    const int fd = regular_fd_at(r->folder, r->part, &st);
    if (fd < 0) {
        errno = errno == ENOENT ? errno : ENOTUNIQ;
        return errno == ENOENT;
    }
    bool goes = st.st_uid == geteuid() && st.st_nlink == 1;
    int why = ENOTUNIQ;
    if (goes && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        goes = false;
        why = EBUSY;
    }
    /* if the name belongs to another file by now, another run has just made it, or has ended */
    if (goes && has_name(r, &st) && unlinkat(r->folder, r->part, 0) != 0) {
        goes = false;
        why = errno;
    }
    (void)close(fd);
    errno = why;
    return goes;
}

static bool make_part(replacement *r, mode_t mode)
{
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    for (int i = 0; i < TRIES; i++) {
        r->fd = openat(r->folder, r->part, flags, mode);
        if (r->fd >= 0 || errno != EEXIST || !remove_rest(r)) {
            break;
        }
    }
    if (r->fd < 0) {
        return false;
    }
    /* where a file system has no locks, the caller must not run two at once */
    const bool is_taken = flock(r->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    struct stat st;
    if (is_taken || fstat(r->fd, &st) != 0 || !has_name(r, &st)) {
        (void)close(r->fd); /* another run took it for a rest, and has removed it or will */
        r->fd = -1;
        errno = EBUSY;
        return false;
    }
    return true;
}

/* ---- writing ---- */

static bool write_all(int fd, const char *from, size_t bytes)
{
    while (bytes > 0) {
        const ssize_t put = write(fd, from, bytes);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return false;
        }
        from += put;
        bytes -= (size_t)put;
    }
    return true;
}

/* Writes for the stream. The errno of the first failure is kept, since at the time of commit errno
 * says something else. */
static ssize_t put(void *context, const char *from, size_t bytes)
{
    replacement *r = context;
    if (r->why == 0 && !write_all(r->fd, from, bytes)) {
        r->why = errno;
    }
    return r->why == 0 ? (ssize_t)bytes : 0;
}

int replace_fd(const replacement *r)
{
    return r->fd;
}

FILE *replace_stream(replacement *r)
{
    if (r->stream == NULL) {
        r->stream = fopencookie(r, "w", (cookie_io_functions_t){.write = put});
    }
    return r->stream;
}

/* ---- from beginning to end ---- */

static void release(replacement *r)
{
    if (r->stream != NULL) {
        (void)fclose(r->stream); /* flushed by commit, or not wanted */
    }
    if (r->fd >= 0) {
        (void)close(r->fd); /* synchronised, or not wanted */
    }
    if (r->folder >= 0) {
        (void)close(r->folder);
    }
    free(r->part);
    free(r->target);
    free(r);
}

void replace_drop(replacement *r)
{
    const int why = errno;
    struct stat st;
    if (r != NULL) {
        /* but leaves a file that has taken its name */
        if (r->fd >= 0 && fstat(r->fd, &st) == 0 && has_name(r, &st)) {
            (void)unlinkat(r->folder, r->part, 0);
        }
        release(r);
    }
    errno = why;
}

replacement *replace_begin(const replace_desc *desc)
{
    replacement *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    mode_t old;
    r->fd = r->folder = -1;
    r->may_go = desc->may_go;
    r->target = replace_target(desc->path);
    const mode_t fresh = desc->mode != 0 ? desc->mode : 0666;
    if (r->target == NULL || !open_folder(r) || !may_replace(r, r->name, &old) ||
        !make_part(r, old != 0 ? old & ACCESSPERMS : fresh)) {
        replace_drop(r);
        return NULL;
    }
    if (old != 0) {
        /* where this fails, the mode is what the umask has left */
        (void)fchmod(r->fd, old & ACCESSPERMS);
    }
    return r;
}

static bool finish_bytes(replacement *r)
{
    if (r->stream != NULL && fflush(r->stream) != 0 && r->why == 0) {
        r->why = errno;
    }
    errno = r->why;
    return r->why == 0 && fsync(r->fd) == 0;
}

/* After an exchange the old file has the temporary's name. If somebody has put a file there that
 * may not go, after put_in_place had looked, the names are exchanged back; where that fails the
 * file keeps the temporary's name. */
static bool remove_old(const replacement *r)
{
    mode_t mode;
    if (may_replace(r, r->part, &mode)) {
        (void)unlinkat(r->folder, r->part, 0); /* where this fails the next run removes it */
        return true;
    }
    const int why = errno;
    (void)renameat2(r->folder, r->part, r->folder, r->name, RENAME_EXCHANGE);
    errno = why;
    return false;
}

static bool put_in_place(const replacement *r)
{
    mode_t old;
    if (!may_replace(r, r->name, &old)) {
        return false;
    }
    /* Where not every file may be replaced, one that is put there between the look above and the
     * rename must not be lost: so a rename that replaces nothing, or an exchange. */
    const unsigned how = old == 0 ? RENAME_NOREPLACE : RENAME_EXCHANGE;
    if (r->may_go != NULL && renameat2(r->folder, r->part, r->folder, r->name, how) == 0) {
        return old == 0 || remove_old(r);
    }
    if (r->may_go != NULL && old == 0 && errno == EEXIST) {
        errno = EMEDIUMTYPE;
        return false;
    }
    /* every file may go; or the file system has no such rename, or the old file has just gone */
    return renameat(r->folder, r->part, r->folder, r->name) == 0;
}

/* Makes the rename durable. A folder that this user may not read cannot be synchronised. */
static bool sync_folder(const replacement *r)
{
    const int fd = openat(r->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno == EACCES;
    }
    const bool done = fsync(fd) == 0 || errno == EINVAL; /* EINVAL: none of its folders can be */
    const int why = errno;
    (void)close(fd);
    errno = why;
    return done;
}

bool replace_commit(replacement *r)
{
    if (!finish_bytes(r) || !put_in_place(r)) {
        replace_drop(r);
        return false;
    }
    const bool lasts = sync_folder(r);
    const int why = errno;
    release(r);
    errno = why;
    return lasts;
}

bool replace_write(const char *path, const void *bytes, size_t count)
{
    replacement *r = replace_begin(&(replace_desc){.path = path});
    if (r == NULL) {
        return false;
    }
    if (!write_all(r->fd, bytes, count)) {
        replace_drop(r);
        return false;
    }
    return replace_commit(r);
}
