/* memory.c: mappings. */
#include "tools/bench/measure/memory.h"

#include <sys/mman.h>

#include "tools/bench/measure/trial.h"

#define PAGE_LEAST 4096 /* bytes; larger pages are touched more than once */

static void *ask(size_t bytes, int flags)
{
    void *start = mmap(NULL, bytes > 0 ? bytes : 1, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return start != MAP_FAILED ? start : NULL;
}

static void *map(size_t bytes, int flags)
{
    void *start = ask(bytes, MAP_NORESERVE | flags);
    if (start == NULL) {
        trial_give_up("not enough memory");
    }
    return start;
}

void *memory_touched(size_t bytes)
{
    return map(bytes, MAP_POPULATE);
}

void *memory_untouched(size_t bytes)
{
    return map(bytes, 0);
}

void *memory_ask(size_t bytes)
{
    return ask(bytes, 0);
}

void memory_touch(void *start, size_t bytes)
{
    volatile unsigned char *page = start;
    for (size_t at = 0; at < bytes; at += PAGE_LEAST) {
        page[at] = 0;
    }
}
