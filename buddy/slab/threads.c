/* slab/threads.c: which thread has which cache: a thread's first call, its end, and fork(). What is
 * global to the process is here: a list of all slabs, and each thread's seats. */
#include "buddy/slab/private.h"

#include "buddy/system/exit_key.h"
#include "buddy/system/region.h"

#define SEATS        8u  /* slabs in use by one thread whose caches it finds at once */
#define ADOPT_LOOKED 16u /* orphans looked through for one slab: what bounds the search */

/* A thread's note of which cache it has in a slab. */
typedef struct seat {
    uint64_t id; /* of the slab; 0: none */
    slab_cache *cache;
} seat;

static _Thread_local seat seats[SEATS] __attribute__((tls_model("initial-exec")));

static _Thread_local bool leaving
    __attribute__((tls_model("initial-exec"))); /* its end has begun */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_handlers; /* of fork */
static exit_key at_exit;  /* makes orphans of a thread's caches */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static buddy_slabs *list; /* needs list_lock */
static uint64_t last_id;  /* needs list_lock */

static _Thread_local at_work_fork forking __attribute__((tls_model("initial-exec")));

static const char lost; /* as slab_cache.thread: of a thread that a fork did not copy */

/* What tells threads apart: the address of something each has for itself. */
static const void *self(void)
{
    return seats;
}

static seat *seat_of(const buddy_slabs *s)
{
    return &seats[s->id % SEATS];
}

/* ---- a thread's first call ---- */

/* The cache of `thread`, NULL where there is none. Needs s->lock. */
static slab_cache *find_cache(const buddy_slabs *s, const void *thread)
{
    slab_cache *cache = s->caches;
    while (cache != NULL && cache->thread != thread) {
        cache = cache->next;
    }
    return cache;
}

/* Needs s->lock. */
static slab_cache *new_cache(buddy_slabs *s)
{
    slab_cache *cache = region_map(sizeof(slab_cache), sizeof(void *));
    /* The system may have no more while we have some. */
    cache = cache != NULL ? cache : slab_block_within(s, sizeof(slab_cache));
    if (cache != NULL) {
        slab_cache_init(cache, s);
        cache->next = s->caches;
        s->caches = cache;
    }
    return cache;
}

static void count_orphans(buddy_slabs *s, const slab_cache *cache, uint32_t one)
{
    if (cache->slabs != 0) {
        /* relaxed: says only whether a look is worth it */
        atomic_fetch_add_explicit(&s->orphans, one, memory_order_relaxed);
    }
}

/* A cache for the calling thread: its own, an orphan, or a new one. */
static slab_cache *assign_cache(buddy_slabs *s)
{
    at_work_lock(&s->lock);
    slab_cache *cache = find_cache(s, self());
    if (cache == NULL) {
        cache = find_cache(s, NULL);
        if (cache != NULL) {
            count_orphans(s, cache, UINT32_MAX); /* one less */
        } else {
            cache = new_cache(s);
        }
    }
    if (cache != NULL) {
        cache->thread = self();
    }
    at_work_unlock(&s->lock);
    return cache;
}

slab_cache *slab_cache_here(const buddy_slabs *s)
{
    const seat *here = seat_of(s);
    return SLAB_LIKELY(here->id == s->id) ? here->cache : &slab_nobody;
}

slab_cache *slab_claim(buddy_slabs *s)
{
    seat *here = seat_of(s);
    if (here->id == s->id) {
        return here->cache;
    }
    slab_cache *cache = assign_cache(s);
    if (cache != NULL) {
        *here = (seat){s->id, cache};
        exit_key_ask(&at_exit, seats);
    }
    return cache;
}

slab_cache *slab_claim_to_free(buddy_slabs *s)
{
    slab_cache *cache = leaving ? NULL : slab_claim(s);
    return cache != NULL ? cache : &slab_nobody;
}

/* ---- its end ---- */

/* Needs s->lock, and that the thread is the caller. */
static void abandon(buddy_slabs *s, slab_cache *cache)
{
    slab_send_all(cache);
    slab_cache_sweep(cache);
    cache->thread = NULL;
    if (cache->door != NULL) {
        *cache->door = &slab_nobody;
        cache->door = NULL;
    }
    count_orphans(s, cache, 1);
}

static void on_thread_exit(void *thread)
{
    leaving = true;
    at_work_lock(&list_lock);
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        at_work_lock(&s->lock);
        slab_cache *cache = find_cache(s, thread);
        if (cache != NULL) {
            abandon(s, cache);
        }
        at_work_unlock(&s->lock);
    }
    for (uint32_t i = 0; i < SEATS; i++) {
        seats[i] = (seat){0}; /* a later destructor may call us again */
    }
    at_work_unlock(&list_lock);
}

/* The lock waits for threads that are in on_thread_exit. A signal handler that has interrupted us
 * and calls exit would wait for itself; the process is ending then, so the key may stay. */
static __attribute__((destructor)) void on_code_exit(void)
{
    if (!is_at_work()) {
        at_work_lock(&list_lock);
        exit_key_drop(&at_exit);
        at_work_unlock(&list_lock);
    }
}

/* ---- orphans ---- */

/* From an orphan to a thread that needs it. Needs s->lock; the slab is in no list, not parked. */
static void move(buddy_slabs *s, slab_cache *from, slab_cache *to, slab_head *head)
{
    count_orphans(s, from, UINT32_MAX);
    from->slabs--;
    count_orphans(s, from, 1);
    to->slabs++;
    /* relaxed: whoever else looks sees a thread that is not itself, before and after */
    atomic_store_explicit(&head->owner, to, memory_order_relaxed);
    atomic_store_explicit(&head->local, to, memory_order_relaxed);
}

slab_head *slab_adopt(slab_cache *cache, uint32_t class)
{
    buddy_slabs *s = cache->of;
    /* relaxed: as in count_orphans */
    if (atomic_load_explicit(&s->orphans, memory_order_relaxed) == 0) {
        return NULL;
    }
    slab_head *head = NULL;
    uint32_t looked = 0;
    at_work_lock(&s->lock);
    slab_cache *from = s->caches;
    for (; from != NULL && head == NULL && looked < ADOPT_LOOKED; from = from->next) {
        if (from->thread == NULL && from->slabs != 0) {
            looked++;
            count_orphans(s, from, UINT32_MAX);
            slab_receive(from);
            head = slab_next_listed(from, class);
            count_orphans(s, from, 1);
            if (head != NULL) {
                move(s, from, cache, head);
            }
        }
    }
    at_work_unlock(&s->lock);
    return head;
}

void slab_sweep_orphans(buddy_slabs *s)
{
    at_work_lock(&s->lock);
    for (slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
        if (cache->thread == NULL && cache->slabs != 0) {
            count_orphans(s, cache, UINT32_MAX);
            slab_cache_sweep(cache);
            count_orphans(s, cache, 1);
        }
    }
    at_work_unlock(&s->lock);
}

/* ---- fork ---- */

/* Locks are taken in this order: list, a slab's, those of its mapped, its large and its discarded
 * blocks, then the heaps', whose own handlers run after this one: they are set first. */
static void before_fork(void)
{
    if (!at_work_fork_begins(&forking)) {
        return;
    }
    pthread_mutex_lock(&list_lock);
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        pthread_mutex_lock(&s->lock);
        pthread_mutex_lock(&s->mapped.lock);
        pthread_mutex_lock(&s->large.lock);
        pthread_mutex_lock(&s->discarding);
    }
}

static void let_all_go(void)
{
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        pthread_mutex_unlock(&s->discarding);
        pthread_mutex_unlock(&s->large.lock);
        pthread_mutex_unlock(&s->mapped.lock);
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&list_lock);
}

static void after_fork_in_parent(void)
{
    if (at_work_fork_holds(&forking)) {
        let_all_go();
    }
    at_work_fork_ends(&forking);
}

/* Other threads were copied in the middle of anything: what they own is not looked into again.
 * What is freed to them is taken, since that is one word, but serves nobody. That is so too where
 * the fork held nothing. */
static void after_fork_in_child(void)
{
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        for (slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
            if (cache->thread != NULL && cache->thread != self()) {
                cache->thread = &lost;
                cache->door = NULL;
            }
        }
    }
    after_fork_in_parent();
}

/* ---- the list ---- */

static void begin_process(void)
{
    exit_key_make(&at_exit, on_thread_exit);
    has_handlers = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}

bool slab_register(buddy_slabs *s)
{
    (void)pthread_once(&once, begin_process);
    if (!has_handlers) { /* a child could wait for ever for a lock that nobody has there */
        return false;
    }
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        return false;
    }
    at_work_lock(&list_lock);
    s->id = ++last_id;
    s->next = list;
    s->link = &list;
    if (list != NULL) {
        list->link = &s->next;
    }
    list = s;
    at_work_unlock(&list_lock);
    return true;
}

void slab_unregister(buddy_slabs *s)
{
    at_work_lock(&list_lock);
    *s->link = s->next;
    if (s->next != NULL) {
        s->next->link = s->link;
    }
    at_work_unlock(&list_lock);
    pthread_mutex_destroy(&s->lock);
}
