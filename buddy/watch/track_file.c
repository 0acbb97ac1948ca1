/* watch/track_file.c: the files that a track writes. Their names come from the environment, often
 * for a whole tree of programs: nothing but a new file is written to. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buddy/watch/track_private.h"

#define TRIES 16u /* of who makes the same file at the same time */

static int refuse(int reason)
{
    errno = reason;
    return -1;
}

/* Removes a regular file. False, and errno says why, where anything else has the name. */
static bool make_way(const char *path)
{
    struct stat there;
    if (lstat(path, &there) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISREG(there.st_mode)) {
        (void)refuse(S_ISLNK(there.st_mode) ? ELOOP : S_ISDIR(there.st_mode) ? EISDIR : EOPNOTSUPP);
        return false;
    }
    return unlink(path) == 0 || errno == ENOENT;
}

int track_file_create(const char *path)
{
    for (uint32_t i = 0; i < TRIES; i++) {
        if (!make_way(path)) {
            return -1;
        }
        int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST) {
            return file;
        }
    }
    return refuse(EEXIST);
}

bool track_uncancelled(bool (*work)(buddy_track *t, const char *path), buddy_track *t,
                       const char *path)
{
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    bool good = work(t, path);
    int reason = errno;
    (void)pthread_setcancelstate(before, &before);
    errno = reason;
    return good;
}
