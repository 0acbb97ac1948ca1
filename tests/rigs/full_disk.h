/* full_disk.h: a disk that is full, for whoever runs the tests: no file may be longer than so many
 * bytes. Writes beyond fail with EFBIG, as they would with ENOSPC, and no signal comes. One thread.
 */
#ifndef MEGABUDDY_TESTS_FULL_DISK_H
#define MEGABUDDY_TESTS_FULL_DISK_H

#include <signal.h>
#include <sys/resource.h>

static struct rlimit full_disk_before;

static inline int full_disk_begin(rlim_t bytes)
{
    struct rlimit limit;
    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || getrlimit(RLIMIT_FSIZE, &full_disk_before) != 0) {
        return -1;
    }
    limit = full_disk_before;
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_FSIZE, &limit);
}

static inline int full_disk_end(void)
{
    return setrlimit(RLIMIT_FSIZE, &full_disk_before);
}

#endif
