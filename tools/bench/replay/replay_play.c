/* replay_play.c: threads that play their steps, each step when its block is ready for it.
 *
 * A block's place counts the steps that were about it. A step of another thread may have to come
 * first: then its thread waits. The log's order is one in which nobody waits, so there is always a
 * thread that can go on. As a program would, whoever takes a block writes into each page of it. */
#include "tools/bench/replay/replay_play.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buddy/track_log.h"
#include "tools/bench/alloc/case.h"
#include "tools/bench/measure/memory.h"
#include "tools/bench/measure/ticks.h"
#include "tools/bench/replay/replay_log.h"
#include "tools/commands.h"

#define ARENA_LEAST (UINT64_C(64) << 20)
#define ARENA_SHARE 4u /* of which the blocks, rounded, are a quarter: room for fragmentation */
#define PAGE_BYTES  4096u
#define SPINS       64u /* before the processor is left to who has to come first */
#define STATUS_ROOM 4096u

/* Written by whose turn it is. */
typedef struct place {
    _Atomic uint32_t turn;
    uint32_t unused;
    unsigned char *block; /* NULL: none, or refused */
    size_t bytes;
} place;

typedef struct player {
    _Alignas(TEAM_LINE) team_span span;
    void *self;
    uint64_t refused, waits;
} player;

typedef struct replay {
    replay_log log;
    subject_opened opened;
    place *places;
    player *players;
} replay;

/* ---- one step ---- */

static void touch(unsigned char *block, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
        block[at] = 1;
    }
    if (bytes > 0) {
        block[bytes - 1] = 1;
    }
}

static void wait_for_turn(player *p, const place *at, uint32_t turn)
{
    uint32_t spins = 0;
    /* acquire: with the turn come the block and its bytes; pairs with the release in play_step */
    while (atomic_load_explicit(&at->turn, memory_order_acquire) != turn) {
        p->waits += spins == 0;
        if (++spins % SPINS == 0) {
            sched_yield();
        }
    }
}

/* Puts a block there, if there is one. */
static void keep(player *p, place *at, void *block, size_t bytes)
{
    at->block = block;
    at->bytes = bytes;
    p->refused += block == NULL;
    if (block != NULL) {
        touch(block, bytes);
    }
}

static void give(const subject_ops *ops, player *p, place *at)
{
    if (at->block != NULL) {
        ops->release(p->self, at->block, at->bytes);
        at->block = NULL;
    }
}

/* As a program without realloc would. */
static void *move(const subject_ops *ops, player *p, const place *at, size_t bytes)
{
    void *now = ops->alloc(p->self, bytes);
    if (now != NULL) {
        memcpy(now, at->block, at->bytes < bytes ? at->bytes : bytes);
        ops->release(p->self, at->block, at->bytes);
    }
    return now;
}

static void change(const subject_ops *ops, player *p, place *at, size_t bytes)
{
    if (at->block == NULL) {
        keep(p, at, ops->alloc(p->self, bytes), bytes);
        return;
    }
    void *now =
        ops->resize != NULL ? ops->resize(p->self, at->block, bytes) : move(ops, p, at, bytes);
    if (now == NULL) {
        p->refused++; /* it stays as it was */
        return;
    }
    keep(p, at, now, bytes);
}

static void play_step(const replay *r, player *p, const replay_step *s)
{
    const subject_ops *ops = r->opened.ops;
    place *at = &r->places[s->block];
    size_t bytes = s->bytes > 0 ? (size_t)s->bytes : 1; /* malloc(0) and realloc(p, 0) differ */
    wait_for_turn(p, at, s->turn);
    switch ((buddy_track_operation)s->operation) {
    case BUDDY_TRACK_OP_ALLOC:
        keep(p, at, ops->alloc(p->self, bytes), bytes);
        break;
    case BUDDY_TRACK_OP_REALLOC:
        change(ops, p, at, bytes);
        break;
    default:
        give(ops, p, at);
        break;
    }
    /* release: see wait_for_turn */
    atomic_store_explicit(&at->turn, s->turn + 1, memory_order_release);
}

static void work(team *t, uint32_t seat, void *context)
{
    const replay *r = context;
    player *p = &r->players[seat];
    p->self = subject_enter(&r->opened, seat);
    team_meet(t);
    p->span.begin_ns = clock_ns();
    for (uint64_t i = r->log.begin[seat]; i < r->log.begin[seat + 1]; i++) {
        play_step(r, p, &r->log.steps[i]);
    }
    p->span.end_ns = clock_ns();
}

/* ---- memory ---- */

/* A line of /proc/self/status in bytes; 0: there is none. Without stdio, which would ask the malloc
 * that is measured. */
static uint64_t read_status(const char *name)
{
    static char text[STATUS_ROOM];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t got = file >= 0 ? read(file, text, sizeof text - 1) : 0;
    if (file >= 0) {
        close(file);
    }
    text[got > 0 ? got : 0] = '\0';
    const char *line = strstr(text, name);
    return line != NULL ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

/* Lets the peak begin anew. False where the kernel does not. */
static bool reset_peak(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    bool good = file >= 0 && write(file, "5", 1) == 1;
    if (file >= 0) {
        close(file);
    }
    return good;
}

/* ---- all of it ---- */

static void open_subject(replay *r, const subject *who)
{
    uint64_t arena = r->log.rounded_bytes * ARENA_SHARE;
    subject_setup setup = {.arena_bytes = arena > ARENA_LEAST ? arena : ARENA_LEAST,
                           .unit_bytes = CASE_UNIT_BYTES,
                           .threads = r->log.threads,
                           .door = DOOR_BLOCKS};
    setup.arena_bytes = setup.arena_bytes / CASE_UNIT_BYTES * CASE_UNIT_BYTES;
    if (!who->open(who, &setup, &r->opened)) {
        trial_give_up("not enough memory");
    }
}

static void put_figures(const replay *r, figures *out)
{
    uint64_t refused = 0, waits = 0;
    for (uint32_t i = 0; i < r->log.threads; i++) {
        refused += r->players[i].refused;
        waits += r->players[i].waits;
    }
    uint64_t wall_ns = team_wall_ns(&r->players[0].span, r->log.threads, sizeof(player));
    figures_put(out, "ns_per_op", "ns", (double)wall_ns / (double)r->log.count);
    figures_put(out, "refused", "count", (double)refused);
    figures_put(out, "waits", "count", (double)waits);
    figures_put(out, "peak_live", "B", (double)r->log.peak_bytes);
}

static void play(replay *r, figures *out)
{
    r->places = memory_touched(r->log.blocks * sizeof(place));
    r->players = memory_touched(r->log.threads * sizeof(player));
    bool counted = reset_peak();
    uint64_t before = read_status("VmRSS:");
    team_run(r->log.threads, work, r);
    uint64_t peak = read_status("VmHWM:");
    put_figures(r, out);
    if (counted && before > 0) {
        figures_put(out, "peak_rss", "B", peak > before ? (double)(peak - before) : 0);
    }
}

int replay_play_main(int argc, char **argv)
{
    static replay r;
    static figures found;
    char error[REPLAY_LINE];
    const subject *who = argc == 3 ? subject_find(argv[0]) : NULL;
    if (who == NULL) {
        return EXIT_USAGE;
    }
    if (!subject_malloc_is(who)) {
        trial_give_up("another malloc than meant is at work");
    }
    if (!replay_log_load(argv[2], strcmp(argv[1], REPLAY_AS_LOGGED) != 0, &r.log, error)) {
        trial_give_up(error);
    }
    open_subject(&r, who);
    play(&r, &found);
    _exit(trial_answer(&found)); /* at once: what the subject still holds goes with the process */
}
