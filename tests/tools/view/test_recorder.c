/* Random flights are recorded, thinned and flown again: as they were, with few keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/full_disk.h"
#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/view/recorder.h"

#include <math.h>
#include <unistd.h>

#define MOST_FRAMES 4000

static const double WIDTH = 2000; /* of a world that wraps */

/* A flight as it was flown: the model that a replay is held against. */
typedef struct flight {
    size_t count;
    camera_key frames[MOST_FRAMES]; /* yaw from 0 to 360, x from -1000 to 1000 */
    size_t cuts;
    bool smooth;
} flight;

static double in_range(uint64_t *seed, double least, double most)
{
    return least + (most - least) * (double)seed_below(seed, 1000001) / 1e6;
}

static recorder *checked(recorder *r)
{
    if (recorder_check(r) != NULL) {
        fail_msg("%s", recorder_check(r));
    }
    return r;
}

static camera_path path_of(const recorder *r)
{
    camera_path path;
    char error[256];
    if (!recorder_path(r, &path, error, sizeof error)) {
        fail_msg("%s", error);
    }
    return path;
}

/* What moves a camera: speeds (in heights a second, degrees a second), and what they tend to. */
typedef struct hands {
    double now[5], wanted[5];
    double until; /* seconds: they then change their mind */
    bool smooth;
} hands;

static void change_mind(hands *h, uint64_t *seed, double t)
{
    static const double most[5] = {0.8, 0.4, 0.8, 50, 15};
    const bool rests = seed_below(seed, 4) == 0;
    for (int i = 0; i < 5; i++) {
        h->wanted[i] = rests ? 0 : in_range(seed, -most[i], most[i]);
    }
    h->until = t + in_range(seed, 0.3, 4);
}

/* Smooth hands have weight: speeds follow by at most so much a second. Others are as keys of a
 * keyboard: at once. All turn back before an end. */
static void steer(hands *h, const camera *c, double seconds)
{
    static const double follow[5] = {0.5, 0.3, 0.5, 25, 12};
    const double past[5] = {0, log(c->y / 60) / log(6), 0, 0, c->pitch / 60}; /* beyond 1: an end */
    for (int i = 0; i < 5; i++) {
        if (fabs(past[i]) > 1 && past[i] * h->wanted[i] > 0) {
            h->wanted[i] = -h->wanted[i];
        }
        const double step = h->wanted[i] - h->now[i];
        const double most = h->smooth ? follow[i] * seconds : 1e9;
        h->now[i] += fmin(fmax(step, -most), most);
    }
}

static void move(camera *c, const hands *h, double seconds)
{
    c->x = remainder(c->x + h->now[0] * c->y * seconds, WIDTH);
    c->z += h->now[2] * c->y * seconds;
    c->y *= 1 + h->now[1] * seconds;
    c->yaw = fmod(c->yaw + h->now[3] * seconds + 360, 360);
    c->pitch += h->now[4] * seconds;
}

static void jump(camera *c, uint64_t *seed)
{
    *c = (camera){in_range(seed, -WIDTH / 2, WIDTH / 2), in_range(seed, 3, 600),
                  in_range(seed, -500, 500), in_range(seed, 0, 360), in_range(seed, -70, 40)};
}

static void fly(flight *f, uint64_t *seed, bool may_cut, bool smooth)
{
    hands h = {.smooth = smooth};
    camera c;
    double t = in_range(seed, 0, 1000);
    jump(&c, seed);
    f->cuts = 0;
    f->smooth = smooth;
    f->count = 2 + seed_below(seed, MOST_FRAMES - 1);
    for (size_t i = 0; i < f->count; i++) {
        const double seconds = in_range(seed, 0.01, 0.03);
        t += seconds;
        if (t > h.until) {
            change_mind(&h, seed, t);
        }
        const bool cut = may_cut && i > 0 && seed_below(seed, 400) == 0;
        steer(&h, &c, seconds);
        move(&c, &h, seconds);
        if (cut) {
            jump(&c, seed);
        }
        f->cuts += cut;
        f->frames[i] = (camera_key){t, c, cut};
    }
}

static recorder *record(const flight *f)
{
    recorder *r = recorder_create(WIDTH);
    assert_non_null(r);
    for (size_t i = 0; i < f->count; i++) {
        assert_true(recorder_add(r, f->frames[i].t, &f->frames[i].at, f->frames[i].cut));
    }
    return checked(r);
}

/* How far two cameras are from each other, in tolerances. */
static double apart(const camera *a, const camera *b)
{
    const double dx = remainder(a->x - b->x, WIDTH), dy = a->y - b->y, dz = a->z - b->z;
    const double allowed = fmax(RECORDER_POSITION * fabs(b->y), RECORDER_UNITS);
    const double turned = fmax(fabs(remainder(a->yaw - b->yaw, 360)), fabs(a->pitch - b->pitch));
    return fmax(sqrt(dx * dx + dy * dy + dz * dz) / allowed, turned / RECORDER_DEGREES);
}

static void assert_flown_again(const flight *f, const camera_path *path)
{
    size_t cuts = 0;
    double before = -1;
    for (size_t i = 0; i < f->count; i++) {
        bool cut;
        const double t = f->frames[i].t - f->frames[0].t;
        const camera c = camera_path_at(path, before, t + 1e-4, &cut);
        const double off = apart(&c, &f->frames[i].at);
        if (off > 1.05 || cut != f->frames[i].cut) { /* the replay's clock is a little off */
            fail_msg("frame %zu of %zu is %g tolerances off, cut %d", i, f->count, off, cut);
        }
        cuts += cut;
        before = t + 1e-4;
    }
    assert_int_equal(cuts, f->cuts);
}

/* What hands may do that keys have to be close for: begin, end, cut; or change their mind. */
static double occasions(const flight *f)
{
    return (double)(1 + f->cuts) + (f->smooth ? 0 : (double)f->count / 20);
}

static void assert_keys_are_few(const flight *f, const camera_path *p)
{
    size_t close = 0;
    for (size_t i = 1; i < p->count; i++) {
        close += p->keys[i].t - p->keys[i - 1].t < RECORDER_KEY_SECONDS - 1e-9;
    }
    assert_true((double)close <= 8 * occasions(f));
    assert_true((double)p->count <= camera_path_seconds(p) / 0.25 + 16 * occasions(f));
}

static void random_flights_are_flown_again(void **state)
{
    (void)state;
    static flight f;
    uint64_t seed = seed_of_run();
    size_t frames = 0, keys = 0;
    for (int round = 0; round < 40; round++) {
        fly(&f, &seed, round % 2 == 1, round % 4 < 2);
        recorder *r = record(&f);
        camera_path path = path_of(r);
        assert_flown_again(&f, &path);
        assert_keys_are_few(&f, &path);
        frames += f.count;
        keys += path.count;
        camera_path_free(&path);
        recorder_destroy(r);
    }
    print_message("%zu frames, %zu keys\n", frames, keys);
}

static void a_file_of_it_is_read_back(void **state)
{
    static flight f;
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 10; round++) {
        const char *file = scratch_path(*state, "flight.path");
        char error[512];
        fly(&f, &seed, true, round % 2 == 1);
        recorder *r = record(&f);
        camera_path path = path_of(r), again;
        assert_true(recorder_write(r, file, "a world\nof two lines.mega", error, sizeof error));
        if (!camera_path_read(&again, file, error, sizeof error)) {
            fail_msg("%s", error);
        }
        assert_int_equal(again.count, path.count);
        assert_flown_again(&f, &again);
        assert_int_equal(scratch_count(*state), 1); /* nothing is left beside it */
        camera_path_free(&path);
        camera_path_free(&again);
        recorder_destroy(r);
    }
}

static void standing_still_is_two_keys_however_long(void **state)
{
    (void)state;
    recorder *r = recorder_create(0);
    const camera here = {1, 10, 2, 30, -4}, there = {9, 10, 2, 30, -4};
    double t = 5;
    for (int i = 0; i < RECORDER_MAX_SAMPLES + 100; i++, t += 0.016) {
        assert_true(recorder_add(r, t, &here, false));
    }
    const double stood = t - 5;
    for (int i = 0; i < 100; i++, t += 0.016) {
        const camera c = {1 + 8 * i / 100.0, 10, 2, 30, -4};
        assert_true(recorder_add(r, t, &c, false));
    }
    for (int i = 0; i < 1000; i++, t += 0.016) {
        assert_true(recorder_add(r, t, &there, false));
    }
    camera_path path = path_of(checked(r));
    bool cut;
    for (double s = 0; s < stood - 0.1; s += 0.5) {
        const camera c = camera_path_at(&path, s, s, &cut);
        assert_true(fabs(c.x - 1) <= RECORDER_UNITS);
    }
    assert_true(path.count < 20);
    assert_true(fabs(camera_path_seconds(&path) - (t - 0.016 - 5)) < 1e-3);
    camera_path_free(&path);
    recorder_destroy(r);
}

static void yaw_and_x_go_on_beyond_their_ends(void **state)
{
    (void)state;
    recorder *r = recorder_create(WIDTH);
    for (int i = 0; i <= 100; i++) { /* twice over each edge, there and back */
        const double swing = 30 * sin(i * 0.06);
        const camera c = {remainder(990 + swing, WIDTH), 20, 0, fmod(355 + swing, 360), 0};
        assert_true(recorder_add(r, i * 0.05, &c, false));
    }
    camera_path path = path_of(checked(r));
    for (size_t i = 0; i < path.count; i++) {
        const camera *c = &path.keys[i].at;
        assert_true(c->yaw > 320 && c->yaw < 390 && c->x > 955 && c->x < 1025);
    }
    camera_path_free(&path);
    recorder_destroy(r);
}

static void a_cut_is_where_it_was_left_and_where_it_went(void **state)
{
    (void)state;
    recorder *r = recorder_create(0);
    for (int i = 0; i < 90; i++) { /* each second a leap */
        const camera c = {100 * (i / 30) + i, 20, 0, 0, 0};
        assert_true(recorder_add(r, i / 30.0, &c, i % 30 == 0));
    }
    camera_path path = path_of(checked(r));
    assert_false(path.keys[0].cut); /* a path begins anyway */
    size_t cuts = 0;
    for (size_t i = 1; i < path.count; i++) {
        if (path.keys[i].cut) {
            cuts++;
            assert_true(fabs(path.keys[i].t - (double)cuts) < 1e-3);
            assert_true(path.keys[i].at.x - path.keys[i - 1].at.x > 100);
        }
    }
    assert_int_equal(cuts, 2);
    camera_path_free(&path);
    recorder_destroy(r);
}

static void a_clock_that_stands_loses_no_cut(void **state)
{
    (void)state;
    recorder *r = recorder_create(0);
    const camera a = {0, 10, 0, 0, 0}, b = {500, 10, 0, 0, 0};
    assert_true(recorder_add(r, 1, &a, true));
    assert_true(recorder_add(r, 2, &a, false));
    assert_true(recorder_add(r, 2, &b, true));
    assert_true(recorder_add(r, 1.5, &b, false));
    assert_true(recorder_add(r, 3, &b, false));
    assert_true(recorder_add(r, 4, &b, false));
    camera_path path = path_of(checked(r));
    assert_int_equal(path.count, 4);
    assert_true(path.keys[2].cut && path.keys[2].at.x == 500 && path.keys[2].t == 2);
    assert_true(path.keys[3].t == 3);
    camera_path_free(&path);
    recorder_destroy(r);
}

static void what_is_torn_round_is_followed_frame_by_frame(void **state)
{
    (void)state;
    static flight f;
    uint64_t seed = seed_of_run();
    f.count = MOST_FRAMES;
    f.cuts = 0;
    for (size_t i = 0; i < f.count; i++) {
        f.frames[i] = (camera_key){.t = (double)i / 60};
        jump(&f.frames[i].at, &seed);
    }
    recorder *r = record(&f);
    camera_path path = path_of(r);
    assert_int_equal(path.count, f.count);
    for (size_t i = 0; i < f.count; i++) {
        bool cut;
        const camera c = camera_path_at(&path, 0, path.keys[i].t, &cut);
        assert_true(apart(&c, &f.frames[i].at) <= 1);
    }
    camera_path_free(&path);
    recorder_destroy(r);
}

static void there_is_an_end_to_what_it_takes_in(void **state)
{
    (void)state;
    recorder *r = recorder_create(0);
    camera c = {0, 10, 0, 0, 0};
    uint32_t taken = 0;
    for (uint32_t i = 0; i < RECORDER_MAX_SAMPLES + 100u; i++) {
        c.x = i % 2 ? 1 : 0;
        taken += recorder_add(r, i / 60.0, &c, false);
    }
    assert_int_equal(taken, RECORDER_MAX_SAMPLES);
    recorder_destroy(checked(r));
}

static void what_cannot_be_written_leaves_things_as_they_were(void **state)
{
    char error[512] = "";
    recorder *r = recorder_create(0);
    const camera c = {0, 10, 0, 0, 0};
    const char *kept = scratch_path(*state, "kept.path");
    assert_false(recorder_write(r, kept, "w.mega", error, sizeof error));
    assert_non_null(strstr(error, "nothing was recorded"));
    assert_int_equal(access(kept, F_OK), -1);
    assert_true(recorder_add(r, 0, &c, false));
    assert_false(
        recorder_write(r, scratch_path(*state, "no/such/folder"), "w", error, sizeof error));
    assert_non_null(strstr(error, "no/such/folder: No such file"));
    const int before = scratch_count(*state);
    assert_int_equal(full_disk_begin(16), 0);
    assert_false(recorder_write(r, scratch_path(*state, "full.path"), "w", error, sizeof error));
    assert_int_equal(full_disk_end(), 0);
    assert_non_null(strstr(error, "full.path: File too large"));
    assert_int_equal(scratch_count(*state), before);
    recorder_destroy(r);
    recorder_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_flights_are_flown_again),
        cmocka_unit_test(a_file_of_it_is_read_back),
        cmocka_unit_test(standing_still_is_two_keys_however_long),
        cmocka_unit_test(yaw_and_x_go_on_beyond_their_ends),
        cmocka_unit_test(a_cut_is_where_it_was_left_and_where_it_went),
        cmocka_unit_test(a_clock_that_stands_loses_no_cut),
        cmocka_unit_test(what_is_torn_round_is_followed_frame_by_frame),
        cmocka_unit_test(there_is_an_end_to_what_it_takes_in),
        cmocka_unit_test(what_cannot_be_written_leaves_things_as_they_were),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
