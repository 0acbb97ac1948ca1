/* watch/track.c: making a track, its table of live blocks, the hooks.
 *
 * An address leads to a bucket, the bucket to its part's lock. A record is unlinked before its
 * block can be handed out again, and told to the log while it belongs to nobody else: the number of
 * a record is the block's number in the log, so the log's order is one in which numbers are free
 * before they are used again. */
#include "buddy/track.h"

#include <assert.h>
#include <errno.h>
#include <execinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buddy/system/region.h"
#include "buddy/watch/caller.h"
#include "buddy/watch/track_private.h"

#define BLOCKS_DEFAULT (1u << 20)
#define BLOCKS_MOST    (1u << 30)
#define SITES_DEFAULT  4096u
#define SITES_MOST     (1u << 24)
#define LINE_BYTES     64u
#define STRETCH_NS     1000000u /* 1 ms: of the timeline, to begin with */

/* initial-exec: the first use in a thread may not allocate, since an allocator asks. */
static __thread at_work_fork forking __attribute__((tls_model("initial-exec")));

/* ---- making one ---- */

static uint32_t power_of_two_from(uint32_t least)
{
    uint32_t power = 1;
    while (power < least) {
        power *= 2;
    }
    return power;
}

static uint64_t whole_lines(uint64_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

static bool fill_in(const buddy_track_desc *desc, buddy_track_desc *out)
{
    *out = *desc;
    out->blocks = desc->blocks != 0 ? desc->blocks : BLOCKS_DEFAULT;
    out->sites = desc->sites != 0 ? desc->sites : SITES_DEFAULT;
    out->frames = desc->frames != 0 ? desc->frames : 1;
    return out->blocks <= BLOCKS_MOST && out->sites <= SITES_MOST &&
           out->frames <= BUDDY_TRACK_FRAMES &&
           (desc->report == NULL || strlen(desc->report) < BUDDY_TRACK_PATH);
}

/* Every record is some part's to give away at first: each part has every 32nd, so that numbers stay
 * small, and pages of records are touched one after the other. */
static void share_out(buddy_track *t)
{
    for (uint32_t i = 0; i < TRACK_PARTS; i++) {
        pthread_mutex_init(&t->parts[i].mutex, NULL);
        t->parts[i].fresh = 1 + i;
    }
}

/* The unwinder loads a library, and allocates, when it is first asked: not later, in a malloc. */
static void wake_unwinder(const buddy_track *t)
{
    void *frames[1];
    if (t->desc.frames > 1) {
        (void)backtrace(frames, 1);
    }
}

/* Everything in one mapping: the struct, buckets, places, records. NULL without memory. */
static buddy_track *lay_out(const buddy_track_desc *desc)
{
    uint32_t buckets = power_of_two_from(desc->blocks);
    uint32_t places = power_of_two_from(desc->sites + desc->sites / 2 + 1); /* two thirds full */
    uint64_t buckets_at = whole_lines(sizeof(buddy_track));
    uint64_t places_at = buckets_at + whole_lines(buckets * (uint64_t)sizeof(uint32_t));
    uint64_t records_at = places_at + (places + UINT64_C(1)) * sizeof(track_place);
    uint64_t bytes = records_at + (desc->blocks + UINT64_C(1)) * sizeof(track_record);
    unsigned char *memory = region_map(bytes <= PTRDIFF_MAX ? (size_t)bytes : 0, LINE_BYTES);
    if (memory == NULL) {
        return NULL;
    }
    buddy_track *t = (buddy_track *)(void *)memory;
    t->mapped_bytes = (size_t)bytes;
    t->bucket_mask = buckets - 1;
    t->site_mask = places - 1;
    t->buckets = (uint32_t *)(void *)(memory + buckets_at);
    t->places = (track_place *)(void *)(memory + places_at);
    t->records = (track_record *)(void *)(memory + records_at);
    return t;
}

/* Locks, which cannot fail on Linux with default traits; and the first stretch of time. */
static void init_parts(buddy_track *t)
{
    pthread_mutex_init(&t->sites_mutex, NULL);
    pthread_mutex_init(&t->timeline.mutex, NULL);
    pthread_mutex_init(&t->writer.mutex, NULL);
    share_out(t);
    t->born_ns = track_now_ns();
    t->timeline.stretch_ns = STRETCH_NS;
    /* relaxed: the caller publishes the track */
    atomic_store_explicit(&t->timeline.next_ns, STRETCH_NS, memory_order_relaxed);
}

buddy_track *buddy_track_create(const buddy_track_desc *desc)
{
    buddy_track_desc full;
    if (!fill_in(desc, &full)) {
        errno = EINVAL;
        return NULL;
    }
    buddy_track *t = lay_out(&full);
    if (t == NULL) {
        return NULL;
    }
    t->desc = full;
    if (full.report != NULL) {
        memcpy(t->report_path, full.report, strlen(full.report) + 1);
        t->desc.report = t->report_path;
    }
    init_parts(t);
    wake_unwinder(t);
    return t;
}

/* A new file for the report, NULL: it cannot be. */
static FILE *open_report(const char *path)
{
    int file = track_file_create(path);
    FILE *out = file >= 0 ? fdopen(file, "w") : NULL;
    if (file >= 0 && out == NULL) {
        int reason = errno;
        (void)close(file); /* nothing has been written to it */
        errno = reason;
    }
    return out;
}

static bool write_report(buddy_track *t, const char *path)
{
    bool to_stderr = strcmp(path, "-") == 0;
    FILE *out = to_stderr ? stderr : open_report(path);
    bool written = out != NULL && buddy_track_report(t, out);
    if (out != NULL && !to_stderr) {
        written = fclose(out) == 0 && written;
    }
    return written;
}

bool buddy_track_end(buddy_track *t)
{
    /* relaxed: which of two ends it matters, nothing else */
    if (atomic_exchange_explicit(&t->ended, true, memory_order_relaxed)) {
        return true;
    }
    bool good = buddy_track_log_close(t);
    if (t->desc.report == NULL) {
        return good;
    }
    bool entered = track_enter(); /* what the file itself allocates is not told */
    bool written = track_uncancelled(write_report, t, t->desc.report);
    if (entered) {
        track_leave();
    }
    return written && good;
}

void buddy_track_destroy(buddy_track *t)
{
    if (t == NULL) {
        return;
    }
    (void)buddy_track_end(t);
    for (uint32_t i = 0; i < TRACK_PARTS; i++) {
        pthread_mutex_destroy(&t->parts[i].mutex);
    }
    pthread_mutex_destroy(&t->sites_mutex);
    pthread_mutex_destroy(&t->timeline.mutex);
    pthread_mutex_destroy(&t->writer.mutex);
    region_unmap(t, t->mapped_bytes);
}

/* ---- the table; each function needs the mutex of the bucket's part ---- */

/* Fibonacci hashing: the low bits of addresses are all alike. */
static uint32_t bucket_of(const buddy_track *t, const void *pointer)
{
    uint64_t hash = (uint64_t)(uintptr_t)pointer * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & t->bucket_mask;
}

static void link_record(buddy_track *t, uint32_t bucket, uint32_t number)
{
    t->records[number].next = t->buckets[bucket];
    t->buckets[bucket] = number;
}

/* Takes the record of a pointer out of its bucket; 0: there is none. */
static uint32_t unlink_record(buddy_track *t, uint32_t bucket, const void *pointer)
{
    uint32_t *from = &t->buckets[bucket];
    while (*from != 0 && t->records[*from].pointer != pointer) {
        from = &t->records[*from].next;
    }
    uint32_t number = *from;
    if (number != 0) {
        *from = t->records[number].next;
    }
    return number;
}

static uint32_t take_unused(buddy_track *t, track_part *part)
{
    uint32_t number = part->unused;
    if (number != 0) {
        part->unused = t->records[number].next;
        return number;
    }
    if (part->fresh > t->desc.blocks) {
        return 0;
    }
    number = part->fresh;
    part->fresh += TRACK_PARTS;
    return number;
}

static void put_unused(buddy_track *t, track_part *part, uint32_t number)
{
    t->records[number].next = part->unused;
    part->unused = number;
}

/* An unused record of another part, where ours has none: reallocs carry them about. Needs no
 * mutex. */
static uint32_t take_elsewhere(buddy_track *t)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < TRACK_PARTS && number == 0; i++) {
        at_work_lock(&t->parts[i].mutex);
        number = take_unused(t, &t->parts[i]);
        at_work_unlock(&t->parts[i].mutex);
    }
    return number;
}

/* ---- hooks ---- */

/* A record that was taken out of the table goes: to the sums, the log and the unused ones. */
static void end_record(buddy_track *t, track_part *part, uint32_t number, uint64_t now_ns)
{
    const track_record *r = &t->records[number];
    uint64_t lifetime_ns = now_ns > r->born_ns ? now_ns - r->born_ns : 0;
    track_place_loses(t, r->site, r->bytes);
    track_place_ends(t, r->site, lifetime_ns);
    track_count_end(t, lifetime_ns);
    track_count_live(t, 0, r->bytes, now_ns);
    track_log_write(t, BUDDY_TRACK_OP_FREE, number, now_ns);
    put_unused(t, part, number);
}

/* Puts a record in. Whatever was there at its address is gone without a word: the allocator would
 * not hand it out twice. */
static void enter_record(buddy_track *t, track_part *part, uint32_t bucket, uint32_t number,
                         uint64_t now_ns)
{
    uint32_t before = unlink_record(t, bucket, t->records[number].pointer);
    if (before != 0) {
        part->replaced++;
        end_record(t, part, before, now_ns);
    }
    link_record(t, bucket, number);
}

static void remember(buddy_track *t, uint32_t place, const void *pointer, size_t bytes)
{
    uint32_t bucket = bucket_of(t, pointer);
    track_part *part = track_part_of(t, bucket);
    uint64_t now_ns = track_now_ns();
    at_work_lock(&part->mutex);
    uint32_t number = take_unused(t, part);
    if (number == 0) {
        at_work_unlock(&part->mutex);
        number = take_elsewhere(t);
        at_work_lock(&part->mutex);
    }
    part->allocs++;
    if (number != 0) {
        t->records[number] = (track_record){.pointer = pointer,
                                            .bytes = bytes,
                                            .born_ns = now_ns,
                                            .site = place,
                                            .thread = caller_number()};
        track_count_live(t, bytes, 0, now_ns);
        track_place_gains(t, place, bytes);
        enter_record(t, part, bucket, number, now_ns);
        track_log_write(t, BUDDY_TRACK_OP_ALLOC, number, now_ns);
    }
    at_work_unlock(&part->mutex);
    if (number == 0) {
        atomic_fetch_add_explicit(&t->forgotten, 1, memory_order_relaxed); /* a figure */
    }
}

void buddy_track_alloc(buddy_track *t, const void *pointer, size_t bytes, const void *site)
{
    if (t == NULL || pointer == NULL || !track_enter()) {
        return;
    }
    remember(t, track_find_place(t, site), pointer, bytes); /* no lock while the stack is walked */
    track_leave();
}

void buddy_track_free(buddy_track *t, const void *pointer)
{
    if (t == NULL || pointer == NULL || !track_enter()) {
        return;
    }
    uint32_t bucket = bucket_of(t, pointer);
    track_part *part = track_part_of(t, bucket);
    uint64_t now_ns = track_now_ns();
    at_work_lock(&part->mutex);
    uint32_t number = unlink_record(t, bucket, pointer);
    part->frees += number != 0;
    part->unknown += number == 0;
    if (number != 0) {
        end_record(t, part, number, now_ns);
    }
    at_work_unlock(&part->mutex);
    track_leave();
}

buddy_track_moving buddy_track_realloc_begin(buddy_track *t, const void *pointer)
{
    buddy_track_moving m = {.pointer = pointer};
    if (t == NULL || pointer == NULL || !track_enter()) {
        return m;
    }
    uint32_t bucket = bucket_of(t, pointer);
    track_part *part = track_part_of(t, bucket);
    at_work_lock(&part->mutex);
    m.record = unlink_record(t, bucket, pointer);
    at_work_unlock(&part->mutex);
    track_leave();
    return m;
}

/* The record, which is the caller's, comes back at another address or with another size. */
static void come_back(buddy_track *t, uint32_t number, const void *now, uint64_t now_ns,
                      bool changed)
{
    uint32_t bucket = bucket_of(t, now);
    track_part *part = track_part_of(t, bucket);
    t->records[number].pointer = now;
    at_work_lock(&part->mutex);
    if (changed) {
        part->reallocs++;
        track_log_write(t, BUDDY_TRACK_OP_REALLOC, number, now_ns);
    }
    enter_record(t, part, bucket, number, now_ns);
    at_work_unlock(&part->mutex);
}

void buddy_track_realloc_end(buddy_track *t, buddy_track_moving m, const void *now, size_t bytes,
                             const void *site)
{
    if (m.record == 0) {
        buddy_track_alloc(t, now, bytes, site);
        return;
    }
    bool entered = track_enter(); /* a record in hand has to come back all the same */
    track_record *r = &t->records[m.record];
    uint64_t now_ns = track_now_ns();
    if (now != NULL) {
        uint32_t place = track_find_place(t, site);
        track_place_loses(t, r->site, r->bytes);
        track_place_gains(t, place, bytes);
        track_count_live(t, bytes, r->bytes, now_ns);
        r->site = place;
        r->bytes = bytes;
    }
    come_back(t, m.record, now != NULL ? now : m.pointer, now_ns, now != NULL);
    if (entered) {
        track_leave();
    }
}

/* ---- fork ---- */

void buddy_track_before_fork(buddy_track *t)
{
    if (!at_work_fork_begins(&forking)) {
        return;
    }
    pthread_mutex_lock(&t->sites_mutex);
    for (uint32_t i = 0; i < TRACK_PARTS; i++) {
        pthread_mutex_lock(&t->parts[i].mutex);
    }
    pthread_mutex_lock(&t->timeline.mutex);
    pthread_mutex_lock(&t->writer.mutex);
}

static void unlock_all(buddy_track *t)
{
    pthread_mutex_unlock(&t->writer.mutex);
    pthread_mutex_unlock(&t->timeline.mutex);
    for (uint32_t i = TRACK_PARTS; i-- > 0;) {
        pthread_mutex_unlock(&t->parts[i].mutex);
    }
    pthread_mutex_unlock(&t->sites_mutex);
}

void buddy_track_after_fork(buddy_track *t, bool child)
{
    if (child) {
        /* relaxed: the child has this one thread */
        atomic_store_explicit(&t->writer.open, false, memory_order_relaxed);
        atomic_store_explicit(&t->ended, true, memory_order_relaxed);
    }
    if (at_work_fork_holds(&forking)) {
        unlock_all(t);
    }
    at_work_fork_ends(&forking);
}
