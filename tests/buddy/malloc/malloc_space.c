/* malloc_space.c: run under LD_PRELOAD: what the heap takes of addresses and of the machine.
 *
 *     place    prints where it lies
 *     locked   locks all memory: that is what is in use, and calloc gives zeros all the same
 *     absurd   sizes that the machine cannot have are refused, just where the system refuses them
 *     core     ends by abort, for a look at the core
 *
 * Says "ok", or which line is broken; or "skipped" where locking is not allowed. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MUST(condition)                                                     \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "broken, line %d: %s\n", __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

#define MIB ((size_t)1 << 20)

static int print_place(void)
{
    printf("%p\n", malloc(100));
    return 0;
}

/* Bytes that are locked or resident. */
static size_t in_memory(void)
{
    char line[256];
    size_t kib = SIZE_MAX >> 10;
    FILE *status = fopen("/proc/self/status", "re");
    MUST(status != NULL);
    while (fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "VmRSS: %zu", &kib);
    }
    (void)fclose(status);
    return kib << 10;
}

static int lock_all(void)
{
    enum { COUNT = 16 };
    char *blocks[COUNT];
    free(malloc(100));
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        puts("skipped");
        return 0;
    }
    size_t before = in_memory();
    MUST(before < 100 * MIB); /* and not the addresses that are kept for later */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            blocks[i] = calloc(1, MIB);
            MUST(blocks[i] != NULL && blocks[i][0] == 0 &&
                 memcmp(blocks[i], blocks[i] + 1, MIB - 1) == 0);
            memset(blocks[i], 0xab, MIB);
        }
        for (int i = 0; i < COUNT; i++) {
            free(blocks[i]);
        }
        (void)malloc_trim(0);
    }
    MUST(in_memory() < before + 3 * COUNT * MIB);
    puts("ok");
    return 0;
}

static int ask_for_the_absurd(void)
{
    for (int order = 34; order <= 46; order++) {
        volatile size_t bytes = (size_t)1 << order;
        void *mapped =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped != MAP_FAILED) {
            MUST(munmap(mapped, bytes) == 0);
        }
        errno = 0;
        void *p = malloc(bytes);
        MUST((p != NULL) == (mapped != MAP_FAILED) && (p != NULL || errno == ENOMEM));
        free(p);
        p = calloc(1, bytes);
        MUST((p != NULL) == (mapped != MAP_FAILED));
        free(p);
        p = realloc(malloc(100), bytes);
        MUST((p != NULL) == (mapped != MAP_FAILED));
        free(p);
    }
    puts("ok");
    return 0;
}

static int leave_a_core(void)
{
    for (int i = 0; i < 100; i++) {
        memset(malloc(10000), 1, 10000);
    }
    abort();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    return strcmp(what, "place") == 0    ? print_place()
           : strcmp(what, "locked") == 0 ? lock_all()
           : strcmp(what, "absurd") == 0 ? ask_for_the_absurd()
                                         : leave_a_core();
}
