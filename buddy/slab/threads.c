/* slab/threads.c: which thread has which cache: a thread's first call, its end, and fork. What is
 * global to the process is here: a list of all slabs, and each thread's table of its caches.
 *
 *     first call       find a cache of an ended thread, or make one; enter it in the table
 *     end of a thread  its outboxes are sent, its empty slabs go back, its caches become orphans
 *     fork             all locks are held; in the child the caches of other threads are lost */
#include "buddy/slab/private.h"

#include "buddy/system/exit_key.h"

BUDDY_MAGAZINE_THREAD_LOCAL buddy_slabs_entry buddy_slabs_entries[BUDDY_SLABS_ENTRIES];

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
    return buddy_slabs_entries;
}

static buddy_slabs_entry *entry_of(const buddy_slabs *s)
{
    return &buddy_slabs_entries[s->front.id % BUDDY_SLABS_ENTRIES];
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
    cache = cache != NULL ? cache : slab_pages_within(s, sizeof(slab_cache));
    if (cache != NULL) {
        slab_cache_init(cache, s);
        cache->next = s->caches;
        s->caches = cache;
    }
    return cache;
}

/* A cache for the calling thread: its own, an orphan, or a new one. */
static slab_cache *assign_cache(buddy_slabs *s)
{
    at_work_lock(&s->lock);
    slab_cache *cache = find_cache(s, self());
    if (cache == NULL) {
        cache = find_cache(s, NULL);
        if (cache != NULL) {
            slab_orphan_ends(cache);
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

slab_cache *slab_claim(buddy_slabs *s)
{
    slab_cache *cache = assign_cache(s);
    if (cache != NULL) {
        *entry_of(s) = (buddy_slabs_entry){s->front.id, &cache->front};
        exit_key_ask(&at_exit, self());
    }
    return cache;
}

slab_cache *slab_claim_to_free(buddy_slabs *s)
{
    return leaving ? NULL : slab_claim(s);
}

void buddy_slabs_attach(buddy_slabs *s, buddy_slabs_cache **at_hand)
{
    slab_cache *cache = slab_cache_here(s);
    if (cache != NULL) {
        cache->attached = at_hand;
        *at_hand = &cache->front;
    }
}

/* ---- its end ---- */

/* Needs the lock of its slabs, and that the thread is the caller. */
static void abandon(slab_cache *cache)
{
    slab_send_all(cache);
    slab_cache_sweep(cache);
    cache->thread = NULL;
    if (cache->attached != NULL) {
        *cache->attached = &buddy_slabs_no_cache;
        cache->attached = NULL;
    }
    slab_orphan_begins(cache);
}

static void on_thread_exit(void *thread)
{
    leaving = true;
    at_work_lock(&list_lock);
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        at_work_lock(&s->lock);
        slab_cache *cache = find_cache(s, thread);
        if (cache != NULL) {
            abandon(cache);
        }
        at_work_unlock(&s->lock);
    }
    for (uint32_t i = 0; i < BUDDY_SLABS_ENTRIES; i++) {
        buddy_slabs_entries[i] = (buddy_slabs_entry){0}; /* a later destructor may call us again */
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

/* Other threads were copied in the middle of anything: what they own is not looked into again. An
 * object of theirs can be freed, since that is one word, but is never handed out again. That is so
 * too where the fork held no locks. */
static void after_fork_in_child(void)
{
    for (buddy_slabs *s = list; s != NULL; s = s->next) {
        for (slab_cache *cache = s->caches; cache != NULL; cache = cache->next) {
            if (cache->thread != NULL && cache->thread != self()) {
                cache->thread = &lost;
                cache->attached = NULL;
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
    if (!has_handlers) { /* a child could wait for ever for a lock whose holder it does not have */
        return false;
    }
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        return false;
    }
    at_work_lock(&list_lock);
    s->front.id = ++last_id;
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
