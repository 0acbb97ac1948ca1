/* subject.h: an allocator that is measured or tested, behind one table of functions.
 *
 *     bench: a case, a replay ──┐
 *                               ├──► subject_ops: alloc, release, … ──► glibc | a preloaded malloc
 *     test alloc ───────────────┘                                       our heap | levels | limits
 *
 * Every subject is called through such a table, so that nobody's code is inlined into a loop and
 * others' not. The table is chosen when the subject is opened, by the door that the caller asks for.
 *
 * Threads: open and measure on one, the others at rest; the rest on any. */
#ifndef MEGABUDDY_TOOLS_BENCH_SUBJECT_H
#define MEGABUDDY_TOOLS_BENCH_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buddy/heap.h"
#include "tools/bench/measure/figures.h"

/* What is asked for. Whoever cannot offer it has no figures there. */
typedef enum subject_door {
    DOOR_BLOCKS,  /* any size */
    DOOR_INTS,    /* ints only, of which the arena is full: what is typed may know that */
    DOOR_RECORDS, /* SUBJECT_RECORD_BYTES each, from a pool of that type */
    DOOR_GATHER,  /* any size, in pieces that need not be neighbours; alloc returns a handle */
    DOOR_EXACT,   /* any size, with nothing lost to rounding */
} subject_door;

/* A page of 128 x 128 texels in BC1 with its mipmaps and borders, or so: far from any power of two,
 * which is what a pool is for. */
#define SUBJECT_RECORD_BYTES 18496u

typedef struct subject_setup {
    uint64_t arena_bytes;     /* what a bounded subject has */
    uint32_t unit_bytes;      /* smallest block of a buddy, a power of two */
    uint32_t heap_unit_bytes; /* unit of a heap behind DOOR_BLOCKS; 0: a quarter of unit_bytes, so
                                 that it marks every block by plain stores */
    uint32_t threads;         /* that will call, seats 0 … threads - 1 */
    subject_door door;
    bool prefault;                /* touch the arena before anybody measures */
    struct buddy_track *follower; /* a heap behind DOOR_BLOCKS tells it of its blocks; or NULL */
} subject_setup;

/* What an allocator counts, 0 what it does not. Exact when others are at rest. */
typedef struct subject_counts {
    uint32_t units, free_units;
    uint32_t largest_order; /* of a free block; BUDDY_ORDERS: none */
    uint32_t max_order;
    uint64_t peak_bytes; /* handed out or in threads' stocks */
    uint64_t splits, merges, failed_cas, recalls;
    uint64_t errors; /* frees that were refused */
    uint64_t metadata_bytes;
    bool checked;                   /* foreign and double frees are refused */
    bool has_levels;                /* it is the scheme of the literature, and has these: */
    uint32_t pending[BUDDY_ORDERS]; /* most requests that waited at once, by level */
    uint64_t wasted[BUDDY_ORDERS];  /* splits that need not have been */
} subject_counts;

/* `self` is what enter returned for the calling thread. NULL where a function is said to be
 * optional: the subject has nothing of that kind. */
typedef struct subject_ops {
    void *(*enter)(void *state, uint32_t seat); /* optional: NULL: self is the state */
    void *(*alloc)(void *self, size_t bytes);   /* NULL: refused */
    void *(*attempt)(void *self, size_t bytes); /* optional: may say no sooner than alloc */
    bool (*release)(void *self, void *block, size_t bytes); /* bytes: as asked; false: refused */
    void *(*resize)(void *self, void *block, size_t bytes); /* optional; NULL: as it was */
    uint32_t (*alloc_bulk)(void *self, size_t bytes, uint32_t count, void *blocks[]); /* optional */
    void (*release_bulk)(void *self, size_t bytes, uint32_t count, void *blocks[]);   /* optional */
    /* Of a heap only, so that a test can try them: */
    void *(*aligned)(void *self, size_t alignment, size_t bytes);
    void *(*near)(void *self, size_t bytes, const void *other); /* other NULL: anywhere */
    void *(*exact)(void *self, size_t bytes);
    buddy_heap_status (*give)(void *self, void *pointer); /* whatever it is, or why it is refused */
    /* Optional: what can be asked of it. */
    size_t (*usable)(void *self, const void *block, size_t bytes); /* of a block asked for so */
    uint64_t (*taken)(void *state); /* bytes of the blocks handed out, rounded as they are */
    void (*count)(void *state, subject_counts *out);
    const char *(*check)(void *state); /* brings all into the core and checks; NULL: all is well */
    void (*close)(void *state); /* where there is more to end than memory, which the process ends */
} subject_ops;

typedef struct subject subject;

typedef struct subject_opened {
    const subject_ops *ops;
    void *state;
} subject_opened;

struct subject {
    const char *name;
    uint32_t doors; /* a bit each: 1 << DOOR_BLOCKS … */
    bool bounded;   /* has an arena, that is: a notion of full */
    uint32_t flavour;
    /* False when the system gives no memory. */
    bool (*open)(const subject *who, const subject_setup *setup, subject_opened *out);
    /* Of a malloc to be preloaded: names to try, a symbol of its own, Debian's package. */
    const char *libraries[2];
    const char *symbol;
    const char *package;
    bool is_ours; /* its library lies beside this program, and it runs only where it is named */
};

/* All there are, in the order of reports. */
const subject *subject_list(uint32_t *count);
const subject *subject_find(const char *name); /* NULL: no such */

static inline bool subject_has_door(const subject *who, subject_door door)
{
    return (who->doors >> door & 1) != 0;
}

static inline void *subject_enter(const subject_opened *opened, uint32_t seat)
{
    return opened->ops->enter != NULL ? opened->ops->enter(opened->state, seat) : opened->state;
}

/* Adds what the subject counted, if it does. */
void subject_measure(const subject_opened *opened, figures *out);

/* The families. */
bool subject_malloc_open(const subject *who, const subject_setup *setup, subject_opened *out);
bool subject_megabuddy_open(const subject *who, const subject_setup *setup, subject_opened *out);
bool subject_levels_open(const subject *who, const subject_setup *setup, subject_opened *out);
bool subject_list_open(const subject *who, const subject_setup *setup, subject_opened *out);
bool subject_empty_open(const subject *who, const subject_setup *setup, subject_opened *out);

/* Whether this process' malloc is the one that `who` means. */
bool subject_malloc_is(const subject *who);

enum { MEGABUDDY_UNCHECKED, MEGABUDDY_CHECKED };    /* flavours */
enum { SUBJECT_LEVELS_SPIN, SUBJECT_LEVELS_MUTEX }; /* flavours */

#endif
