/* malloc_wrappers.c: a library such as others preload: it wraps what an allocator calls of the C
 * library, and allocates in each wrapper before it goes on. Some of what it allocates there it
 * frees there, some it keeps for a while and frees in another wrapper, or on another thread. */
#include "tests/buddy/malloc/malloc_wrappers.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define KEPT 16u

static _Atomic(void *) kept[KEPT];
static _Atomic unsigned calls;
static _Atomic(wrapped_hook *) hook;
static atomic_bool stopped;

unsigned wrapped_calls(void)
{
    return atomic_load(&calls);
}

void wrapped_set_hook(wrapped_hook *now)
{
    atomic_store(&hook, now);
}

void wrapped_stop(void)
{
    atomic_store(&stopped, true);
}

static void check(const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; at != NULL && i < bytes; i++) {
        if (at[i] != 0) {
            abort();
        }
    }
}

static void allocate(const char *name)
{
    if (atomic_load(&stopped)) {
        return;
    }
    unsigned turn = atomic_fetch_add(&calls, 1);
    size_t bytes = 1 + turn * 7919u % 500;
    char *copy = malloc(strlen(name) + bytes);
    unsigned char *zeros = calloc(3, bytes);
    char *aligned = memalign(64, bytes);
    if (copy == NULL || zeros == NULL || aligned == NULL || (size_t)aligned % 64 != 0) {
        abort();
    }
    strcpy(copy, name);
    copy = realloc(copy, strlen(name) + 3 * bytes);
    if (copy == NULL || strcmp(copy, name) != 0 || malloc_usable_size(zeros) < 3 * bytes) {
        abort();
    }
    check(zeros, 3 * bytes);
    free(aligned);
    free(atomic_exchange(&kept[turn % KEPT], zeros));
    free(copy);
    wrapped_hook *told = atomic_load(&hook);
    if (told != NULL) {
        told(name);
    }
}

/* What the name means behind this library. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

#define WRAP(result, name, parameters, ...)    \
    result name parameters                     \
    {                                          \
        result(*real) parameters;              \
        allocate(#name);                       \
        *(void **)(void *)&real = next(#name); \
        return real(__VA_ARGS__);              \
    }

WRAP(int, close, (int file), file)
WRAP(ssize_t, read, (int file, void *at, size_t bytes), file, at, bytes)
WRAP(ssize_t, write, (int file, const void *at, size_t bytes), file, at, bytes)
WRAP(int, clock_gettime, (clockid_t clock, struct timespec *out), clock, out)
WRAP(int, getrlimit, (__rlimit_resource_t which, struct rlimit *out), which, out)
WRAP(void *, mmap, (void *at, size_t bytes, int access, int flags, int file, off_t offset), at,
     bytes, access, flags, file, offset)
WRAP(void *, mmap64, (void *at, size_t bytes, int access, int flags, int file, off64_t offset), at,
     bytes, access, flags, file, offset)
WRAP(int, munmap, (void *at, size_t bytes), at, bytes)
WRAP(int, madvise, (void *at, size_t bytes, int advice), at, bytes, advice)
WRAP(int, mprotect, (void *at, size_t bytes, int access), at, bytes, access)
WRAP(int, pthread_key_create, (pthread_key_t * key, void (*end)(void *)), key, end)
WRAP(int, pthread_setspecific, (pthread_key_t key, const void *value), key, value)
WRAP(int, pthread_once, (pthread_once_t * once, void (*work)(void)), once, work)
WRAP(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t *how), mutex, how)
WRAP(int, pthread_mutex_lock, (pthread_mutex_t * mutex), mutex)
WRAP(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), mutex)
WRAP(int, sched_yield, (void), )
WRAP(int, sched_getaffinity, (pid_t of, size_t bytes, cpu_set_t *out), of, bytes, out)
WRAP(long, sysconf, (int name), name)
WRAP(char *, getenv, (const char *name), name)
WRAP(char *, secure_getenv, (const char *name), name)
WRAP(pid_t, getpid, (void))

/* Those that take what they are given: as many as any of their calls has. */

#define WRAP_OPEN(name)                        \
    int name(const char *path, int flags, ...) \
    {                                          \
        int (*real)(const char *, int, ...);   \
        va_list rest;                          \
        va_start(rest, flags);                 \
        int mode = va_arg(rest, int);          \
        va_end(rest);                          \
        allocate(#name);                       \
        *(void **)(void *)&real = next(#name); \
        return real(path, flags, mode);        \
    }

#define WRAP_OPENAT(name)                                  \
    int name(int folder, const char *path, int flags, ...) \
    {                                                      \
        int (*real)(int, const char *, int, ...);          \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        int mode = va_arg(rest, int);                      \
        va_end(rest);                                      \
        allocate(#name);                                   \
        *(void **)(void *)&real = next(#name);             \
        return real(folder, path, flags, mode);            \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

void *mremap(void *at, size_t bytes, size_t wanted, int flags, ...)
{
    void *(*real)(void *, size_t, size_t, int, ...);
    va_list rest;
    va_start(rest, flags);
    void *there = va_arg(rest, void *);
    va_end(rest);
    allocate("mremap");
    *(void **)(void *)&real = next("mremap");
    return real(at, bytes, wanted, flags, there);
}

long syscall(long number, ...)
{
    long (*real)(long, ...), given[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++) {
        given[i] = va_arg(rest, long);
    }
    va_end(rest);
    allocate("syscall");
    *(void **)(void *)&real = next("syscall");
    return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
