/* exit_key.h: how the C library is asked to call us at the end of a thread, and how it is made to
 * forget us when our code goes. Private to buddy/.
 *
 * libbuddy.a may be part of a plugin. dlclose unmaps it while threads go on that have used it; when
 * one of them ends, the destructor of a key would be called where there is no code any more. So a
 * key is dropped by a destructor function, which dlclose calls first (as exit does, where it does
 * no harm). Stocks and caches that threads still have then belong to heaps that no code can reach.
 *
 * pthread_atfork needs no such care: in glibc it notes which library has called it, and dlclose
 * removes what that one has set. In musl nothing is ever unmapped, and destructor functions are
 * called at exit only.
 *
 * The other way is to pin the code (dlopen with RTLD_NODELETE). It would hold in one case more, a
 * thread that is in the middle of its end just while another one calls dlclose; but a plugin that
 * was built anew could never be loaded in place of the old one, and dlopen allocates and waits for
 * the loader's lock, which a first malloc may not do. */
#ifndef BUDDY_EXIT_KEY_H
#define BUDDY_EXIT_KEY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct exit_key {
    pthread_key_t key;
    _Atomic bool there; /* false: the system had no key to give, or the code is about to go */
} exit_key;

/* One thread. `at_end` is called in each thread that has asked, with what it asked for. */
static inline void exit_key_make(exit_key *k, void (*at_end)(void *asked))
{
    bool there = pthread_key_create(&k->key, at_end) == 0;
    atomic_store_explicit(&k->there, there, memory_order_release); /* release: the key */
}

/* Asks for a call at the end of the calling thread. Where it is refused nothing is said: what the
 * thread has stays its own for longer. */
static inline void exit_key_ask(exit_key *k, const void *value)
{
    if (atomic_load_explicit(&k->there, memory_order_acquire)) { /* acquire: the key */
        (void)pthread_setspecific(k->key, value);
    }
}

/* One thread; others may ask meanwhile if the process is ending: a key that is gone refuses. */
static inline void exit_key_drop(exit_key *k)
{
    /* relaxed: who still sees it asks a key that is gone */
    if (atomic_exchange_explicit(&k->there, false, memory_order_relaxed)) {
        (void)pthread_key_delete(k->key);
    }
}

#endif
