/* snapshot_rig.h: for tests of saved heaps: a folder that goes when the program ends, heaps full of
 * random blocks, and whether an opened heap holds the same. */
#ifndef MEGABUDDY_TESTS_SNAPSHOT_RIG_H
#define MEGABUDDY_TESTS_SNAPSHOT_RIG_H

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "buddy/snapshot.h"
#include "tests/rigs/buddy/painted.h"

#define RIG_BLOCKS 300u

static char rig_folder[] = "/tmp/snapshot_XXXXXX";
static char rig_path[PATH_MAX];

static inline int rig_begin(void **state)
{
    (void)state;
    if (mkdtemp(rig_folder) == NULL) {
        return -1;
    }
    (void)snprintf(rig_path, sizeof rig_path, "%s/heap", rig_folder);
    return 0;
}

static inline int rig_end(void **state)
{
    (void)state;
    char part[PATH_MAX + 8];
    (void)snprintf(part, sizeof part, "%s.part", rig_path);
    (void)unlink(part);
    (void)unlink(rig_path);
    return rmdir(rig_folder);
}

static inline bool rig_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static inline void rig_check(const buddy_heap *h)
{
    const char *fault = buddy_heap_check(h);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

static inline void rig_expect(buddy_snapshot_status got, buddy_snapshot_status wanted)
{
    if (got != wanted) {
        fail_msg("\"%s\" instead of \"%s\"", buddy_snapshot_status_text(got),
                 buddy_snapshot_status_text(wanted));
    }
}

static inline void rig_save(const buddy_heap *h, const buddy_snapshot_root roots[], uint32_t count)
{
    rig_expect(buddy_heap_save(h, rig_path, roots, count), BUDDY_SNAPSHOT_OK);
}

static inline buddy_heap *rig_open(const buddy_snapshot_open_desc *desc)
{
    buddy_snapshot_status status;
    buddy_heap *h = buddy_heap_open(rig_path, desc, &status);
    rig_expect(status, BUDDY_SNAPSHOT_OK);
    assert_non_null(h);
    rig_check(h);
    return h;
}

static inline void rig_refused(const buddy_snapshot_open_desc *desc, buddy_snapshot_status wanted)
{
    buddy_snapshot_status status;
    assert_null(buddy_heap_open(rig_path, desc, &status));
    rig_expect(status, wanted);
}

/* A block by a random door, of exact size too; painted. */
static inline live_block rig_take(buddy_heap *h, uint64_t *random)
{
    live_block b = {.bytes = 1 + seed_below(random, 1u << seed_below(random, 14))};
    if (seed_below(random, 3) == 0) {
        b.start = buddy_heap_exact(h, b.bytes);
        b.pattern = (unsigned char)seed_next(random);
        b.bytes = b.start != NULL ? b.bytes : 0;
    } else {
        b = take_random(h, random);
    }
    if (b.bytes != 0) {
        paint(b);
    }
    return b;
}

/* Takes and frees until up to RIG_BLOCKS are live. Returns how many. */
static inline uint32_t rig_fill(buddy_heap *h, live_block blocks[RIG_BLOCKS], uint64_t *random)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < 3 * RIG_BLOCKS; i++) {
        if (count == RIG_BLOCKS || (count > 0 && seed_below(random, 3) == 0)) {
            uint32_t victim = seed_below(random, count);
            assert_int_equal(buddy_heap_free(h, blocks[victim].start), BUDDY_HEAP_OK);
            blocks[victim] = blocks[--count];
        }
        blocks[count] = rig_take(h, random);
        count += blocks[count].bytes != 0;
    }
    return count;
}

/* The same blocks, where they are in g, which was saved as h lay at `base`. */
static inline void rig_move(const buddy_heap *g, const unsigned char *base, live_block blocks[],
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        blocks[i].start = buddy_snapshot_at(g, (uint64_t)(blocks[i].start - base));
    }
}

static inline void rig_compare(const buddy_heap *g, const live_block blocks[], uint32_t count)
{
    size_t live = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(buddy_heap_usable_size(g, blocks[i].start) >= blocks[i].bytes);
        assert_true(still_painted(blocks[i]));
        live += buddy_heap_usable_size(g, blocks[i].start);
    }
    buddy_heap_stats stats;
    buddy_heap_get_stats(g, &stats);
    assert_int_equal(stats.live_bytes, live);
}

/* Frees all, after which nothing may be missing; and the heap goes. */
static inline void rig_drop(buddy_heap *h, const live_block blocks[], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(buddy_heap_free(h, blocks[i].start), BUDDY_HEAP_OK);
    }
    buddy_heap_recall(h);
    rig_check(h);
    buddy_heap_stats stats;
    buddy_heap_get_stats(h, &stats);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal((size_t)stats.core.free_units * buddy_heap_get_desc(h)->unit_bytes,
                     stats.capacity_bytes);
    buddy_heap_destroy(h);
}

/* Runs a step in a process of its own. Returns its exit code, or 128 + signal. */
static inline int rig_in_child(int (*step)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(step());
    }
    int state;
    assert_int_equal(waitpid(child, &state, 0), child);
    return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

#endif
