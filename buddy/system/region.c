#include "buddy/system/region.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buddy/core/words.h"
#include "buddy/system/kernel.h"

#define TABLE_STEP  ((size_t)64 << 10) /* a table is opened in pieces of this: few system calls */
#define PLACE_TRIES 8u

/* Up to this alignment the system's own choice of a place keeps 20 of its 28 random bits. */
#define PLACED_ALIGNMENT ((size_t)1 << 20)

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

#define ACCESS (PROT_READ | PROT_WRITE)

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t region_bytes(size_t bytes)
{
    size_t page = page_bytes();
    return bytes <= SIZE_MAX - page ? (bytes + page - 1) / page * page : SIZE_MAX;
}

void region_unmap(void *memory, size_t bytes)
{
    if (memory != NULL && munmap(memory, region_bytes(bytes)) != 0) {
        /* It lies in the middle of what the system sees as one mapping, and there may be no more
         * mappings. The addresses are lost; the memory need not be, and where that is refused too
         * nothing is left to be done. */
        (void)madvise(memory, region_bytes(bytes), MADV_DONTNEED);
    }
}

static void *map_private(void *address, size_t bytes, int access, int flags)
{
    void *mapped = mmap(address, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return mapped != MAP_FAILED ? mapped : NULL;
}

/* Only where it is asked for; NULL, with errno set. An address is a hint by itself: where something
 * lies, the system takes another place. */
static void *map_there(void *wanted, size_t bytes, int access, int flags)
{
    void *mapped = map_private(wanted, bytes, access, flags);
    if (mapped != NULL && mapped != wanted) {
        region_unmap(mapped, bytes);
        errno = EEXIST;
        return NULL;
    }
    return mapped;
}

/* ---- a place ---- */

/* Whether the process has asked for addresses that are the same in every run, as debuggers do. */
static bool wants_same_addresses(void)
{
    long persona = kernel_call(SYS_personality, 0xffffffffL, 0, 0, 0); /* asks only */
    return persona >= 0 && (persona & ADDR_NO_RANDOMIZE) != 0;
}

/* A place by chance, between the first and the fifth eighth of all addresses: programs lie above,
 * and above those what the system maps from the top down, stacks among it. 0: none. */
static uintptr_t choose_place(size_t bytes, size_t alignment)
{
    uint64_t chance;
    /* Early after the machine's start there may be no chance yet. */
    if (kernel_call(SYS_getrandom, (long)&chance, sizeof chance, 1 /* GRND_NONBLOCK */, 0) !=
        sizeof chance) {
        return 0;
    }
    uintptr_t half = (uintptr_t)1 << word_highest((uintptr_t)&chance); /* a stack lies high up */
    uintptr_t low = half / 4, room = half;
    uintptr_t places = bytes < room ? (room - bytes) / alignment : 0;
    return places != 0 ? (low + alignment - 1) / alignment * alignment +
                             (uintptr_t)(chance % places) * alignment
                       : 0;
}

void *region_place(size_t bytes, size_t alignment)
{
    uintptr_t place = wants_same_addresses() ? 0 : choose_place(region_bytes(bytes), alignment);
    return (void *)place; // NOLINT(performance-no-int-to-ptr): that is the point
}

/* At a place by chance; NULL where none of some is free. */
static void *reserve_by_chance(size_t bytes, size_t alignment, int flags)
{
    void *mapped = NULL, *place = NULL;
    for (uint32_t i = 0; i < PLACE_TRIES && mapped == NULL; i++) {
        place = region_place(bytes, alignment);
        if (place == NULL) {
            break;
        }
        mapped = map_there(place, bytes, PROT_NONE, flags);
    }
    return mapped;
}

/* Unmaps what a mapping has around its aligned middle. */
static void *trim(unsigned char *mapped, size_t mapped_bytes, size_t bytes, size_t alignment)
{
    size_t head = (alignment - (uintptr_t)mapped % alignment) % alignment;
    size_t tail = mapped_bytes - head - bytes;
    region_unmap(head > 0 ? mapped : NULL, head);
    region_unmap(tail > 0 ? mapped + head + bytes : NULL, tail);
    return mapped + head;
}

/* Where the system likes. `bytes` are whole pages. */
static void *reserve_anywhere(size_t bytes, size_t alignment, int flags)
{
    size_t page = page_bytes();
    size_t slack = alignment > page ? alignment - page : 0;
    if (bytes > SIZE_MAX - slack) {
        errno = ENOMEM;
        return NULL;
    }
    void *mapped = map_private(NULL, bytes + slack, PROT_NONE, flags);
    return mapped != NULL && slack > 0 ? trim(mapped, bytes + slack, bytes, alignment) : mapped;
}

/* ---- mapping ---- */

/* In Linux MAP_NORESERVE is what keeps memory from being counted, also when it is opened later. */
static int flags_for(bool counted)
{
    return counted ? 0 : MAP_NORESERVE;
}

void *region_reserve(size_t bytes, size_t alignment, bool counted)
{
    size_t whole = region_bytes(bytes);
    if (bytes == 0 || whole > PTRDIFF_MAX) {
        errno = ENOMEM;
        return NULL;
    }
    void *mapped = alignment > PLACED_ALIGNMENT
                       ? reserve_by_chance(whole, alignment, flags_for(counted))
                       : NULL;
    return mapped != NULL ? mapped : reserve_anywhere(whole, alignment, flags_for(counted));
}

void *region_reserve_at(void *address, size_t bytes)
{
    return map_there(address, region_bytes(bytes), PROT_NONE, MAP_NORESERVE | MAP_AT);
}

bool region_extend(void *memory, size_t bytes)
{
    return map_there(memory, region_bytes(bytes), ACCESS, 0) != NULL;
}

bool region_open(void *memory, size_t bytes)
{
    size_t page = page_bytes(), before = (uintptr_t)memory % page;
    return mprotect((unsigned char *)memory - before, region_bytes(before + bytes), ACCESS) == 0;
}

/* With access. */
static void *map_open(size_t bytes, size_t alignment, bool counted)
{
    if (alignment <= page_bytes() && bytes != 0 && region_bytes(bytes) <= PTRDIFF_MAX) {
        return map_private(NULL, region_bytes(bytes), ACCESS, flags_for(counted));
    }
    void *mapped = region_reserve(bytes, alignment, counted); /* what is trimmed is not counted */
    if (mapped != NULL && !region_open(mapped, bytes)) {
        int reason = errno;
        region_unmap(mapped, bytes);
        errno = reason;
        return NULL;
    }
    return mapped;
}

void *region_map(size_t bytes, size_t alignment)
{
    return map_open(bytes, alignment, false);
}

void *region_map_counted(size_t bytes, size_t alignment)
{
    return map_open(bytes, alignment, true);
}

/* ---- tables ---- */

static size_t round_up(size_t bytes)
{
    return (bytes + TABLE_STEP - 1) / TABLE_STEP * TABLE_STEP;
}

/* What lies before a table that has a place only. */
static size_t notes_bytes(const region_table *t)
{
    return round_up(t->bytes / TABLE_STEP + 1);
}

bool region_table_init(region_table *t, size_t bytes)
{
    *t = (region_table){.bytes = region_bytes(bytes)};
    size_t before = notes_bytes(t);
    unsigned char *place =
        t->bytes > TABLE_STEP ? region_place(before + t->bytes, TABLE_STEP) : NULL;
    if (place != NULL && map_there(place, before, ACCESS, MAP_NORESERVE) != NULL) {
        t->open = place;
        t->at = place + before;
        return true;
    }
    t->at = region_reserve(bytes, 1, false);
    return t->at != NULL;
}

/* The steps from `step` on that are as `step` is. Precondition: it is below `end`. */
static size_t count_alike(const region_table *t, size_t step, size_t end)
{
    size_t count = 1;
    while (step + count < end && t->open[step + count] == t->open[step]) {
        count++;
    }
    return count;
}

/* The bytes of some steps: the last one may be short. */
static size_t steps_bytes(const region_table *t, size_t step, size_t count)
{
    size_t end = (step + count) * TABLE_STEP;
    return (end < t->bytes ? end : t->bytes) - step * TABLE_STEP;
}

void region_table_finish(region_table *t)
{
    if (t->open == NULL) {
        region_unmap(t->at, t->bytes);
    } else {
        size_t end = round_up(t->bytes) / TABLE_STEP;
        for (size_t step = 0, count; step < end; step += count) {
            count = count_alike(t, step, end);
            region_unmap(t->open[step] != 0 ? t->at + step * TABLE_STEP : NULL,
                         steps_bytes(t, step, count));
        }
        region_unmap(t->open, notes_bytes(t));
    }
    *t = (region_table){NULL, 0, NULL};
}

/* Maps what is not mapped of the steps [step, end). */
static bool map_steps(const region_table *t, size_t step, size_t end)
{
    for (size_t count; step < end; step += count) {
        count = count_alike(t, step, end);
        if (t->open[step] == 0 && map_there(t->at + step * TABLE_STEP, steps_bytes(t, step, count),
                                            ACCESS, MAP_NORESERVE) == NULL) {
            return false;
        }
        memset(t->open + step, 1, count);
    }
    return true;
}

bool region_table_open(const region_table *t, size_t from, size_t opened, size_t to)
{
    size_t begin = opened > from ? round_up(opened) : from / TABLE_STEP * TABLE_STEP;
    size_t end = round_up(to) < t->bytes ? round_up(to) : t->bytes;
    if (to <= opened || begin >= end) {
        return true;
    }
    return t->open != NULL ? map_steps(t, begin / TABLE_STEP, round_up(end) / TABLE_STEP)
                           : region_open(t->at + begin, end - begin);
}

/* ---- the rest ---- */

bool region_map_file(void *memory, size_t bytes, int fd, uint64_t offset)
{
    return mmap(memory, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED, fd,
                (off_t)offset) != MAP_FAILED;
}

bool region_protect(void *memory, size_t bytes)
{
    return mprotect(memory, region_bytes(bytes), PROT_READ) == 0;
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
