/* malloc_contract.c: run under LD_PRELOAD: whether the allocation functions keep what the C library
 * and POSIX promise. Built without builtins, so that no call is optimised away. Says "ok", or which
 * line is broken; with an argument it does what must not be done, and is to be ended for it:
 *
 *     double | foreign | interior | realloc | realloc-freed SIZE | corrupt
 *
 * "corrupt" has a handler of SIGABRT that says "handled" when it could allocate. "cancelled" calls
 * the family on a thread that is to be cancelled at the next cancellation point, and says "ok";
 * or with "exhaust", for which addresses have to be limited, takes all there is, twice. */
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition)                                                     \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "broken, line %d: %s\n", __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

/* Whether `bytes` bytes are zero. */
static int is_zero(const unsigned char *at, size_t bytes)
{
    return bytes == 0 || (at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0);
}

static void sizes_and_alignment(void)
{
    for (size_t bytes = 0; bytes < 8000000; bytes = bytes * 5 / 4 + 1) {
        unsigned char *p = malloc(bytes);
        MUST(p != NULL && (uintptr_t)p % 16 == 0);
        MUST(malloc_usable_size(p) >= bytes);
        memset(p, 0xee, malloc_usable_size(p));
        free(p);
        p = calloc(3, bytes / 3);
        MUST(p != NULL && is_zero(p, bytes / 3 * 3));
        free(p);
    }
    void *a = malloc(0), *b = malloc(0);
    MUST(a != NULL && b != NULL && a != b);
    free(a);
    free(b);
    free(NULL);
    MUST(malloc_usable_size(NULL) == 0);
}

static void too_much(void)
{
    volatile size_t huge = SIZE_MAX, half = SIZE_MAX / 2 + 2;
    errno = 0;
    MUST(malloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    MUST(malloc(half) == NULL && errno == ENOMEM);
    errno = 0;
    MUST(calloc(half, 2) == NULL && errno == ENOMEM);
    errno = 0;
    char *p = malloc(100);
    strcpy(p, "still here");
    MUST(realloc(p, huge - 4096) == NULL && errno == ENOMEM);
    errno = 0;
    MUST(reallocarray(p, half, 2) == NULL && errno == ENOMEM);
    MUST(strcmp(p, "still here") == 0);
    errno = 0;
    MUST(pvalloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    MUST(aligned_alloc(64, huge) == NULL && errno == ENOMEM);
    free(p);
}

static void free_leaves_errno_alone(void)
{
    static const size_t sizes[] = {10, 5000, 20000, 100000, 1000000, 9000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *p = malloc(sizes[i]);
        MUST(p != NULL);
        errno = 77;
        free(p);
        MUST(errno == 77);
    }
    errno = 77;
    free(NULL);
    MUST(errno == 77);
}

static void aligned_ones(void)
{
    for (size_t alignment = 8; alignment <= (size_t)8 << 20; alignment *= 2) {
        for (size_t bytes = 0; bytes < 5000000; bytes = bytes * 7 + 1) {
            void *p = NULL;
            MUST(posix_memalign(&p, alignment, bytes) == 0 && (uintptr_t)p % alignment == 0);
            memset(p, 1, bytes);
            free(p);
            p = aligned_alloc(alignment, bytes);
            MUST(p != NULL && (uintptr_t)p % alignment == 0);
            p = realloc(p, bytes + 1000);
            MUST(p != NULL);
            free(p);
            p = memalign(alignment - 1, bytes);
            MUST(p != NULL && (uintptr_t)p % alignment == 0);
            free(p);
        }
    }
    void *p = &p;
    errno = 0;
    MUST(posix_memalign(&p, 4, 10) == EINVAL && posix_memalign(&p, 24, 10) == EINVAL);
    MUST(posix_memalign(&p, 0, 10) == EINVAL);
    MUST(posix_memalign(&p, 64, SIZE_MAX - 10) == ENOMEM);
    MUST(p == &p && errno == 0);
    volatile size_t odd = 24;
    MUST(aligned_alloc(odd, 48) == NULL && errno == EINVAL);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    p = valloc(10);
    MUST((uintptr_t)p % page == 0);
    free(p);
    p = pvalloc(page + 1);
    MUST((uintptr_t)p % page == 0 && malloc_usable_size(p) >= 2 * page);
    free(p);
}

static void what_is_freed_has_no_size(void)
{
    static const size_t sizes[] = {1, 100, 1500, 30000, 100000, 1000000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *volatile p = malloc(sizes[i]);
        MUST(malloc_usable_size(p) >= sizes[i]);
        free(p);
        MUST(malloc_usable_size(p) == 0);
    }
}

static void realloc_up_and_down(void)
{
    unsigned char *p = realloc(NULL, 1);
    size_t bytes = 1;
    p[0] = 0;
    for (int i = 0; i < 120; i++) {
        size_t wanted = i < 60 ? bytes * 4 / 3 + 1 : bytes * 3 / 4 + 1;
        p = realloc(p, wanted);
        MUST(p != NULL && (uintptr_t)p % 16 == 0);
        for (size_t at = 0; at < bytes && at < wanted; at += 1 + at / 8) {
            MUST(p[at] == (unsigned char)at);
        }
        for (size_t at = 0; at < wanted; at++) {
            p[at] = (unsigned char)at;
        }
        bytes = wanted;
    }
    MUST(realloc(p, 0) == NULL); /* as the C library has it: that freed it */
    p = reallocarray(NULL, 100, 100);
    MUST(p != NULL && malloc_usable_size(p) >= 10000);
    free(p);
}

static void figures(void)
{
    void *p = malloc(1000000), *q = malloc(50000000);
    struct mallinfo2 now = mallinfo2();
    MUST(now.uordblks >= 1000000 && now.hblks >= 1 && now.hblkhd >= 50000000);
    MUST(now.arena == now.uordblks + now.fordblks);
    memset(p, 1, 1000000);
    free(p);
    free(q);
    MUST(mallinfo2().uordblks + 1000000 <= now.uordblks);
    MUST(malloc_trim(0) == 1); /* of which a million bytes had been written to */
}

/* ---- threads ---- */

static void *churn(void *argument)
{
    static _Atomic(void *) shared[64]; /* so that most are freed by another thread */
    uint64_t x = (uintptr_t)argument;
    for (int i = 0; i < 20000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        size_t bytes = 1 + (x >> 33) % 3000;
        unsigned char *p = malloc(bytes);
        MUST(p != NULL);
        p[0] = p[bytes - 1] = 1;
        /* acquire and release: what is written into the blocks */
        free(atomic_exchange_explicit(&shared[x >> 58], p, memory_order_acq_rel));
    }
    return NULL;
}

static void fork_among_threads(void)
{
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) {
        MUST(pthread_create(&threads[i], NULL, churn, (void *)i) == 0);
    }
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        MUST(child >= 0);
        if (child == 0) {
            (void)alarm(300);
            pthread_t thread;
            MUST(pthread_create(&thread, NULL, churn, NULL) == 0);
            churn((void *)7);
            MUST(pthread_join(thread, NULL) == 0);
            exit(0);
        }
        int status;
        MUST(waitpid(child, &status, 0) == child && status == 0);
    }
    for (int i = 0; i < 3; i++) {
        MUST(pthread_join(threads[i], NULL) == 0);
    }
}

/* Allocates in what runs when a thread ends. */
static void late(void *value)
{
    free(value);
    free(calloc(10, 10));
}

static void *with_late(void *key)
{
    MUST(pthread_setspecific(*(pthread_key_t *)key, malloc(100)) == 0);
    return NULL;
}

static void threads_come_and_go(void)
{
    pthread_key_t key;
    MUST(pthread_key_create(&key, late) == 0);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, with_late, &key) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    }
}

static void *kept_until_the_end;

static void at_the_end(void)
{
    free(kept_until_the_end);
    free(malloc(100));
}

static void realloc_freed(size_t bytes)
{
    void *volatile p = malloc(bytes), *beside = malloc(bytes);
    free(p);
    p = realloc(p, bytes); /* a size that it had room for */
    free(beside);
}

static void on_abort(int number)
{
    (void)number;
    void *frames[8];
    char **names = backtrace_symbols(frames, backtrace(frames, 8));
    for (size_t bytes = 1; bytes < 20000; bytes = bytes * 3 / 2 + 1) {
        void *p = calloc(1, bytes);
        MUST(p != NULL && is_zero(p, bytes));
        p = realloc(p, 2 * bytes);
        free(p);
    }
    for (int i = 0; i < 20; i++) { /* and keeps them: deep into a list of free ones */
        MUST(malloc(100) != NULL);
    }
    static const char text[] = "handled\n";
    (void)!write(STDOUT_FILENO, text, names != NULL ? sizeof text - 1 : 0);
}

/* Writes into what it has freed, as programs do that are found out a little later. */
static void corrupt(void)
{
    MUST(signal(SIGABRT, on_abort) != SIG_ERR);
    char *volatile p = malloc(100), *volatile q = malloc(100);
    free(q);
    memset(q, 'A', 16);
    free(p);
    free(p);
}

static atomic_bool got_through;

static void *call_all(void *unused)
{
    MUST(pthread_cancel(pthread_self()) == 0);
    for (size_t bytes = 1; bytes < 8000000; bytes = bytes * 9 / 8 + 1) {
        void *p = malloc(bytes);
        p = realloc(p, bytes + bytes / 2);
        free(p);
        free(calloc(1, bytes));
        free(memalign(64, bytes));
    }
    for (int i = 0; i < 20000; i++) { /* more than a log keeps back */
        free(malloc(10));
    }
    (void)malloc_trim(0);
    (void)mallinfo2();
    malloc_stats();
    atomic_store(&got_through, true);
    pthread_testcancel();
    return unused;
}

static int be_cancelled(void)
{
    pthread_t thread;
    void *result;
    MUST(pthread_create(&thread, NULL, call_all, NULL) == 0);
    MUST(pthread_join(thread, &result) == 0);
    MUST(result == PTHREAD_CANCELED && atomic_load(&got_through));
    puts("ok");
    return 0;
}

static int misbehave(const char *how)
{
    char *p = malloc(1000);
    if (strcmp(how, "double") == 0) {
        char *volatile again = p;
        free(p);
        free(again);
    } else if (strcmp(how, "foreign") == 0) {
        int here;
        void *volatile foreign = &here;
        free(foreign);
    } else if (strcmp(how, "interior") == 0) {
        char *volatile inside = p + 16;
        free(inside);
    } else {
        char *volatile inside = p + 16;
        p = realloc(inside, 2000);
    }
    return 0;
}

/* Takes blocks of `bytes`, linked in their first word, until there is no more. */
static size_t exhaust(size_t bytes)
{
    size_t count = 0;
    void **last = NULL, **block;
    errno = 0;
    while ((block = malloc(bytes)) != NULL) {
        *block = last;
        last = block;
        count++;
    }
    MUST(errno == ENOMEM);
    while (last != NULL) {
        block = *last;
        free(last);
        last = block;
    }
    return count;
}

static int exhaust_all(void)
{
    static const size_t sizes[] = {64, 1000, 30000, 200000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t first = exhaust(sizes[i]), second = exhaust(sizes[i]);
        MUST(first * sizes[i] >= (size_t)50 << 20 && second * 10 >= first * 9);
    }
    puts("ok");
    return 0;
}

/* Under BUDDY_FAULT=every=2,size=1M-: every other large request of each kind fails, small ones
 * never. */
static int be_refused(void)
{
    const size_t large = 1 << 20;
    void *p[6], *small[100];
    int refused = 0;
    for (int i = 0; i < 100; i++) {
        small[i] = malloc(100);
        MUST(small[i] != NULL);
    }
    errno = 0;
    p[0] = malloc(large);
    p[1] = calloc(large, 1);
    p[2] = realloc(NULL, large);
    p[3] = aligned_alloc(64, large);
    p[4] = memalign(4096, large);
    p[5] = valloc(large);
    for (int i = 0; i < 6; i++) {
        refused += p[i] == NULL;
        free(p[i]);
    }
    MUST(refused == 3 && errno == ENOMEM);
    for (int i = 0; i < 4; i++) {
        errno = 77;
        int answer = posix_memalign(&p[0], 64, large);
        MUST(errno == 77 && (answer == 0 || answer == ENOMEM));
        refused += answer != 0;
        free(answer == 0 ? p[0] : NULL);
    }
    MUST(refused == 5);
    for (int i = 0; i < 100; i++) {
        free(small[i]);
    }
    puts("ok");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "realloc-freed") == 0) {
        realloc_freed((size_t)atol(argv[2]));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "corrupt") == 0) {
        corrupt();
        return 0;
    }
    if (argc > 1) {
        return strcmp(argv[1], "exhaust") == 0     ? exhaust_all()
               : strcmp(argv[1], "refused") == 0   ? be_refused()
               : strcmp(argv[1], "cancelled") == 0 ? be_cancelled()
                                                   : misbehave(argv[1]);
    }
    kept_until_the_end = malloc(100);
    MUST(atexit(at_the_end) == 0);
    sizes_and_alignment();
    too_much();
    free_leaves_errno_alone();
    what_is_freed_has_no_size();
    aligned_ones();
    realloc_up_and_down();
    figures();
    threads_come_and_go();
    fork_among_threads();
    puts("ok");
    return 0;
}
