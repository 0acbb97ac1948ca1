/* snapshot/file.c: PATH.part and how it becomes PATH.
 *
 *     open ── lock ── write … ── length ── fsync ── rename ── fsync of the folder ── close
 *
 * The lock keeps a second save to the same path from writing into the first one's file, or from
 * emptying it when it is PATH already. It goes with the process, however that ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddy/snapshot/private.h"

#define SUFFIX ".part"
#define TRIES  8 /* each time another save has just ended between our open and our lock */

/* ---- taking PATH.part ---- */

/* Whether there is nothing, or a plain file that has no more than so many names. */
static buddy_snapshot_status may_take(const char *path, nlink_t names)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_IO;
    }
    return S_ISREG(info.st_mode) && info.st_nlink <= names ? BUDDY_SNAPSHOT_OK
                                                           : BUDDY_SNAPSHOT_NOT_PLAIN;
}

/* Whether the open file is the one that has the name now, and has no other name. */
static bool has_name(int fd, const char *name)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && lstat(name, &named) == 0 && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino && ours.st_nlink == 1;
}

/* Whether an open file is this user's: another's would stay his when it has become PATH. */
static bool is_mine(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && info.st_uid == geteuid();
}

/* Opens and locks it; *again where another save has put it into PATH's place meanwhile. */
static buddy_snapshot_status take_name(partial *p, bool *again)
{
    *again = false;
    p->fd =
        open(p->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (p->fd < 0) {
        return errno == ELOOP ? BUDDY_SNAPSHOT_NOT_PLAIN : BUDDY_SNAPSHOT_IO;
    }
    buddy_snapshot_status status = BUDDY_SNAPSHOT_OK;
    if (!is_mine(p->fd)) {
        status = BUDDY_SNAPSHOT_NOT_PLAIN;
    } else if (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
        status = errno == EWOULDBLOCK ? BUDDY_SNAPSHOT_BUSY : BUDDY_SNAPSHOT_IO;
    } else if (!has_name(p->fd, p->name)) {
        *again = true;
        status = BUDDY_SNAPSHOT_BUSY;
    } else if (fchmod(p->fd, S_IRUSR | S_IWUSR) != 0 || ftruncate(p->fd, 0) != 0) {
        status = BUDDY_SNAPSHOT_IO;
    }
    if (status != BUDDY_SNAPSHOT_OK) {
        int reason = errno;
        if (status == BUDDY_SNAPSHOT_IO) { /* nobody else has it locked: it is worth nothing */
            (void)unlink(p->name); /* refused: an empty file stays, which the next save takes */
        }
        (void)close(p->fd); /* nothing of ours has been written */
        errno = reason;
    }
    return status;
}

buddy_snapshot_status partial_begin(partial *p, const char *path)
{
    if (strlen(path) + sizeof SUFFIX > sizeof p->name) {
        errno = ENAMETOOLONG;
        return BUDDY_SNAPSHOT_IO;
    }
    (void)snprintf(p->name, sizeof p->name, "%s" SUFFIX, path);
    /* A rename takes PATH away from whatever has other names too; but PATH.part is written to. */
    buddy_snapshot_status status = may_take(path, (nlink_t)-1);
    status = status == BUDDY_SNAPSHOT_OK ? may_take(p->name, 1) : status;
    bool again = status == BUDDY_SNAPSHOT_OK;
    for (int i = 0; i < TRIES && again; i++) {
        status = take_name(p, &again);
    }
    return status;
}

/* ---- writing and reading ---- */

bool partial_write(const partial *p, const void *data, size_t bytes, uint64_t at)
{
    const unsigned char *from = data;
    while (bytes > 0) {
        ssize_t done = pwrite(p->fd, from, bytes, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return false;
        }
        from += done;
        at += (uint64_t)done;
        bytes -= (size_t)done;
    }
    return true;
}

buddy_snapshot_status snapshot_read(int fd, void *data, size_t bytes, uint64_t at)
{
    unsigned char *to = data;
    while (bytes > 0) {
        ssize_t done = pread(fd, to, bytes, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return done == 0 ? BUDDY_SNAPSHOT_LENGTH : BUDDY_SNAPSHOT_IO;
        }
        to += done;
        at += (uint64_t)done;
        bytes -= (size_t)done;
    }
    return BUDDY_SNAPSHOT_OK;
}

/* ---- ending ---- */

void partial_drop(partial *p)
{
    int reason = errno;
    /* While it is locked: nobody else's. Refused, it stays, and the next save takes it over. */
    (void)unlink(p->name);
    (void)close(p->fd); /* what is in it is thrown away */
    errno = reason;
}

/* Makes the rename durable. */
static bool sync_folder(const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, length);
        folder[length] = 0;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool done = fsync(fd) == 0 || errno == EINVAL; /* a file system without such a thing */
    int reason = errno;
    (void)close(fd); /* a folder, opened to be read */
    errno = reason;
    return done;
}

buddy_snapshot_status partial_publish(partial *p, const char *path, uint64_t bytes)
{
    if (ftruncate(p->fd, (off_t)bytes) != 0 || fsync(p->fd) != 0 || rename(p->name, path) != 0) {
        partial_drop(p);
        return BUDDY_SNAPSHOT_IO;
    }
    bool done = sync_folder(path);
    int reason = errno;
    (void)close(p->fd); /* has been synchronised: there is nothing left to fail */
    errno = reason;
    return done ? BUDDY_SNAPSHOT_OK : BUDDY_SNAPSHOT_IO;
}
