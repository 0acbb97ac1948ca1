/* orders.h: memory orders under test. The code under test is included as source after this header,
 * whose operations take the place of <stdatomic.h>'s: they work in a memory as weak as C11 allows,
 * under a scheduler that tries many schedules. Then each order of the code is weakened in turn, and
 * some schedule has to go wrong: an order that nobody misses is tested by nobody.
 *
 *     tries, the sweep, fibers                 orders_run.c
 *     stores, what each thread has seen,       orders_memory.c
 *       who touched plain memory when
 *     <stdatomic.h> and __tsan_*               this header, and what compilers call
 *
 * What "as weak as C11 allows" means here. Every atomic object keeps all of its stores, in the
 * order in which they came. A thread has seen, of each object, the stores up to some one, and reads
 * that or any later one; a read-modify-write reads the last. A store that releases carries what its
 * thread has seen, and who acquires it has seen that too. A sequentially consistent load reads
 * nothing older than the last sequentially consistent store (C11 7.17.3). Only read-modify-writes
 * go on with the release before them, as in C++20; C11 lets the same thread's plain stores do so
 * too. Not tried: stores that take effect before loads that come first in the program, and stores
 * ordered otherwise than they were made.
 *
 * Plain memory is watched by what compilers make for ThreadSanitizer: the code under test is
 * compiled, not linked, with -fsanitize=thread, and orders_memory.c is what it calls. Two accesses
 * of which one is a write, and which no release and acquire orders, are a fault.
 *
 * One real thread; the others are fibers. A random run prints its seed (seed.h). */
#ifndef MEGABUDDY_TESTS_ORDERS_H
#define MEGABUDDY_TESTS_ORDERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDERS_THREADS 4u

/* A place in the source where an atomic operation stands. */
typedef struct orders_site {
    const char *function, *object; /* as written */
    int line;
    int order; /* as written; set when it is reached first */
    bool reached;
    struct orders_site *next;
} orders_site;

/* A handful of threads that meet. */
typedef struct orders_case {
    const char *name;
    uint32_t threads;
    void (*set_up)(void);          /* before they start; nobody watches */
    void (*body)(uint32_t thread); /* each thread's; from 0 */
    void (*at_rest)(void);         /* when all have ended; may be NULL */
} orders_case;

/* An order that may be weakened without anybody noticing, and why that is right. For one place. */
typedef struct orders_excuse {
    const char *function, *object;
    int from, to;
    const char *why;
    uint32_t used; /* by how many places: written by orders_main */
} orders_excuse;

typedef struct orders_plan {
    const orders_case *cases;
    uint32_t case_count;
    orders_excuse *excuses;
    uint32_t excuse_count;
} orders_plan;

/* Tries all cases as they are, then with each order weakened in turn. Prints what was tried.
 * Returns the exit code: 0 when the unweakened code never fails and every weakening does but those
 * that are excused, all of them. */
int orders_main(const orders_plan *plan);

/* Says that something is wrong, and ends this try. Outside of threads it returns. */
void orders_fail(const char *fault);

/* Watches `bytes` of plain memory; for set_up. */
void orders_watch(const void *from, size_t bytes);

/* For threads: lets others go on; a number below `limit`, of this try; a mutex; what membarrier(2)
 * does: all threads see what any has seen. */
void orders_yield(void);
uint32_t orders_below(uint32_t limit);
void orders_lock(void *mutex);
void orders_unlock(void *mutex);
void orders_membarrier(void);
void *orders_copy(void *to, const void *from, size_t bytes); /* memcpy */

/* ---- what stands for <stdatomic.h> ---- */

typedef enum orders_change {
    ORDERS_ADD,
    ORDERS_SUB,
    ORDERS_OR,
    ORDERS_AND,
    ORDERS_XOR,
    ORDERS_SET,
} orders_change;

/* An atomic object as this header's operations name it. */
typedef struct orders_object {
    const volatile void *at;
    uint32_t bytes;
} orders_object;

typedef struct orders_exchange {
    uint64_t expected, desired;
    bool weak; /* may fail for no reason */
    int order, order_on_failure;
} orders_exchange;

uint64_t orders_load(orders_site *site, orders_object object, int order);
void orders_store(orders_site *site, orders_object object, uint64_t value, int order);
uint64_t orders_modify(orders_site *site, orders_object object, orders_change change,
                       uint64_t operand, int order);
bool orders_change_if(orders_site *site, orders_object object, orders_exchange *exchange);

#define ORDERS_SITE(p)                                               \
    __extension__({                                                  \
        static orders_site site_ = {.object = #p, .line = __LINE__}; \
        site_.function = __func__;                                   \
        &site_;                                                      \
    })
#define ORDERS_OBJECT(p) ((orders_object){(p), sizeof *(p)})
#define ORDERS_VALUE(v)  ((uint64_t)(uintptr_t)(v))
#define ORDERS_TYPE(p, v)                                                             \
    __extension__({                                                                   \
        (__typeof__(*(p) + 0))(uintptr_t)(v); /* NOLINT(performance-no-int-to-ptr) */ \
    })
#define ORDERS_MODIFY(p, change, v, order) \
    ORDERS_TYPE(p, orders_modify(ORDERS_SITE(p), ORDERS_OBJECT(p), change, ORDERS_VALUE(v), order))
#define ORDERS_CHANGE_IF(p, e, d, is_weak, order_, failure_)                         \
    __extension__({                                                                  \
        orders_exchange exchange_ = {.expected = ORDERS_VALUE(*(e)),                 \
                                     .desired = ORDERS_VALUE(d),                     \
                                     .weak = (is_weak),                              \
                                     .order = (order_),                              \
                                     .order_on_failure = (failure_)};                \
        bool done_ = orders_change_if(ORDERS_SITE(p), ORDERS_OBJECT(p), &exchange_); \
        if (!done_) {                                                                \
            *(e) = (__typeof__(*(e)))(uintptr_t)exchange_.expected;                  \
        }                                                                            \
        done_;                                                                       \
    })

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_and_explicit
#undef atomic_fetch_xor_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#define atomic_load_explicit(p, order) \
    ORDERS_TYPE(p, orders_load(ORDERS_SITE(p), ORDERS_OBJECT(p), order))
#define atomic_store_explicit(p, v, order) \
    orders_store(ORDERS_SITE(p), ORDERS_OBJECT(p), ORDERS_VALUE(v), order)
#define atomic_exchange_explicit(p, v, order)  ORDERS_MODIFY(p, ORDERS_SET, v, order)
#define atomic_fetch_add_explicit(p, v, order) ORDERS_MODIFY(p, ORDERS_ADD, v, order)
#define atomic_fetch_sub_explicit(p, v, order) ORDERS_MODIFY(p, ORDERS_SUB, v, order)
#define atomic_fetch_or_explicit(p, v, order)  ORDERS_MODIFY(p, ORDERS_OR, v, order)
#define atomic_fetch_and_explicit(p, v, order) ORDERS_MODIFY(p, ORDERS_AND, v, order)
#define atomic_fetch_xor_explicit(p, v, order) ORDERS_MODIFY(p, ORDERS_XOR, v, order)
#define atomic_compare_exchange_weak_explicit(p, expected, desired, order, order_on_failure) \
    ORDERS_CHANGE_IF(p, expected, desired, true, order, order_on_failure)
#define atomic_compare_exchange_strong_explicit(p, expected, desired, order, order_on_failure) \
    ORDERS_CHANGE_IF(p, expected, desired, false, order, order_on_failure)

/* The builtins that headers for C++ too are written with; their orders have the same numbers. */
_Static_assert(__ATOMIC_RELAXED == memory_order_relaxed &&
                   __ATOMIC_ACQUIRE == memory_order_acquire &&
                   __ATOMIC_RELEASE == memory_order_release &&
                   __ATOMIC_ACQ_REL == memory_order_acq_rel &&
                   __ATOMIC_SEQ_CST == memory_order_seq_cst,
               "the builtins' orders are <stdatomic.h>'s");
#define __atomic_load_n(p, order)        atomic_load_explicit(p, order)
#define __atomic_store_n(p, v, order)    atomic_store_explicit(p, v, order)
#define __atomic_exchange_n(p, v, order) atomic_exchange_explicit(p, v, order)
#define __atomic_fetch_or(p, v, order)   atomic_fetch_or_explicit(p, v, order)
#define __atomic_fetch_and(p, v, order)  atomic_fetch_and_explicit(p, v, order)
#define __atomic_compare_exchange_n(p, expected, desired, is_weak, order, order_on_failure) \
    ORDERS_CHANGE_IF(p, expected, desired, is_weak, order, order_on_failure)
#define __atomic_signal_fence(order) ((void)(order)) /* no compiler moves these calls */

#endif
