/* at_work.h: whether the calling thread is at work inside the allocator: holds one of its locks, or
 * is in the middle of a change. Private to buddy/; each thread knows it of itself alone.
 *
 *     malloc ─▶ … lock ─▶ mmap, wrapped by another library ─▶ malloc      a call from inside
 *     malloc ─▶ … lock ─▶ signal handler ─▶ fork ─▶ before_fork ─▶ lock   a wait for oneself
 *
 * Both are told apart from the ordinary case by this one number. It goes up before a lock is taken
 * and down after it is let go, so where it is 0 nothing of ours is held; a signal handler finds it
 * as the code that it interrupted has left it. Fast paths that hold nothing do not count. */
#ifndef BUDDY_AT_WORK_H
#define BUDDY_AT_WORK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* initial-exec: the first use in a thread may not allocate, since an allocator asks. */
extern __thread uint32_t at_work_depth __attribute__((tls_model("initial-exec")));

/* The compiler keeps what is done between the two between them: a signal handler looks. */

static inline void at_work_begin(void)
{
    at_work_depth++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void at_work_end(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    at_work_depth--;
}

static inline bool is_at_work(void)
{
    return at_work_depth != 0;
}

static inline void at_work_lock(pthread_mutex_t *mutex)
{
    at_work_begin();
    pthread_mutex_lock(mutex);
}

static inline void at_work_unlock(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
    at_work_end();
}

/* ---- fork ----
 *
 * A module's fork handlers take all of its locks, unless the thread that forks is at work already:
 * in a signal handler, or in a handler of fork. It would wait for itself, and others, who wait for
 * it, would never let it. Then nothing is taken: the child has this one thread, which finds what it
 * left as it was and may go on with it; what other threads held stays held there, as POSIX has it
 * for the child of several threads, which may call nothing but async-signal-safe functions. */

/* A thread's state of one module; begins as zeros. */
typedef struct at_work_fork {
    uint32_t depth;  /* forks under way, one inside the other */
    uint32_t locked; /* the depth at which the locks were taken; 0: they are not */
} at_work_fork;

/* Before a fork. True: the locks are to be taken. */
bool at_work_fork_begins(at_work_fork *f);

/* After it, in parent and child. Whether the locks were taken, and are to be let go: then
 * at_work_fork_ends comes after that. */
bool at_work_fork_holds(const at_work_fork *f);
void at_work_fork_ends(at_work_fork *f);

#endif
