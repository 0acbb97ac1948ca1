/* malloc/malloc.c: the C library's allocation functions on slabs, for
 * LD_PRELOAD=libbuddy-malloc.so, or to be linked before the C library. The library exports those
 * functions and its name, nothing else.
 *
 *     malloc, free      ask the thread's own cache, inline (slabs.h); all else takes a call
 *     start             the first call of all makes the slabs, before any constructor runs. Other
 *                       threads wait for it
 *     inside            a call in the middle of a call: other libraries wrap mmap, open or
 *                       pthread_mutex_lock, and allocate in their wrappers. Such a request is
 *                       served from a room of its own (malloc/inside.h); what is freed there
 *                       waits for the next free
 *     end of a thread   its cache becomes an orphan, by a pthread key. What later destructors
 *                       allocate gets a cache again; what is freed after them goes to its owner
 *     end of a process  nothing is torn down: others may still free
 *     dlclose           does not unload the library (linked with -z nodelete)
 *     fork              by handlers of slab/threads.c; they are set first, so they run last. Also
 *                       from a signal handler that has interrupted any of this
 *     BUDDY_FAULT,      are read by a constructor. Where one is set, no thread has its cache at
 *     BUDDY_TRACK       hand, so every call comes to a slow half and is seen there. Programs that
 *                       run with other rights than their user's (set-user-id) ignore them
 *
 * What a program gets wrong (a double free, a pointer that is not ours) ends it with one line that
 * names the pointer, as in the C library. A handler of SIGABRT may allocate: it is served from the
 * room, since lists may be corrupt. free leaves errno alone; nothing here is a cancellation
 * point. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buddy/fault.h"
#include "buddy/malloc/inside.h"
#include "buddy/malloc/private.h"
#include "buddy/system/at_work.h"
#include "buddy/system/kernel.h"
#include "buddy/track.h"

#define RANGE_LEAST ((size_t)16 << 20) /* under a limit of addresses */

static _Atomic(buddy_slabs *) instance; /* written once, by make_instance */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* The calling thread's cache, at hand for malloc and free; &buddy_slabs_no_cache before it has one,
 * and while calls are watched: then they all come to the slow halves. */
static __thread buddy_slabs_cache *cache __attribute__((tls_model("initial-exec"))) =
    &buddy_slabs_no_cache;

/* The thread has found the program at fault, and is about to end it. */
static __thread bool failing __attribute__((tls_model("initial-exec")));

/* Blocks that were freed in the middle of a call, linked through their first words. */
static _Atomic(void *) waiting;

/* Written by watch() before there is a second thread. */
static bool watched;
static buddy_fault *faults;
static buddy_track *tracks;

/* ---- the one buddy_slabs ---- */

void malloc_tell(const char *line)
{
    char whole[MALLOC_LINE];
    int length = snprintf(whole, sizeof whole, "buddy-malloc: %s\n", line);
    /* Not by write, which is a cancellation point. If it fails there is no other way to tell. */
    (void)kernel_call(SYS_write, STDERR_FILENO, (long)(uintptr_t)whole, length, 0);
}

static void on_error(void *context, const char *line)
{
    (void)context;
    failing = true;
    cache = &buddy_slabs_no_cache;
    malloc_tell(line);
    abort();
}

/* Whether the system counts addresses as if they were memory (vm.overcommit_memory is 2). By the
 * kernel itself: a wrapper may not have been set up yet. */
static bool addresses_are_dear(void)
{
    static const char path[] = "/proc/sys/vm/overcommit_memory";
    char mode = '0';
    long file = kernel_call(SYS_openat, AT_FDCWD, (long)(uintptr_t)path, O_RDONLY | O_CLOEXEC, 0);
    if (file >= 0) {
        long got = kernel_call(SYS_read, file, (long)(uintptr_t)&mode, 1, 0);
        mode = got == 1 ? mode : '0';
        (void)kernel_call(SYS_close, file, 0, 0, 0);
    }
    return mode == '2';
}

/* Addresses for a range: where the process may not have many, a sixteenth of them, so that other
 * mappings find room too. 0: the default. */
static size_t choose_range(void)
{
    struct rlimit limit;
    if (addresses_are_dear()) {
        return RANGE_LEAST;
    }
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return 0;
    }
    size_t bytes = RANGE_LEAST;
    while (bytes < BUDDY_SLABS_RANGE_BYTES && bytes <= limit.rlim_cur / 32) {
        bytes *= 2;
    }
    return bytes;
}

/* NULL without memory; then the next call tries again. */
static __attribute__((noinline)) buddy_slabs *make_instance(void)
{
    int before = errno;
    inside_make();
    at_work_lock(&making);
    buddy_slabs *s =
        atomic_load_explicit(&instance, memory_order_relaxed); /* relaxed: of the lock */
    if (s == NULL) {
        buddy_slabs_desc desc = {.range_bytes = choose_range(), .on_error = on_error};
        s = buddy_slabs_create(&desc);
        atomic_store_explicit(&instance, s, memory_order_release); /* release: all of it */
    }
    at_work_unlock(&making);
    errno = before;
    return s;
}

/* The slabs, which are made where there are none. Not in the middle of a call. */
static inline buddy_slabs *get_instance(void)
{
    buddy_slabs *s = atomic_load_explicit(&instance, memory_order_acquire); /* acquire: all of it */
    return s != NULL ? s : make_instance();
}

/* After a call by which the thread may have got a cache. */
static void keep_at_hand(buddy_slabs *s)
{
    if (cache == &buddy_slabs_no_cache && !watched) {
        buddy_slabs_attach(s, &cache);
    }
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* ---- calls in the middle of a call ---- */

/* Whether the calling thread must not come to the slabs: it is in there already, or what it would
 * find there may be corrupt. */
static bool is_inside(void)
{
    return is_at_work() || failing;
}

static void *alloc_inside(size_t alignment, size_t bytes)
{
    void *at = inside_alloc(alignment, bytes);
    buddy_slabs *s = atomic_load_explicit(&instance, memory_order_acquire); /* acquire: all of it */
    if (at == NULL && s != NULL && !is_at_work()) {
        at = buddy_slabs_aligned(s, alignment, bytes); /* better what may be corrupt than nothing */
    }
    return at != NULL ? at : no_memory();
}

static void *calloc_inside(size_t bytes)
{
    void *at = alloc_inside(1, bytes);
    return at != NULL ? memset(at, 0, bytes) : NULL;
}

static void free_of_inside(void *pointer)
{
    if (!inside_free(pointer)) {
        on_error(NULL, "free of a pointer where no block begins, or that is free already");
    }
}

/* To be freed by the next thread that is not in the middle of a call. */
static void free_later(void *pointer)
{
    void *first = atomic_load_explicit(&waiting, memory_order_relaxed);
    do {
        *(void **)pointer = first;
        /* release: the link, and what was done with the block */
    } while (!atomic_compare_exchange_weak_explicit(&waiting, &first, pointer, memory_order_release,
                                                    memory_order_relaxed));
}

/* As far as it can be told in the middle of a call, where this thread may hold a lock of the slabs;
 * 0: unknown. */
static size_t usable_size_inside(const void *pointer)
{
    if (inside_owns(pointer)) {
        return inside_usable_size(pointer);
    }
    buddy_slabs *s = atomic_load_explicit(&instance, memory_order_acquire); /* acquire: all of it */
    return s != NULL && buddy_slabs_in_range(s, pointer) ? buddy_slabs_usable_size(s, pointer) : 0;
}

/* A realloc in the middle of a call, or of what was given there. */
static void *realloc_inside(void *pointer, size_t bytes)
{
    size_t held = usable_size_inside(pointer);
    if (bytes <= held) {
        return pointer;
    }
    void *at = held == 0 ? no_memory() : is_inside() ? alloc_inside(1, bytes) : malloc(bytes);
    if (at != NULL) {
        memcpy(at, pointer, held);
        free(pointer);
    }
    return at;
}

/* ---- the slow halves ---- */

/* Tells of a block that is handed out; NULL where it is to be refused. */
static void *told(void *at, size_t bytes, const void *site)
{
    if (at == NULL) {
        return no_memory();
    }
    if (watched) {
        buddy_track_alloc(tracks, at, bytes, site);
    }
    return at;
}

/* Whether a request is to fail by a plan. */
static bool is_struck(size_t bytes, const void *site)
{
    return watched && buddy_fault_strikes(faults, bytes, site);
}

static __attribute__((noinline)) void *malloc_slowly(size_t bytes, const void *site)
{
    if (is_inside()) {
        return alloc_inside(1, bytes);
    }
    buddy_slabs *s = is_struck(bytes, site) ? NULL : get_instance();
    void *at = NULL;
    if (s != NULL) {
        at = buddy_slabs_alloc_slowly(s, bytes);
        keep_at_hand(s);
    }
    return told(at, bytes, site);
}

/* Gives back what no track has to be told of any more. */
static void give(void *pointer)
{
    if (buddy_slabs_give_far(cache, pointer)) {
        return;
    }
    buddy_slabs *s = get_instance();
    if (s == NULL) {
        on_error(NULL, "free before there is memory");
    }
    (void)buddy_slabs_free_slowly(s, pointer);
    keep_at_hand(s);
}

/* Frees what waited. What is freed in the middle of that waits for the next time. */
static void give_waiting(void)
{
    /* relaxed: most often there is none; acquire: see free_later */
    if (BUDDY_SLABS_LIKELY(atomic_load_explicit(&waiting, memory_order_relaxed) == NULL)) {
        return;
    }
    void *pointer = atomic_exchange_explicit(&waiting, NULL, memory_order_acquire);
    while (pointer != NULL) {
        void *next = *(void **)pointer;
        give(pointer);
        pointer = next;
    }
}

static __attribute__((noinline)) void free_slowly(void *pointer)
{
    int before = errno;
    if (pointer == NULL) {
        return;
    }
    if (inside_owns(pointer)) {
        free_of_inside(pointer);
        return;
    }
    if (watched) {
        buddy_track_free(tracks, pointer);
    }
    if (is_inside()) {
        free_later(pointer);
    } else {
        give(pointer);
        give_waiting();
    }
    errno = before;
}

static void *aligned(size_t alignment, size_t bytes, const void *site)
{
    if (is_inside()) {
        return alloc_inside(alignment, bytes);
    }
    buddy_slabs *s = is_struck(bytes, site) ? NULL : get_instance();
    if (s == NULL) {
        return no_memory();
    }
    void *at = buddy_slabs_aligned(s, alignment, bytes);
    keep_at_hand(s);
    return told(at, bytes, site);
}

/* ---- watching ---- */

static void end_watching(void)
{
    (void)buddy_track_end(tracks);
}

static void before_fork(void)
{
    buddy_track_before_fork(tracks);
}

static void in_parent(void)
{
    buddy_track_after_fork(tracks, false);
}

static void in_child(void)
{
    buddy_track_after_fork(tracks, true);
}

/* Runs when the C library is ready and the program is not: what has been allocated before is not
 * known to a track, which says so. A variable that is wrong ends the program before it begins. */
static void watch(void)
{
    char wrong[BUDDY_TRACK_LINE > BUDDY_FAULT_LINE ? BUDDY_TRACK_LINE : BUDDY_FAULT_LINE] = "";
    buddy_fault *f = buddy_fault_from_environment(wrong);
    buddy_track *t = wrong[0] == '\0' ? buddy_track_from_environment(wrong) : NULL;
    if (wrong[0] != '\0') {
        malloc_tell(wrong);
        _exit(2);
    }
    if (f == NULL && t == NULL) {
        return;
    }
    if (t != NULL) {
        (void)atexit(end_watching);
        /* Where the system refuses, what is watched is told as well; only a child that is forked
         * while another thread tells something could wait for that thread. */
        (void)pthread_atfork(before_fork, in_parent, in_child);
    }
    faults = f;
    tracks = t;
    cache = &buddy_slabs_no_cache; /* the only thread's */
    watched = true;
}

/* Another thread may have been making the instance: it is not in the child, and what it made is
 * lost there. Where this thread is at work itself, it goes on with what it holds. */
static void after_fork_in_child(void)
{
    if (!is_at_work()) {
        making = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    }
}

static __attribute__((constructor)) void begin(void)
{
    /* Refused: only a child that is forked while the instance is made could wait for ever. */
    (void)pthread_atfork(NULL, NULL, after_fork_in_child);
    watch();
}

/* ---- the family ---- */

EXPORTED void *malloc(size_t bytes)
{
    void *at = buddy_slabs_take(cache, bytes);
    return BUDDY_SLABS_LIKELY(at != NULL) ? at : malloc_slowly(bytes, __builtin_return_address(0));
}

EXPORTED void free(void *pointer)
{
    if (!BUDDY_SLABS_LIKELY(buddy_slabs_give(cache, pointer))) {
        free_slowly(pointer);
    }
}

EXPORTED void *calloc(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return no_memory();
    }
    void *at = buddy_slabs_take(cache, total);
    if (BUDDY_SLABS_LIKELY(at != NULL)) {
        return memset(at, 0, total);
    }
    if (is_inside()) {
        return calloc_inside(total);
    }
    const void *site = __builtin_return_address(0);
    buddy_slabs *s = is_struck(total, site) ? NULL : get_instance();
    if (s != NULL) {
        at = buddy_slabs_zeroed(s, total);
        keep_at_hand(s);
    }
    return told(at, total, site);
}

/* As buddy_slabs_realloc, which a track is told of. */
static void *resize(buddy_slabs *s, void *pointer, size_t bytes, const void *site)
{
    if (!watched) {
        return buddy_slabs_realloc(s, pointer, bytes);
    }
    buddy_track_moving moving = buddy_track_realloc_begin(tracks, pointer);
    void *at = buddy_slabs_realloc(s, pointer, bytes);
    buddy_track_realloc_end(tracks, moving, at, bytes, site);
    return at;
}

static void *realloc_from(void *pointer, size_t bytes, const void *site)
{
    if (pointer == NULL) {
        void *at = buddy_slabs_take(cache, bytes);
        return at != NULL ? at : malloc_slowly(bytes, site);
    }
    if (bytes == 0) {
        free(pointer);
        return NULL;
    }
    if (is_inside() || inside_owns(pointer)) {
        return realloc_inside(pointer, bytes);
    }
    buddy_slabs *s = is_struck(bytes, site) ? NULL : get_instance();
    void *at = NULL;
    if (s != NULL) {
        at = resize(s, pointer, bytes, site);
        keep_at_hand(s);
    }
    return at != NULL ? at : no_memory();
}

EXPORTED void *realloc(void *pointer, size_t bytes)
{
    return realloc_from(pointer, bytes, __builtin_return_address(0));
}

EXPORTED void *reallocarray(void *pointer, size_t count, size_t bytes)
{
    size_t total;
    return __builtin_mul_overflow(count, bytes, &total)
               ? no_memory()
               : realloc_from(pointer, total, __builtin_return_address(0));
}

static bool is_power_of_two(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

EXPORTED int posix_memalign(void **pointer, size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0) {
        return EINVAL;
    }
    int before = errno;
    void *at = aligned(alignment, bytes, __builtin_return_address(0));
    errno = before; /* the reason is returned */
    if (at == NULL) {
        return ENOMEM;
    }
    *pointer = at;
    return 0;
}

EXPORTED void *aligned_alloc(size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return aligned(alignment, bytes, __builtin_return_address(0));
}

/* Where the alignment is not a power of two the next one is meant. */
EXPORTED void *memalign(size_t alignment, size_t bytes)
{
    size_t power = 16;
    while (power < alignment && power != 0) {
        power *= 2;
    }
    if (power == 0) {
        errno = EINVAL;
        return NULL;
    }
    return aligned(power, bytes, __builtin_return_address(0));
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

EXPORTED void *valloc(size_t bytes)
{
    return aligned(page_bytes(), bytes, __builtin_return_address(0));
}

EXPORTED void *pvalloc(size_t bytes)
{
    size_t page = page_bytes();
    return bytes <= SIZE_MAX - page
               ? aligned(page, (bytes + page - 1) & ~(page - 1), __builtin_return_address(0))
               : no_memory();
}

EXPORTED size_t malloc_usable_size(void *pointer)
{
    if (is_inside() || inside_owns(pointer)) {
        return usable_size_inside(pointer);
    }
    buddy_slabs *s = pointer != NULL ? get_instance() : NULL;
    return s != NULL ? buddy_slabs_usable_size(s, pointer) : 0;
}

/* ---- looking ---- */

/* Says whose malloc this is to a program that looks for this symbol. */
EXPORTED const char *buddy_malloc_name(void);
EXPORTED const char *buddy_malloc_name(void)
{
    return "buddy-malloc";
}

buddy_slabs *malloc_slabs(void)
{
    return is_inside() ? NULL : get_instance();
}
