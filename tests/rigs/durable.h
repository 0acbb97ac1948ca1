/* durable.h: what a power cut would leave. Calls that write, synchronise and rename are counted
 * while they are made, so that a test can say whether what was renamed into place was on the disk
 * by then. Link with DURABLE_WRAPS (see CMakeLists.txt). One thread; include after cmocka. */
#ifndef MEGABUDDY_TESTS_DURABLE_H
#define MEGABUDDY_TESTS_DURABLE_H

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DURABLE_FILES 64

typedef struct durable_file {
    dev_t device;
    ino_t inode;
    bool folder;
    bool dirty; /* has been written to, or renamed into, since it was synchronised */
} durable_file;

static struct {
    durable_file files[DURABLE_FILES];
    uint32_t count;
    uint32_t renames;       /* that were made */
    uint32_t early_renames; /* of a file that was dirty, or was never synchronised */
    uint32_t dirty_others;  /* other files that were dirty at a rename */
    uint32_t stale_folders; /* renamed into, and not synchronised since */
    bool sync_fails;
} durable;

static void durable_begin(void)
{
    memset(&durable, 0, sizeof durable);
}

/* NULL: it has never been written to or synchronised. */
static durable_file *durable_known(const struct stat *of)
{
    for (uint32_t i = 0; i < durable.count; i++) {
        durable_file *f = &durable.files[i];
        if (f->device == of->st_dev && f->inode == of->st_ino) {
            return f;
        }
    }
    return NULL;
}

static void durable_note(const struct stat *of, bool dirty)
{
    durable_file *f = durable_known(of);
    if (f == NULL) {
        assert_true(durable.count < DURABLE_FILES);
        f = &durable.files[durable.count++];
        *f = (durable_file){of->st_dev, of->st_ino, S_ISDIR(of->st_mode), false};
    }
    durable.stale_folders += f->folder && dirty && !f->dirty;
    durable.stale_folders -= f->folder && !dirty && f->dirty;
    f->dirty = dirty;
}

static void durable_written(int fd)
{
    struct stat of;
    if (fstat(fd, &of) == 0 && S_ISREG(of.st_mode)) {
        durable_note(&of, true);
    }
}

/* Forgets files that are gone: their numbers may come again. */
static void durable_removed(const struct stat *of)
{
    durable_file *f = durable_known(of);
    if (f != NULL && of->st_nlink <= 1) {
        *f = durable.files[--durable.count];
    }
}

static void durable_renamed(const struct stat *from, int to_fd, const char *to)
{
    char folder[PATH_MAX];
    struct stat of;
    const durable_file *moved = durable_known(from);
    durable.renames++;
    durable.early_renames += moved == NULL || moved->dirty;
    for (uint32_t i = 0; i < durable.count; i++) {
        const durable_file *f = &durable.files[i];
        durable.dirty_others += f->dirty && !f->folder && f != moved;
    }
    snprintf(folder, sizeof folder, "%s", to);
    if (fstatat(to_fd, dirname(folder), &of, 0) == 0) {
        durable_note(&of, true);
    }
}

static int durable_synced(int fd, int result)
{
    struct stat of;
    if (result == 0 && fstat(fd, &of) == 0) {
        durable_note(&of, false);
    }
    return result;
}

/* ---- the calls ---- */

ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);
ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t at);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at);
int __real_ftruncate(int fd, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags);

ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
    durable_written(fd);
    return __real_write(fd, data, bytes);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    durable_written(fd);
    return __real_pwrite(fd, data, bytes, at);
}

int __wrap_ftruncate(int fd, off_t bytes)
{
    durable_written(fd);
    return __real_ftruncate(fd, bytes);
}

static bool durable_refuses(void)
{
    errno = durable.sync_fails ? EIO : errno;
    return durable.sync_fails;
}

int __wrap_fsync(int fd)
{
    return durable_refuses() ? -1 : durable_synced(fd, __real_fsync(fd));
}

int __wrap_fdatasync(int fd)
{
    return durable_refuses() ? -1 : durable_synced(fd, __real_fdatasync(fd));
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    struct stat of;
    const bool known = fstatat(from_fd, from, &of, AT_SYMLINK_NOFOLLOW) == 0;
    const int result = __real_renameat(from_fd, from, to_fd, to);
    if (known && result == 0) {
        durable_renamed(&of, to_fd, to);
    }
    return result;
}

int __wrap_rename(const char *from, const char *to)
{
    return __wrap_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int __wrap_unlinkat(int fd, const char *path, int flags)
{
    struct stat of;
    const bool known = fstatat(fd, path, &of, AT_SYMLINK_NOFOLLOW) == 0;
    const int result = __real_unlinkat(fd, path, flags);
    if (known && result == 0) {
        durable_removed(&of);
    }
    return result;
}

#endif
