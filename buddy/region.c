#include "region.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Kernels that have no such advice or flag: it is left out. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifdef MADV_HUGEPAGE
#define ADVICE_HUGE MADV_HUGEPAGE
#else
#define ADVICE_HUGE MADV_NORMAL
#endif

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t region_bytes(size_t bytes)
{
    size_t page = page_bytes();
    return bytes <= SIZE_MAX - page ? (bytes + page - 1) / page * page : SIZE_MAX;
}

/* Unmaps what a mapping has around its aligned middle. */
static void *trim(unsigned char *mapped, size_t mapped_bytes, size_t bytes, size_t alignment)
{
    size_t head = (alignment - (uintptr_t)mapped % alignment) % alignment;
    size_t tail = mapped_bytes - head - bytes;
    if (head > 0) {
        munmap(mapped, head);
    }
    if (tail > 0) {
        munmap(mapped + head + bytes, tail);
    }
    return mapped + head;
}

void *region_map(size_t bytes, size_t alignment)
{
    size_t page = page_bytes();
    size_t wanted = region_bytes(bytes);
    size_t slack = alignment > page ? alignment - page : 0;
    if (bytes == 0 || wanted > SIZE_MAX - slack) {
        errno = ENOMEM;
        return NULL;
    }
    void *mapped = mmap(NULL, wanted + slack, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    return slack > 0 ? trim(mapped, wanted + slack, wanted, alignment) : mapped;
}

void region_unmap(void *memory, size_t bytes)
{
    if (memory != NULL) {
        munmap(memory, region_bytes(bytes));
    }
}

void region_prefault(void *memory, size_t bytes)
{
    size_t page = page_bytes();
    volatile unsigned char *byte = memory;
    for (size_t i = 0; i < bytes; i += page) {
        byte[i] = byte[i];
    }
    if (bytes > 0) {
        byte[bytes - 1] = byte[bytes - 1]; /* the last page, where memory is not aligned to pages */
    }
}

void region_huge_pages(void *memory, size_t bytes)
{
    size_t page = page_bytes();
    uintptr_t from = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)memory + bytes) / page * page;
    if (from < to) {
        /* A refusal costs nothing but speed. */
        (void)madvise((unsigned char *)memory + (from - (uintptr_t)memory), to - from, ADVICE_HUGE);
    }
}
