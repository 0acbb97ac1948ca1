/* alloc_worker.h: one thread of `megabuddy test alloc`: random work on an allocator, held against a
 * plain list of what it owns. Every unit it holds carries a word that says whose it is; a word that
 * has changed, an answer that the list does not expect, or a block out of line ends the test. */
#ifndef MEGABUDDY_TOOLS_ALLOC_WORKER_H
#define MEGABUDDY_TOOLS_ALLOC_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/bench/subjects/subject.h"

#define ALLOC_UNIT_BYTES  64u
#define ALLOC_WORKER_LIVE 4096u /* blocks that one worker holds at most */

typedef struct alloc_block {
    unsigned char *start;
    size_t bytes;  /* as asked for */
    uint64_t mark; /* what its units carry, each with its own number added */
} alloc_block;

typedef struct alloc_worker {
    /* set by the creator */
    const subject_ops *ops;
    void *self;              /* the subject, as subject_enter gave it */
    const atomic_bool *stop; /* read at every step */
    uint64_t random;         /* the seed, then the generator's state */
    size_t share_bytes;      /* holds up to about so much */
    /* written by the worker; read after it has ended, `operations` at any time */
    _Atomic uint64_t operations; /* blocks taken and given back */
    uint64_t allocs, frees, refused;
    uint64_t wrong_frees;          /* tried on purpose; every one must be refused */
    uint64_t timed, timed_ns;      /* calls timed, one in 16, and what they took together */
    const char *fault;             /* NULL: none */
    size_t live_bytes, goal_bytes; /* held, in bytes asked for; the goal wanders */
    uint32_t live_count;
    alloc_block live[ALLOC_WORKER_LIVE];
} alloc_worker;

/* Works until *stop or a fault, then gives everything back. The thread's own function. */
void alloc_worker_run(alloc_worker *w);

#endif
