#include "buddy/watch/caller.h"

#include <stdatomic.h>

/* initial-exec: the first use in a thread may not allocate, since an allocator asks. */
static __thread uint32_t own_number __attribute__((tls_model("initial-exec")));

uint32_t caller_number(void)
{
    static _Atomic uint32_t given;
    if (own_number == 0) {
        /* relaxed: numbers have to differ, and say nothing about anything else */
        own_number = atomic_fetch_add_explicit(&given, 1, memory_order_relaxed) + 1;
    }
    return own_number;
}
