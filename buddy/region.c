#include "region.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* Kernels that have no such advice or flag: it is left out. */
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#ifdef MAP_FIXED_NOREPLACE
#define MAP_AT MAP_FIXED_NOREPLACE
#else
#define MAP_AT 0 /* a hint; the answer says whether it was taken */
#endif
#ifdef MADV_HUGEPAGE
#define ADVICE_HUGE MADV_HUGEPAGE
#else
#define ADVICE_HUGE MADV_NORMAL
#endif

/* Since Linux 5.14; an older kernel answers that it does not know it. */
#ifdef MADV_POPULATE_WRITE
#define ADVICE_POPULATE MADV_POPULATE_WRITE
#else
#define ADVICE_POPULATE 23
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
    if (bytes == 0 || wanted > PTRDIFF_MAX || wanted > SIZE_MAX - slack) {
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

void *region_map_at(void *address, size_t bytes)
{
    size_t wanted = region_bytes(bytes);
    void *mapped = mmap(address, wanted, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_AT, -1, 0);
    if (mapped == MAP_FAILED) {
        return NULL;
    }
    if (mapped != address) { /* a kernel that knows no such flag */
        munmap(mapped, wanted);
        errno = EEXIST;
        return NULL;
    }
    return mapped;
}

bool region_map_file(void *memory, size_t bytes, int fd, uint64_t offset)
{
    return mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd,
                (off_t)offset) != MAP_FAILED;
}

bool region_protect(void *memory, size_t bytes)
{
    return mprotect(memory, region_bytes(bytes), PROT_READ) == 0;
}

void region_unmap(void *memory, size_t bytes)
{
    if (memory != NULL) {
        munmap(memory, region_bytes(bytes));
    }
}

/* The whole pages inside `bytes` at `memory`; false when there is none. */
static bool whole_pages(void *memory, size_t bytes, void **from, size_t *length)
{
    size_t page = page_bytes(), head = (page - (uintptr_t)memory % page) % page;
    *from = (unsigned char *)memory + head;
    *length = bytes > head ? (bytes - head) / page * page : 0;
    return *length > 0;
}

void region_prefault(void *memory, size_t bytes)
{
    size_t length, page = page_bytes();
    void *from;
    if (whole_pages(memory, bytes, &from, &length) && madvise(from, length, ADVICE_POPULATE) == 0 &&
        length == bytes) {
        return; /* in one call, and without the zero page that a first read would get */
    }
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
    size_t length;
    void *from;
    if (whole_pages(memory, bytes, &from, &length)) {
        (void)madvise(from, length, ADVICE_HUGE); /* a refusal costs nothing but speed */
    }
}

size_t region_discard(void *memory, size_t bytes)
{
    size_t length;
    void *from;
    bool done =
        whole_pages(memory, bytes, &from, &length) && madvise(from, length, MADV_DONTNEED) == 0;
    return done ? length : 0;
}

void *region_resize(void *memory, size_t bytes, size_t wanted)
{
    void *moved = mremap(memory, region_bytes(bytes), region_bytes(wanted), MREMAP_MAYMOVE);
    return moved != MAP_FAILED ? moved : NULL;
}
