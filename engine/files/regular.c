/* regular.c: see regular.h. */
#include "engine/files/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM 4096 /* bytes: a page of text, as most are */

const char *file_text(int error)
{
    switch (error) {
    case EISDIR:
        return "is a directory";
    case ENOTSUP:
        return "is not a regular file";
    case EBUSY:
        return "is being written by another program";
    case EMEDIUMTYPE:
        return "is something else, and is left alone";
    case ENOTUNIQ:
        return "its temporary name is taken by something that is no left-over of ours";
    default:
        return strerror(error);
    }
}

static bool is_regular(const struct stat *st)
{
    errno = S_ISREG(st->st_mode) ? errno : S_ISDIR(st->st_mode) ? EISDIR : ENOTSUP;
    return S_ISREG(st->st_mode);
}

/* Whether an open descriptor is a regular file's. Clears O_NONBLOCK, since readers of a file expect
 * to wait for it. */
static bool is_good(int fd, struct stat *st)
{
    const int flags = fcntl(fd, F_GETFL);
    return fstat(fd, st) == 0 && is_regular(st) && flags >= 0 &&
           fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

/* Opens without waiting (O_NONBLOCK): between the look and the opening somebody may put a pipe
 * there. What was opened is looked at again in is_good. */
static int open_at(int folder, const char *name, int no_follow, struct stat *about)
{
    struct stat st;
    if (fstatat(folder, name, &st, no_follow != 0 ? AT_SYMLINK_NOFOLLOW : 0) != 0) {
        return -1;
    }
    if (no_follow != 0 && S_ISLNK(st.st_mode)) {
        errno = ELOOP;
        return -1;
    }
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | no_follow;
    const int fd = is_regular(&st) ? openat(folder, name, flags) : -1;
    if (fd >= 0 && !is_good(fd, &st)) {
        const int why = errno;
        (void)close(fd);
        errno = why;
        return -1;
    }
    if (fd >= 0 && about != NULL) {
        *about = st;
    }
    return fd;
}

int regular_fd(const char *path, struct stat *about)
{
    return open_at(AT_FDCWD, path, 0, about);
}

int regular_fd_at(int folder, const char *name, struct stat *about)
{
    return open_at(folder, name, O_NOFOLLOW, about);
}

/* ---- reading a file whole ---- */

/* Makes room for more than *room bytes and a zero behind them; NULL: no memory, and `text` is
 * freed. */
static char *grow(char *text, size_t *room, size_t most)
{
    *room = *room == 0 ? FIRST_ROOM : 2 * *room;
    *room = *room > most ? most + 1 : *room; /* one more than is allowed, to notice a longer file */
    char *larger = realloc(text, *room + 1);
    if (larger == NULL) {
        free(text);
        errno = ENOMEM;
    }
    return larger;
}

/* Reads until the file ends rather than by its size, which may change meanwhile. */
char *regular_read_fd(int fd, size_t most, size_t *bytes)
{
    size_t room = 0, done = 0;
    char *text = grow(NULL, &room, most);
    while (text != NULL) {
        const ssize_t got = read(fd, text + done, room - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        done += got > 0 ? (size_t)got : 0;
        if (got < 0 || done > most) {
            const int why = got < 0 ? errno : EFBIG;
            free(text);
            errno = why;
            return NULL;
        }
        if (got == 0) {
            break;
        }
        text = done == room ? grow(text, &room, most) : text;
    }
    if (text != NULL) {
        text[done] = '\0';
        *bytes = done;
    }
    return text;
}

char *regular_read(const char *path, size_t most, size_t *bytes)
{
    const int fd = regular_fd(path, NULL);
    if (fd < 0) {
        return NULL;
    }
    char *text = regular_read_fd(fd, most, bytes);
    const int why = errno;
    (void)close(fd); /* nothing was written */
    errno = why;
    return text;
}

bool regular_read_at(int fd, void *to, size_t bytes, uint64_t at)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = pread(fd, (uint8_t *)to + done, bytes - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

/* ---- files that may not be empty ---- */

static bool has_bytes(const struct stat *st, char *why, size_t why_bytes)
{
    if (st->st_size == 0) {
        (void)snprintf(why, why_bytes, "is empty");
    }
    return st->st_size != 0;
}

bool regular_check(const char *path, uint64_t *bytes, char *why, size_t why_bytes)
{
    struct stat st;
    if (stat(path, &st) != 0 || !is_regular(&st)) {
        (void)snprintf(why, why_bytes, "%s", file_text(errno));
        return false;
    }
    if (bytes != NULL) {
        *bytes = (uint64_t)st.st_size;
    }
    return has_bytes(&st, why, why_bytes);
}

FILE *regular_open(const char *path, char *why, size_t why_bytes)
{
    struct stat st;
    const int fd = regular_fd(path, &st);
    if (fd >= 0 && !has_bytes(&st, why, why_bytes)) {
        (void)close(fd);
        return NULL;
    }
    FILE *file = fd >= 0 ? fdopen(fd, "rb") : NULL;
    if (file == NULL) {
        (void)snprintf(why, why_bytes, "%s", file_text(errno));
    }
    if (file == NULL && fd >= 0) {
        (void)close(fd);
    }
    return file;
}

bool regular_head(const char *path, uint8_t *head, size_t count, char *why, size_t why_bytes)
{
    FILE *file = regular_open(path, why, why_bytes);
    if (file == NULL) {
        return false;
    }
    memset(head, 0, count);
    const bool got = fread(head, 1, count, file) > 0 || !ferror(file);
    if (!got) {
        (void)snprintf(why, why_bytes, "%s", strerror(errno));
    }
    (void)fclose(file); /* nothing was written */
    return got;
}
