/* malloc.c: the C library's allocation functions on a slab, for LD_PRELOAD=libbuddy-malloc.so, or
 * to be linked before the C library. Nothing but those functions is exported, and a name.
 *
 *     malloc, free      the thread's own cache, inline; all else goes on to slab.h
 *     start             the first call of all makes the slab; that is before any constructor, while
 *                       there is one thread. Nothing that is called then allocates
 *     end of a thread   its cache becomes an orphan by a pthread key; what is allocated by later
 *                       destructors gets a cache again; what is freed after them goes to its owner
 *     end of a process  nothing is torn down: others may still free
 *     dlclose           does not unload it (linked with -z nodelete)
 *     fork              handlers of slab_threads.c, the first ones set, so the last ones to run
 *
 *     BUDDY_FAULT, BUDDY_TRACK   read by a constructor. Where one is set, threads hide their caches
 *                       from the inline halves, so that every call comes to a slow one and is seen
 *                       there; where none is, nothing is different
 *
 * What a program gets wrong (a double free, a pointer that is not ours) ends it with one line that
 * names the pointer, as in the C library. free leaves errno alone. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fault.h"
#include "slab_private.h"
#include "track.h"

#define EXPORTED __attribute__((visibility("default")))

#define RANGE_LEAST ((size_t)16 << 20) /* under a limit of addresses */

static slab *instance; /* written once, by make_instance */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The calling thread's cache. */
static __thread slab_cache *mine __attribute__((tls_model("initial-exec"))) = &slab_nobody;

/* The same while calls are watched; then `mine` stays nobody's. */
static __thread slab_cache *hidden __attribute__((tls_model("initial-exec"))) = &slab_nobody;

/* Written by watch() before there is a second thread. */
static bool watched;
static fault *faults;
static track *tracks;

static slab_cache *own(void)
{
    return SLAB_LIKELY(mine != &slab_nobody) ? mine : hidden;
}

/* ---- the one slab ---- */

static void write_line(const char *line)
{
    static const char name[] = "buddy-malloc: ";
    bool done = write(STDERR_FILENO, name, sizeof(name) - 1) >= 0 &&
                write(STDERR_FILENO, line, strlen(line)) >= 0 && write(STDERR_FILENO, "\n", 1) >= 0;
    (void)done; /* there is nobody to tell */
}

static void on_error(void *context, const char *line)
{
    (void)context;
    write_line(line);
    abort();
}

/* Whether the system counts addresses as if they were memory (vm.overcommit_memory is 2). */
static bool addresses_are_dear(void)
{
    char mode = '0';
    int file = open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        mode = read(file, &mode, 1) == 1 ? mode : '0';
        (void)close(file);
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
    while (bytes < SLAB_RANGE_BYTES && bytes <= limit.rlim_cur / 32) {
        bytes *= 2;
    }
    return bytes;
}

static void make_instance(void)
{
    int before = errno;
    slab_desc desc = {.range_bytes = choose_range(), .on_error = on_error};
    instance = slab_create(&desc);
    errno = before;
}

static slab *get_instance(void)
{
    if (own() != &slab_nobody) {
        return own()->of;
    }
    (void)pthread_once(&once, make_instance);
    return instance;
}

/* ---- the slow halves ---- */

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static slab_cache *note(slab_cache *cache)
{
    if (cache != NULL && cache != &slab_nobody) {
        cache->door = watched ? &hidden : &mine;
        *cache->door = cache;
    }
    return own();
}

/* The thread's cache, which it gets now where it has none. */
static slab_cache *get_cache(slab *s)
{
    return own() != &slab_nobody ? own() : note(slab_claim(s));
}

/* Tells of a block that is handed out; NULL where it is to be refused. */
static void *told(void *at, size_t bytes, const void *site)
{
    if (at == NULL) {
        return no_memory();
    }
    if (watched) {
        track_alloc(tracks, at, bytes, site);
    }
    return at;
}

/* Whether a request is to fail by a plan. */
static bool is_struck(size_t bytes, const void *site)
{
    return watched && fault_strikes(faults, bytes, site);
}

static __attribute__((noinline)) void *malloc_slowly(size_t bytes, const void *site)
{
    slab *s = is_struck(bytes, site) ? NULL : get_instance();
    return told(s != NULL ? slab_alloc_slowly(s, get_cache(s), bytes) : NULL, bytes, site);
}

static __attribute__((noinline)) void free_slowly(void *pointer)
{
    int before = errno;
    if (watched) {
        track_free(tracks, pointer);
    }
    if (pointer != NULL && !slab_give_far(own(), pointer)) {
        slab *s = get_instance();
        if (s == NULL) {
            on_error(NULL, "free before there is memory");
        }
        (void)slab_free_slowly(s, own() != &slab_nobody ? own() : note(slab_claim_to_free(s)),
                               pointer);
    }
    errno = before;
}

static void *aligned(size_t alignment, size_t bytes, const void *site)
{
    slab *s = is_struck(bytes, site) ? NULL : get_instance();
    if (s == NULL) {
        return no_memory();
    }
    (void)get_cache(s); /* so that the door is known */
    return told(slab_aligned(s, alignment, bytes), bytes, site);
}

/* ---- watching ---- */

static void end_watching(void)
{
    (void)track_end(tracks);
}

static void before_fork(void)
{
    track_before_fork(tracks);
}

static void in_parent(void)
{
    track_after_fork(tracks, false);
}

static void in_child(void)
{
    track_after_fork(tracks, true);
}

/* Runs when the C library is ready and the program is not: what has been allocated before is not
 * known to a track, which says so. A variable that is wrong ends the program before it begins. */
static __attribute__((constructor)) void watch(void)
{
    char wrong[TRACK_LINE > FAULT_LINE ? TRACK_LINE : FAULT_LINE] = "";
    fault *f = fault_from_environment(wrong);
    track *t = wrong[0] == '\0' ? track_from_environment(wrong) : NULL;
    if (wrong[0] != '\0') {
        write_line(wrong);
        _exit(2);
    }
    if (f == NULL && t == NULL) {
        return;
    }
    if (t != NULL) {
        (void)atexit(end_watching);
        (void)pthread_atfork(before_fork, in_parent, in_child);
    }
    faults = f;
    tracks = t;
    hidden = mine;
    mine = &slab_nobody;
    if (hidden != &slab_nobody) {
        hidden->door = &hidden;
    }
    watched = true;
}

/* ---- the family ---- */

EXPORTED void *malloc(size_t bytes)
{
    void *at = slab_take(mine, bytes);
    return SLAB_LIKELY(at != NULL) ? at : malloc_slowly(bytes, __builtin_return_address(0));
}

EXPORTED void free(void *pointer)
{
    if (!SLAB_LIKELY(slab_give(mine, pointer))) {
        free_slowly(pointer);
    }
}

EXPORTED void *calloc(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        return no_memory();
    }
    void *at = slab_take(mine, total);
    if (SLAB_LIKELY(at != NULL)) {
        return memset(at, 0, total);
    }
    const void *site = __builtin_return_address(0);
    slab *s = is_struck(total, site) ? NULL : get_instance();
    if (s != NULL) {
        (void)get_cache(s);
        at = slab_zeroed(s, total);
    }
    return told(at, total, site);
}

/* As slab_realloc, which a track is told of. */
static void *resize(slab *s, void *pointer, size_t bytes, const void *site)
{
    if (!watched) {
        return slab_realloc(s, pointer, bytes);
    }
    track_moving moving = track_realloc_begin(tracks, pointer);
    void *at = slab_realloc(s, pointer, bytes);
    track_realloc_end(tracks, moving, at, bytes, site);
    return at;
}

static void *realloc_from(void *pointer, size_t bytes, const void *site)
{
    if (pointer == NULL) {
        void *at = slab_take(mine, bytes);
        return at != NULL ? at : malloc_slowly(bytes, site);
    }
    if (bytes == 0) {
        free(pointer);
        return NULL;
    }
    slab *s = is_struck(bytes, site) ? NULL : get_instance();
    void *at = NULL;
    if (s != NULL) {
        (void)get_cache(s);
        at = resize(s, pointer, bytes, site);
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
    slab *s = pointer != NULL ? get_instance() : NULL;
    return s != NULL ? slab_usable_size(s, pointer) : 0;
}

/* ---- looking ---- */

/* Whose malloc this is, for who looks for it by a symbol of its own. */
EXPORTED const char *buddy_malloc_name(void);
EXPORTED const char *buddy_malloc_name(void)
{
    return "buddy-malloc";
}

EXPORTED int malloc_trim(size_t pad)
{
    (void)pad;
    slab *s = get_instance();
    return s != NULL && slab_trim(s) != 0;
}

static slab_stats get_stats(void)
{
    slab_stats stats = {0};
    slab *s = get_instance();
    if (s != NULL) {
        slab_get_stats(s, &stats);
    }
    return stats;
}

EXPORTED struct mallinfo2 mallinfo2(void)
{
    slab_stats stats = get_stats();
    size_t live = stats.object_bytes + stats.block_bytes;
    return (struct mallinfo2){.arena = stats.capacity_bytes,
                              .ordblks = 1,
                              .hblks = (size_t)stats.mapped_count,
                              .hblkhd = stats.mapped_bytes,
                              .uordblks = live,
                              .fordblks = stats.capacity_bytes - live,
                              .keepcost = stats.free_bytes};
}

/* As far as an int reaches. */
static int narrow(size_t bytes)
{
    return bytes < INT32_MAX ? (int)bytes : INT32_MAX;
}

EXPORTED struct mallinfo mallinfo(void)
{
    struct mallinfo2 all = mallinfo2();
    return (struct mallinfo){.arena = narrow(all.arena),
                             .ordblks = narrow(all.ordblks),
                             .hblks = narrow(all.hblks),
                             .hblkhd = narrow(all.hblkhd),
                             .uordblks = narrow(all.uordblks),
                             .fordblks = narrow(all.fordblks),
                             .keepcost = narrow(all.keepcost)};
}

EXPORTED void malloc_stats(void)
{
    slab_stats stats = get_stats();
    char line[256];
    (void)snprintf(line, sizeof(line),
                   "%llu objects of %zu bytes in %u slabs of %zu; blocks %zu; mapped %llu of %zu; "
                   "in play %zu, free %zu; caches %u, orphans %u",
                   (unsigned long long)stats.object_count, stats.object_bytes, stats.slab_count,
                   stats.slab_bytes, stats.block_bytes, (unsigned long long)stats.mapped_count,
                   stats.mapped_bytes, stats.capacity_bytes, stats.free_bytes, stats.cache_count,
                   stats.orphan_count);
    write_line(line);
}
