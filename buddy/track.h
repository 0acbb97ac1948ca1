/* track.h: who asked for what: every live block with its call site, thread, size and birth; sums by
 * call site, lifetimes, a timeline, what is left at the end, and a log that can be played back
 * (track_log.h).
 *
 *     buddy_track *t = buddy_track_create(&(buddy_track_desc){.report = "memory.txt"});
 *     buddy_heap *h = buddy_heap_create(&(buddy_heap_desc){.bytes = 1 << 20, .track = t});
 *     …
 *     buddy_track_end(t);                 writes the report, closes the log
 *
 * An allocator that is not the heap calls the hooks itself: buddy_track_alloc after a block is
 * handed out, buddy_track_free BEFORE it can be handed out again, and round a realloc
 * buddy_track_realloc_begin and _end. Blocks are known by their addresses.
 *
 * Threads: any, but create and destroy. A block may be freed by any thread, so there is one table
 * of them, cut by a hash of the address into 32 parts with a lock each: two threads meet only where
 * their blocks' addresses do, a lock is held for some ten instructions, and an entry can be removed
 * for good, which a lock-free table of as many deletions could not do without growing. Sums by call
 * site are atomic. All that is written to the log goes through one lock, since a log is an order.
 *
 * Memory: taken at create, straight from the system, and bounded; pages of it that are not needed
 * are not touched. What finds no room is counted and forgotten: blocks beyond desc.blocks have no
 * record, sites beyond desc.sites are summed up as one. Hooks allocate nothing, so a malloc may
 * call them; what the track itself makes others allocate while it writes a report is left out.
 *
 * In a plugin: nothing is told to the C library, so dlclose finds nothing to undo; a track is ended
 * before. Sites in a plugin that is gone are reported as bare addresses. */
#ifndef BUDDY_TRACK_H
#define BUDDY_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define BUDDY_TRACK_ENVIRONMENT "BUDDY_TRACK"
#define BUDDY_TRACK_FRAMES      8u    /* of a call site, at most */
#define BUDDY_TRACK_LIFETIMES   9u    /* less than 1 us, 10 us, … 10 s, and longer */
#define BUDDY_TRACK_POINTS      128u  /* of the timeline, at most */
#define BUDDY_TRACK_PATH        1024u /* bytes of a file's name, the end included */
#define BUDDY_TRACK_LINE        160u  /* bytes of an error's text, the end included */

typedef struct buddy_track buddy_track;

typedef struct buddy_track_desc {
    uint32_t blocks; /* live at a time that have a record; 0: 1 Mi, which is 44 MiB when full */
    uint32_t sites;  /* 0: 4096 */
    /* of a call site, 1 to BUDDY_TRACK_FRAMES. 1, and 0: the return address that the hook is given,
     * which costs nothing. More: the unwinder walks the stack, which takes about a microsecond and
     * needs no frame pointers */
    uint32_t frames;
    const char *report; /* where buddy_track_end writes the report: a file as for
                           buddy_track_log_open, "-" for stderr; copied. NULL: nowhere */
} buddy_track_desc;

typedef struct buddy_track_stats {
    uint64_t live_bytes, live_blocks;
    uint64_t peak_bytes; /* the most that live_bytes has been */
    uint64_t allocs, frees, reallocs;
    uint64_t forgotten; /* blocks that found no room for a record */
    uint64_t unknown;   /* frees of blocks without a record: forgotten, or older than the track */
    uint64_t replaced;  /* blocks handed out at an address whose free had not been told */
    uint32_t sites;
    uint64_t homeless; /* blocks of sites that found no room, summed up as one */
    uint64_t log_records, log_bytes;
    uint64_t lifetimes[BUDDY_TRACK_LIFETIMES]; /* blocks that have ended */
} buddy_track_stats;

/* A live block, or all blocks of a call site. */
typedef struct buddy_track_block {
    const void *pointer;
    size_t bytes; /* as asked for */
    uint32_t thread;
    uint64_t age_ns;
    const void *const *frames; /* innermost first; good until destroy */
    uint32_t frame_count;      /* 0: no room, or unknown */
} buddy_track_block;

typedef struct buddy_track_site {
    const void *const *frames;
    uint32_t frame_count;
    uint64_t live_bytes, live_blocks, peak_bytes;
    uint64_t allocs, bytes;      /* ever; a realloc counts */
    uint64_t ended, lifetime_ns; /* blocks that have ended, and how long they lived together */
} buddy_track_site;

/* NULL when desc is impossible or without memory (errno says why). */
buddy_track *buddy_track_create(const buddy_track_desc *desc);

/* buddy_track_end, and gives its memory back. NULL does nothing. */
void buddy_track_destroy(buddy_track *t);

/* Writes the report where desc.report says, and closes the log: for the end of a process, where
 * other threads may still call hooks. A second time it does nothing. False when a file could not be
 * written; errno says why. */
bool buddy_track_end(buddy_track *t);

/* ---- hooks; with t NULL they do nothing ---- */

/* A block was handed out. `site`: an address in the code that asked, such as
 * __builtin_return_address(0). pointer NULL does nothing. */
void buddy_track_alloc(buddy_track *t, const void *pointer, size_t bytes, const void *site);

/* A block is about to go back. */
void buddy_track_free(buddy_track *t, const void *pointer);

/* What lies between the two halves of a realloc. */
typedef struct buddy_track_moving {
    const void *pointer;
    uint32_t record; /* 0: there is none */
} buddy_track_moving;

/* Before a realloc: from now on the old address may be handed out to others. */
buddy_track_moving buddy_track_realloc_begin(buddy_track *t, const void *pointer);

/* After it: the block is at `now` and has `bytes`. now NULL: it failed, all is as it was. */
void buddy_track_realloc_end(buddy_track *t, buddy_track_moving m, const void *now, size_t bytes,
                             const void *site);

/* Round a fork after which the child calls hooks: the one locks everything, the other unlocks it.
 * In a signal handler that interrupted a call of this thread nothing is locked: it would wait for
 * itself. The child's copy has no log and writes no report: both are the parent's. */
void buddy_track_before_fork(buddy_track *t);
void buddy_track_after_fork(buddy_track *t, bool child);

/* ---- looking ---- */

void buddy_track_get_stats(const buddy_track *t, buddy_track_stats *out);

/* Calls visit for every live block that has a record, in no order, until it says false. It may not
 * call the track's hooks or the allocator above it. */
void buddy_track_walk(buddy_track *t, bool (*visit)(void *context, const buddy_track_block *block),
                      void *context);

/* Calls visit for every site, in the order in which they came, until it says false. The one of
 * those without room comes first when there are any; it has no frames. */
void buddy_track_walk_sites(const buddy_track *t,
                            bool (*visit)(void *context, const buddy_track_site *site),
                            void *context);

/* Writes what there is to tell: sums; the sites that hold and held most; lifetimes; the timeline;
 * blocks that are live, by site: leaks, at the end of a program. Names come from the dynamic
 * loader; a static function is told as its object file and offset, for addr2line. False when it
 * cannot be written. */
bool buddy_track_report(buddy_track *t, FILE *out);

/* NULL when all is well, else a sentence. Others must be at rest. */
const char *buddy_track_check(buddy_track *t);

/* ---- the log ---- */

/* Begins a log in a new file of this name, which replaces a regular file that has the name; "%p" in
 * the name becomes the number of the process. Links are not followed, and what is no regular file
 * is not written to (ELOOP, EISDIR, EOPNOTSUPP). One at a time; blocks that are live already are
 * not in it, and what becomes of them is left out. False when it cannot be (errno says why). */
bool buddy_track_log_open(buddy_track *t, const char *path);

/* Writes what is left of the log, and its end. True when all of it was written, and where none was
 * open; else errno says why. */
bool buddy_track_log_close(buddy_track *t);

/* A track by the environment variable BUDDY_TRACK: the log's name, or words with commas between
 * them:
 *
 *     log=FILE  report=FILE  frames=N  blocks=N  sites=N
 *
 * NULL and an empty error when it is not set, and in a process that runs with other rights than its
 * user's (set-user-id: secure_getenv(3)); NULL and a text when it is wrong, a file cannot be
 * opened, or there is no memory. "%p" as in buddy_track_log_open; programs that start others need
 * it, since those inherit the variable. */
buddy_track *buddy_track_from_environment(char error[BUDDY_TRACK_LINE]);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
