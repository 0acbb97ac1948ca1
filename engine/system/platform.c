/* platform.c: Linux. */
#include "engine/system/platform.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_BYTES = 16,     /* of a thread, NUL included: the kernel's limit */
    BACKGROUND_NICE = 5, /* a third of a drawing thread's share when both want the core, all of it
                            when not */
};

uint64_t platform_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail: the clock exists and `now` is ours */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t platform_cpu_count(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0) {
        return (uint32_t)CPU_COUNT(&allowed);
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN); /* more processors than a cpu_set_t holds */
    return online > 0 ? (uint32_t)online : 1;
}

void platform_background_thread(const char *name)
{
    char text[NAME_BYTES];
    snprintf(text, sizeof text, "%s", name);
    pthread_setname_np(pthread_self(), text);
    setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE); /* on Linux, of this thread alone */
}
