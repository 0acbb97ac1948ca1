/* watch/track_private.h: what a track is made of, for its files. Private to buddy/watch.
 *
 *     pointer ──hash──► bucket ──► record ──► record     part (bucket % 32): a lock, unused records
 *                                    │
 *                                    └──► site: frames, sums
 *
 * The files, each of which calls those below it and none above:
 *
 *     track_options.c  a track by the environment
 *        │
 *     track.c          making one, the table of live blocks, the hooks
 *        │
 *     track_report.c   all of it as text
 *        │
 *     track_watch.c    sums over all, the timeline, walks, check     track_log.c   the log
 *        │                                                               │
 *     track_sites.c    call sites and their sums                     track_file.c  its files
 *
 *     track_inside.c   keeps a thread from telling the track what the track itself allocates
 *     caller.c         threads by number; for fault.c too */
#ifndef BUDDY_TRACK_PRIVATE_H
#define BUDDY_TRACK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "buddy/system/at_work.h"
#include "buddy/track.h"
#include "buddy/track_log.h"

/* Threads seldom meet in one of so many, and a fork can hold all locks: ThreadSanitizer knows
 * 64. */
#define TRACK_PARTS     32u
#define TRACK_LOG_ROOM  (64u * 1024u)
#define TRACK_LOG_WORST 40u /* bytes of one record: four numbers of ten */

/* A live block. Number 0 is none. Belongs to the part whose list it is in, or to the thread that
 * has taken it out. */
typedef struct track_record {
    const void *pointer;
    size_t bytes;
    uint64_t born_ns;
    uint32_t site, thread;
    uint32_t next; /* of the same bucket, or unused */
    uint32_t log;  /* number of the log that its birth is in; 0: none */
} track_record;

/* Needs its mutex, all of it. */
typedef struct track_part {
    _Alignas(64) pthread_mutex_t mutex;
    uint32_t unused; /* a list of records */
    uint32_t fresh;  /* the next that no block has had yet; beyond desc.blocks: there is none */
    uint64_t allocs, frees, reallocs, unknown, replaced;
} track_part;

/* Its frames are written before `key` says so, and never again. Sums are relaxed: figures. */
typedef struct track_place {
    _Atomic uint64_t key; /* hash of the frames; 0: no site has it yet */
    uint32_t frame_count;
    const void *frames[BUDDY_TRACK_FRAMES];
    _Alignas(64) _Atomic uint64_t live_bytes;
    _Atomic uint64_t live_blocks, peak_bytes, allocs, bytes, ended, lifetime_ns;
} track_place;

/* The most that was live in each stretch of time. */
typedef struct track_timeline {
    pthread_mutex_t mutex;
    _Atomic uint64_t next_ns; /* when the stretch ends */
    _Atomic uint64_t most;    /* in this stretch so far */
    uint64_t stretch_ns;      /* needs the mutex, as the rest: doubles when points are full */
    uint32_t count;
    uint64_t points[BUDDY_TRACK_POINTS];
} track_timeline;

/* Needs its mutex, but for `open`. */
typedef struct track_writer {
    pthread_mutex_t mutex;
    _Atomic bool open; /* a hint for threads that want to write */
    int file, error;   /* error: errno of the first write that failed */
    uint32_t number;   /* of this log, from 1 */
    uint32_t filled;
    uint64_t last_ns, records, bytes;
    uint8_t room[TRACK_LOG_ROOM];
} track_writer;

struct buddy_track {
    /* fixed at create */
    size_t mapped_bytes;
    buddy_track_desc desc; /* report points into report_path */
    char report_path[BUDDY_TRACK_PATH];
    uint64_t born_ns;
    uint32_t bucket_mask, site_mask;
    uint32_t *buckets;     /* first records; each needs its part's mutex */
    track_record *records; /* desc.blocks + 1 */
    track_place *places;   /* site_mask + 1, and place 0 for who finds none */
    /* any thread */
    _Alignas(64) _Atomic uint64_t live_bytes;
    _Atomic uint64_t peak_bytes, forgotten, homeless;
    _Atomic uint64_t lifetimes[BUDDY_TRACK_LIFETIMES];
    _Atomic uint32_t sites;
    _Atomic bool ended;
    pthread_mutex_t sites_mutex; /* of adding one */
    track_part parts[TRACK_PARTS];
    track_timeline timeline;
    track_writer writer;
};

static inline uint64_t track_now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* Linux always has this clock */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline track_part *track_part_of(buddy_track *t, uint32_t bucket)
{
    return &t->parts[bucket % TRACK_PARTS];
}

/* ---- track_inside.c ---- */

/* Keeps the calling thread's hooks out while the track is at work itself. False: it is already. */
bool track_enter(void);
void track_leave(void);

/* ---- track_sites.c ---- */

/* The number of the place for the code at `site`, as desc.frames says; 0 when there is no room. */
uint32_t track_find_place(buddy_track *t, const void *site);
void track_place_gains(buddy_track *t, uint32_t place, size_t bytes);
void track_place_loses(buddy_track *t, uint32_t place, size_t bytes);
void track_place_ends(buddy_track *t, uint32_t place, uint64_t lifetime_ns);

/* ---- track_watch.c ---- */

void track_count_live(buddy_track *t, size_t gained, size_t lost, uint64_t now_ns);
void track_count_end(buddy_track *t, uint64_t lifetime_ns);

/* The timeline up to now: at most BUDDY_TRACK_POINTS numbers. Returns how many. */
uint32_t track_get_timeline(buddy_track *t, uint64_t points[BUDDY_TRACK_POINTS],
                            uint64_t *stretch_ns);

/* ---- track_file.c ---- */

/* Makes a new file, in the place of a regular one of that name. Returns its descriptor; -1, and
 * errno says why, also where the name is a link's or a device's. */
int track_file_create(const char *path);

/* What `work` returns, with the calling thread's cancellation put off: it opens, writes and closes
 * files with a lock in hand. */
bool track_uncancelled(bool (*work)(buddy_track *t, const char *path), buddy_track *t,
                       const char *path);

/* ---- track_log.c ---- */

/* Tells the log what becomes of record `number`, which belongs to the caller. What was born before
 * the log is left out. */
void track_log_write(buddy_track *t, buddy_track_operation operation, uint32_t number,
                     uint64_t now_ns);

#endif
