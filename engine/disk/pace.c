/* pace.c: see pace.h. The mutex is taken only while a pace is set: a request then waits for
 * milliseconds, and nanoseconds more do not matter. */
#include "engine/disk/pace.h"

#define NS_PER_MS     UINT64_C(1000000)
#define NS_PER_SECOND UINT64_C(1000000000)

void pace_init(pace *p)
{
    *p = (pace){.delay_ns = 0};
    pthread_mutex_init(&p->mutex, NULL); /* does not fail on Linux with default traits */
}

void pace_finish(pace *p)
{
    pthread_mutex_destroy(&p->mutex);
}

void pace_set(pace *p, uint64_t delay_ns, uint64_t bytes_per_second)
{
    const uint64_t most_ns = PACE_MOST_DELAY_MS * NS_PER_MS;
    delay_ns = delay_ns < most_ns ? delay_ns : most_ns;
    pthread_mutex_lock(&p->mutex);
    if (delay_ns != p->delay_ns || bytes_per_second != p->bytes_per_second) {
        p->delay_ns = delay_ns;
        p->bytes_per_second = bytes_per_second;
        p->pipe_free_ns = 0;
        const bool is_set = delay_ns > 0 || bytes_per_second > 0;
        atomic_store_explicit(&p->is_set, is_set, memory_order_relaxed); /* see the struct */
        atomic_fetch_add_explicit(&p->changes, 1, memory_order_relaxed); /* likewise */
    }
    pthread_mutex_unlock(&p->mutex);
}

void pace_cut(pace *p, uint32_t epoch)
{
    pthread_mutex_lock(&p->mutex);
    p->epoch = epoch;
    p->pipe_free_ns = 0;
    pthread_mutex_unlock(&p->mutex);
}

/* Nanoseconds that the pipe takes for so many bytes, rounded up. Computed in two parts, since bytes
 * * 10^9 overflows 64 bits from 17 GiB on. */
static uint64_t pipe_ns(uint64_t bytes, uint64_t bytes_per_second)
{
    const uint64_t seconds = bytes / bytes_per_second, rest = bytes % bytes_per_second;
    const double part_ns = (double)rest * (double)NS_PER_SECOND / (double)bytes_per_second;
    return seconds * NS_PER_SECOND + (uint64_t)part_ns + 1;
}

pace_promise pace_begin(pace *p, uint32_t epoch, uint64_t bytes, uint64_t now_ns)
{
    pthread_mutex_lock(&p->mutex);
    pace_promise promise = {.due_ns = now_ns,
                            /* relaxed: written under the mutex that is held */
                            .changes = atomic_load_explicit(&p->changes, memory_order_relaxed)};
    if (epoch == p->epoch) {
        promise.due_ns += p->delay_ns;
        if (p->bytes_per_second > 0) {
            const uint64_t from_ns = p->pipe_free_ns > now_ns ? p->pipe_free_ns : now_ns;
            p->pipe_free_ns = from_ns + pipe_ns(bytes, p->bytes_per_second);
            promise.due_ns = promise.due_ns > p->pipe_free_ns ? promise.due_ns : p->pipe_free_ns;
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return promise;
}
