/* watch/fault.c: the plan behind a lock for reading, counters beside it. */
#include "buddy/fault.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "buddy/system/region.h"
#include "buddy/watch/caller.h"

#define DRAWS 64u /* counts of single threads; those whose numbers meet in one share it */

/* A thread's own count, in a cache line of its own. */
typedef struct draw {
    _Alignas(64) _Atomic uint64_t count;
} draw;

struct buddy_fault {
    _Atomic bool on;       /* a plan is set; a hint: the plan itself is behind the lock */
    pthread_rwlock_t lock; /* of what follows, up to the counters */
    bool set;
    buddy_fault_plan plan;
    /* relaxed everywhere: figures, and numbers that only have to differ */
    _Atomic uint64_t asked, matched, struck;
    draw draws[DRAWS];
};

/* ---- making one ---- */

buddy_fault *buddy_fault_create(const buddy_fault_plan *plan)
{
    buddy_fault *f = region_map(sizeof(buddy_fault), _Alignof(buddy_fault));
    if (f == NULL) {
        return NULL;
    }
    pthread_rwlock_init(&f->lock, NULL); /* cannot fail on Linux with default traits */
    buddy_fault_set(f, plan);
    return f;
}

void buddy_fault_destroy(buddy_fault *f)
{
    if (f != NULL) {
        pthread_rwlock_destroy(&f->lock);
        region_unmap(f, sizeof(buddy_fault));
    }
}

static void clear_counts(buddy_fault *f)
{
    atomic_store_explicit(&f->asked, 0, memory_order_relaxed);
    atomic_store_explicit(&f->matched, 0, memory_order_relaxed);
    atomic_store_explicit(&f->struck, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < DRAWS; i++) {
        atomic_store_explicit(&f->draws[i].count, 0, memory_order_relaxed);
    }
}

void buddy_fault_set(buddy_fault *f, const buddy_fault_plan *plan)
{
    assert(plan == NULL || (plan->share >= 0 && plan->share <= 1));
    pthread_rwlock_wrlock(&f->lock);
    f->set = plan != NULL;
    if (plan != NULL) {
        f->plan = *plan;
    }
    clear_counts(f);
    pthread_rwlock_unlock(&f->lock);
    /* relaxed: a thread that sees it late asks for no plan, or looks at one in vain, for a
     * moment */
    atomic_store_explicit(&f->on, plan != NULL, memory_order_relaxed);
}

/* ---- asking ---- */

static const char *without_folders(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool lies_in(const char *where, const void *site)
{
    Dl_info info;
    if (site == NULL || dladdr(site, &info) == 0) {
        return false;
    }
    return (info.dli_sname != NULL && strcmp(info.dli_sname, where) == 0) ||
           (info.dli_fname != NULL && strcmp(without_folders(info.dli_fname), where) == 0);
}

/* Those that are cheap to tell come first. */
static bool matches(const buddy_fault_plan *p, size_t bytes, const void *site)
{
    uint32_t thread = caller_number();
    uintptr_t at = (uintptr_t)site;
    if (bytes < p->least_bytes || (p->most_bytes != 0 && bytes > p->most_bytes) ||
        thread < p->first_thread || (p->last_thread != 0 && thread > p->last_thread) ||
        at < (uintptr_t)p->site_begin || (p->site_end != NULL && at >= (uintptr_t)p->site_end)) {
        return false;
    }
    return p->where[0] == '\0' || lies_in(p->where, site);
}

/* The finish of splitmix64: every bit of the result depends on every bit of x. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* A number from 0 up to 1, exclusive, by seed, thread and the thread's own count. */
static double draw_number(buddy_fault *f)
{
    uint32_t thread = caller_number();
    _Atomic uint64_t *own = &f->draws[thread % DRAWS].count;
    uint64_t count = atomic_fetch_add_explicit(own, 1, memory_order_relaxed);
    uint64_t bits = mix(mix(f->plan.seed + thread * UINT64_C(0x9e3779b97f4a7c15)) + count);
    return (double)(bits >> 11) * 0x1p-53;
}

static bool by_rule(buddy_fault *f, uint64_t number)
{
    const buddy_fault_plan *p = &f->plan;
    return number == p->nth || (p->every != 0 && number % p->every == 0) ||
           (p->share > 0 && draw_number(f) < p->share);
}

/* struck -> struck + 1, up to the most that are wanted. */
static bool count_strike(buddy_fault *f)
{
    uint64_t struck = atomic_load_explicit(&f->struck, memory_order_relaxed);
    do {
        if (f->plan.most != 0 && struck >= f->plan.most) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&f->struck, &struck, struck + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* The lock is held for reading. */
static bool ask(buddy_fault *f, size_t bytes, const void *site)
{
    atomic_fetch_add_explicit(&f->asked, 1, memory_order_relaxed);
    if (!matches(&f->plan, bytes, site)) {
        return false;
    }
    uint64_t number = atomic_fetch_add_explicit(&f->matched, 1, memory_order_relaxed) + 1;
    return by_rule(f, number) && count_strike(f);
}

bool buddy_fault_strikes(buddy_fault *f, size_t bytes, const void *site)
{
    /* relaxed: see buddy_fault_set */
    if (f == NULL || !atomic_load_explicit(&f->on, memory_order_relaxed)) {
        return false;
    }
    pthread_rwlock_rdlock(&f->lock);
    bool strikes = f->set && ask(f, bytes, site);
    pthread_rwlock_unlock(&f->lock);
    return strikes;
}

void buddy_fault_get_stats(const buddy_fault *f, buddy_fault_stats *out)
{
    out->asked = atomic_load_explicit(&f->asked, memory_order_relaxed);
    out->matched = atomic_load_explicit(&f->matched, memory_order_relaxed);
    out->struck = atomic_load_explicit(&f->struck, memory_order_relaxed);
}

uint32_t buddy_fault_thread(void)
{
    return caller_number();
}
