/* malloc_reentry.c: a program on libbuddy-malloc.so beside malloc_wrappers.c: malloc is called, and
 * the process forks, while malloc is at work on the same thread. Says "ok".
 *
 *     wrapped    threads come and go, blocks of all sizes, trims
 *     fork       from within malloc, in a signal handler; the child goes on allocating
 *     threads    the same with other threads at work; the child ends at once
 *     signals    the same from a timer: it interrupts malloc anywhere */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/buddy/malloc/malloc_wrappers.h"

#define MUST(condition)                                                     \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "broken, line %d: %s\n", __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

#define BLOCKS 257u
#define FORKS  25

typedef struct block {
    unsigned char *at;
    size_t bytes;
} block;

/* Frees a block of the list, or makes one, of any size from a byte to some megabytes. */
static void step(block *blocks, uint64_t *x)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    block *b = &blocks[(*x >> 33) % BLOCKS];
    unsigned char mark = (unsigned char)(uintptr_t)b;
    if (b->at != NULL) {
        MUST(b->at[0] == mark && b->at[b->bytes - 1] == mark);
        free(b->at);
        b->at = NULL;
        return;
    }
    b->bytes = 1 + (size_t)(*x >> 12) % ((size_t)1 << (*x >> 58) % 23);
    b->at = malloc(b->bytes);
    MUST(b->at != NULL);
    b->at[0] = b->at[b->bytes - 1] = mark;
}

static void drop_all(block *blocks)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        free(blocks[i].at);
        blocks[i].at = NULL;
    }
}

static void *churn(void *seed)
{
    block blocks[BLOCKS] = {{NULL, 0}};
    uint64_t x = (uintptr_t)seed;
    for (int i = 0; i < 3000; i++) {
        step(blocks, &x);
    }
    drop_all(blocks);
    return NULL;
}

static void wrapped(void)
{
    for (uintptr_t round = 0; round < 5; round++) {
        pthread_t threads[3];
        for (uintptr_t i = 0; i < 3; i++) {
            MUST(pthread_create(&threads[i], NULL, churn, (void *)(3 * round + i)) == 0);
        }
        churn((void *)round);
        (void)malloc_trim(0);
        for (int i = 0; i < 3; i++) {
            MUST(pthread_join(threads[i], NULL) == 0);
        }
    }
    MUST(wrapped_calls() > 1000);
}

/* ---- forks ---- */

static volatile sig_atomic_t forks, is_child, child_ends;
static volatile sig_atomic_t in_handler; /* wrappers of what fork calls shall not fork */

static void on_signal(int number)
{
    (void)number;
    if (is_child) {
        return;
    }
    in_handler = 1;
    pid_t child = fork();
    if (child == 0) {
        if (child_ends) {
            _exit(0);
        }
        is_child = 1;
        (void)alarm(60);
        return;
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        static const char text[] = "a child did not end well\n";
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
        _exit(1);
    }
    forks = forks + 1;
    in_handler = 0;
}

static pthread_t forker;
static volatile sig_atomic_t in_malloc; /* the forker calls the allocator */

static void fork_within(const char *name)
{
    static unsigned turn;
    (void)name;
    if (in_malloc && !in_handler && pthread_equal(pthread_self(), forker) && ++turn % 3 == 0) {
        (void)raise(SIGUSR1);
    }
}

/* Works until there have been enough forks; the child, a while more. */
static void work_until_forked(int enough)
{
    block blocks[BLOCKS] = {{NULL, 0}};
    uint64_t x = 7;
    for (int left = 100; left > 0; left -= is_child) {
        in_malloc = 1;
        step(blocks, &x);
        if (x >> 58 == 0) {
            (void)malloc_trim(0);
        }
        in_malloc = 0;
        if (forks >= enough && !is_child) {
            break;
        }
    }
    drop_all(blocks);
    if (is_child) {
        _exit(0);
    }
}

static void fork_from_within(void)
{
    MUST(signal(SIGUSR1, on_signal) != SIG_ERR);
    forker = pthread_self();
    wrapped_set_hook(fork_within);
    work_until_forked(FORKS);
    wrapped_set_hook(NULL);
}

static atomic_bool enough;

static void *churn_on(void *seed)
{
    while (!atomic_load(&enough)) {
        (void)churn(seed);
    }
    return NULL;
}

static void fork_among_threads(void)
{
    pthread_t threads[2];
    child_ends = 1;
    for (uintptr_t i = 0; i < 2; i++) {
        MUST(pthread_create(&threads[i], NULL, churn_on, (void *)(i + 1)) == 0);
    }
    fork_from_within();
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++) {
        MUST(pthread_join(threads[i], NULL) == 0);
    }
}

/* Once more, in a while: by itself, so that the work goes on however long a fork takes. */
static void set_timer(void)
{
    static unsigned turn;
    struct itimerval once = {{0, 0}, {0, 100 + 97 * (turn++ % 20)}};
    (void)setitimer(ITIMER_REAL, &once, NULL);
}

static void on_timer(int number)
{
    on_signal(number);
    if (!is_child) {
        set_timer();
    }
}

/* The wrappers are quiet: those of what fork calls would allocate in a signal handler. */
static void fork_by_timer(void)
{
    wrapped_stop();
    MUST(signal(SIGALRM, on_timer) != SIG_ERR);
    set_timer();
    work_until_forked(4 * FORKS);
    MUST(signal(SIGALRM, SIG_IGN) != SIG_ERR);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {{"wrapped", wrapped},
                {"fork", fork_from_within},
                {"threads", fork_among_threads},
                {"signals", fork_by_timer}};
    for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof ways[0]; i++) {
        if (strcmp(argv[1], ways[i].name) == 0) {
            ways[i].run();
            puts("ok");
            return 0;
        }
    }
    return 2;
}
