/* Logs as steps to be played: every call has its turn, and no log at all crashes who reads it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "buddy/track.h"
#include "buddy/track_log.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bench/replay/replay_log.h"

enum { WORKERS = 3, BLOCKS = 50, STEPS = 500 };

static uint64_t seed;
static buddy_track *told;
static char addresses[WORKERS * BLOCKS];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static bool live[WORKERS * BLOCKS];

/* Allocates, frees and resizes blocks that all share. */
static void *work(void *context)
{
    uint64_t random = *(const uint64_t *)context;
    for (int i = 0; i < STEPS; i++) {
        uint32_t k = seed_below(&random, WORKERS * BLOCKS);
        pthread_mutex_lock(&turn);
        if (!live[k]) {
            buddy_track_alloc(told, &addresses[k], 1 + seed_below(&random, 1000), NULL);
        } else if (seed_below(&random, 3) > 0) {
            buddy_track_free(told, &addresses[k]);
        } else {
            buddy_track_realloc_end(told, buddy_track_realloc_begin(told, &addresses[k]),
                                    &addresses[k], 1 + seed_below(&random, 1000), NULL);
            live[k] = false; /* so that it stays so */
        }
        live[k] = !live[k];
        pthread_mutex_unlock(&turn);
    }
    return NULL;
}

static const char *write_log(const void *state)
{
    const char *path = scratch_path(state, "some.log");
    pthread_t threads[WORKERS];
    uint64_t seeds[WORKERS];
    memset(live, 0, sizeof(live));
    told = buddy_track_create(&(buddy_track_desc){.blocks = WORKERS * BLOCKS});
    assert_non_null(told);
    assert_true(buddy_track_log_open(told, path));
    for (uint32_t i = 0; i < WORKERS; i++) {
        seeds[i] = seed + i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &seeds[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(buddy_track_log_close(told));
    buddy_track_destroy(told);
    return path;
}

/* Plays the steps as replay does, but one thread a step at a time: whoever's turn it is goes on,
 * and there must always be one. Returns how many are live at the end. */
static uint32_t play(const replay_log *log)
{
    uint64_t next[TEAM_MOST];
    uint32_t turns[WORKERS * STEPS] = {0}; /* a block a step, at most */
    bool held[WORKERS * STEPS] = {false};
    uint32_t count = 0;
    memcpy(next, log->begin, sizeof next);
    for (uint64_t done = 0; done < log->count; done++) {
        uint32_t seat = 0;
        while (seat < log->threads &&
               (next[seat] == log->begin[seat + 1] ||
                turns[log->steps[next[seat]].block] != log->steps[next[seat]].turn)) {
            seat++;
        }
        assert_true(seat < log->threads);
        const replay_step *s = &log->steps[next[seat]++];
        assert_true(s->block < log->blocks && s->block < WORKERS * STEPS);
        assert_int_equal(held[s->block], s->operation != BUDDY_TRACK_OP_ALLOC);
        held[s->block] = s->operation != BUDDY_TRACK_OP_FREE;
        count += s->operation == BUDDY_TRACK_OP_ALLOC;
        count -= s->operation == BUDDY_TRACK_OP_FREE;
        turns[s->block]++;
    }
    return count;
}

static void every_step_has_its_turn(void **state)
{
    const char *path = write_log(*state);
    char error[REPLAY_LINE];
    uint32_t left = 0;
    for (int i = 0; i < WORKERS * BLOCKS; i++) {
        left += live[i];
    }
    for (uint32_t one_thread = 0; one_thread < 2; one_thread++) {
        replay_log log;
        assert_true(replay_log_load(path, one_thread != 0, &log, error));
        assert_int_equal(log.threads, one_thread != 0 ? 1 : WORKERS);
        assert_int_equal(log.count, WORKERS * STEPS);
        assert_int_equal(log.begin[log.threads], log.count);
        assert_true(log.blocks <= WORKERS * BLOCKS);
        assert_true(log.peak_bytes > 0 && log.peak_bytes <= WORKERS * BLOCKS * 1000);
        assert_true(log.rounded_bytes >= log.peak_bytes);
        assert_int_equal(play(&log), left);
        replay_log_unload(&log);
    }
}

static void put_number(FILE *f, uint32_t value)
{
    for (; value >= 0x80; value >>= 7) {
        fputc((int)(value & 0x7f) | 0x80, f);
    }
    fputc((int)value, f);
}

/* A block each, which the next thread frees. */
static void more_threads_than_seats_share_them(void **state)
{
    enum { THREADS = 2 * TEAM_MOST };
    const char *path = scratch_path(*state, "threads.log");
    char error[REPLAY_LINE];
    replay_log log;
    FILE *f = fopen(path, "wb");
    fwrite(BUDDY_TRACK_LOG_MAGIC, 1, BUDDY_TRACK_LOG_MAGIC_BYTES, f);
    for (uint32_t i = 1; i <= THREADS; i++) {
        const uint32_t numbers[] = {1000 * i << 2 | BUDDY_TRACK_OP_ALLOC,      i, 64, 0,
                                    1000 * (i + 1) << 2 | BUDDY_TRACK_OP_FREE, i, 0};
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            put_number(f, numbers[k]);
        }
    }
    put_number(f, BUDDY_TRACK_OP_END);
    put_number(f, 2 * THREADS);
    fclose(f);
    assert_true(replay_log_load(path, false, &log, error));
    assert_int_equal(log.threads, TEAM_MOST);
    assert_int_equal(log.peak_bytes, 64);
    assert_int_equal(play(&log), 0);
    replay_log_unload(&log);
}

static long most_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* Numbers from all over, of which each is used twice. */
static void write_scattered(const char *path, uint32_t blocks, uint32_t apart)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fwrite(BUDDY_TRACK_LOG_MAGIC, 1, BUDDY_TRACK_LOG_MAGIC_BYTES, f);
    for (uint32_t i = 0; i < 3 * blocks; i++) {
        put_number(f, 1 << 2 | (i / blocks == 1 ? BUDDY_TRACK_OP_FREE : BUDDY_TRACK_OP_ALLOC));
        put_number(f, 1 + i % blocks * apart);
        if (i / blocks != 1) {
            put_number(f, 1); /* byte */
        }
        put_number(f, 0);
    }
    put_number(f, BUDDY_TRACK_OP_END);
    put_number(f, 3 * blocks);
    assert_int_equal(fclose(f), 0);
}

/* What loading takes follows the records, wherever their numbers lie. */
static void scattered_numbers_take_no_more_memory(void **state)
{
    enum { MANY = 40000, LESS_THAN_PAGES_KIB = MANY };
    const char *path = scratch_path(*state, "scattered.log");
    char error[REPLAY_LINE] = "";
    replay_log log;
    write_scattered(path, MANY, (1u << 30) / MANY);
    const long before = most_kib();
    if (!replay_log_load(path, false, &log, error)) {
        fail_msg("%s", error);
    }
    assert_in_range(most_kib() - before, 0, LESS_THAN_PAGES_KIB);
    assert_int_equal(log.blocks, MANY);
    assert_int_equal(log.peak_bytes, MANY);
    for (uint32_t i = 0; i < 3 * MANY; i++) {
        assert_int_equal(log.steps[i].block, i % MANY);
        assert_int_equal(log.steps[i].turn, i / MANY);
    }
    replay_log_unload(&log);
    write_scattered(path, 100, UINT32_MAX / 100); /* any number is one */
    assert_true(replay_log_load(path, false, &log, error));
    assert_int_equal(log.blocks, 100);
    replay_log_unload(&log);
}

/* Bytes changed at random, and cut: a reason, or steps that can be played to the end. */
static void no_log_at_all_crashes_or_hangs(void **state)
{
    uint64_t random = seed;
    char error[REPLAY_LINE];
    size_t bytes = 0;
    uint8_t *data = scratch_read(write_log(*state), &bytes);
    const char *path = scratch_path(*state, "bad.log");
    uint32_t whole = 0;
    for (int i = 0; i < 1500; i++) {
        replay_log log;
        uint8_t *bad = malloc(bytes);
        memcpy(bad, data, bytes);
        for (uint32_t k = seed_below(&random, 3); k < 3; k++) {
            bad[seed_below(&random, (uint32_t)bytes)] = (uint8_t)seed_next(&random);
        }
        FILE *f = fopen(path, "wb");
        size_t length = seed_below(&random, 4) == 0 ? seed_below(&random, (uint32_t)bytes) : bytes;
        assert_int_equal(fwrite(bad, 1, length, f), length);
        fclose(f);
        free(bad);
        memset(error, 0, sizeof error);
        if (replay_log_load(path, seed_below(&random, 2) == 0, &log, error)) {
            whole++;
            play(&log);
            replay_log_unload(&log);
        } else {
            assert_true(strlen(error) > 0);
        }
    }
    assert_true(whole > 0); /* times and sizes may be any */
    free(data);
}

int main(void)
{
    seed = seed_of_run();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_its_turn),
        cmocka_unit_test(more_threads_than_seats_share_them),
        cmocka_unit_test(scattered_numbers_take_no_more_memory),
        cmocka_unit_test(no_log_at_all_crashes_or_hangs),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
