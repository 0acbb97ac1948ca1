/* Camera paths: what is read, what is refused, and how the camera moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/camera.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static camera_path parse(const char *text)
{
    camera_path path;
    char error[256] = "";
    if (!camera_path_parse(&path, "p", text, error, sizeof error)) {
        fail_msg("%s", error);
    }
    return path;
}

static void reads_keys_comments_and_blank_lines(void **state)
{
    (void)state;
    camera_path path = parse("# a tour\n\n0 1 2 3 4 5\r\n  1.5\t-1 2e1 .5 370 -90 cut # jump\n");
    assert_int_equal(path.count, 2);
    assert_true(path.keys[1].cut && !path.keys[0].cut);
    assert_true(path.keys[1].at.y == 20 && path.keys[1].at.pitch == -90);
    assert_true(camera_path_seconds(&path) == 1.5);
    camera_path_free(&path);
    camera_path_free(&path);
}

static void refuses_what_is_no_path_and_names_the_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "p:1: no key"},
        {"# nothing\n\n", "no key"},
        {"0 1 2 3 4", "p:1: a key has six numbers"},
        {"0 1 2 3 4 5\n1 1 2 3 4 x", "p:2: x: not a number"},
        {"0 1 2 3 4 nan", "nan: not a number"},
        {"0 1 2 3 inf 0", "inf: not a number"},
        {"0 1e10 2 3 4 0", "1e10: not a number"},
        {"0 1 2 3 4 91", "pitch 91: must be from -90 to 90"},
        {"0 1 2 3 4 5 jump", "jump: only cut"},
        {"0 1 2 3 4 5 cut cut", "nothing may follow cut"},
        {"1 1 2 3 4 5\n\n1 1 2 3 4 5", "p:3: time 1: must be later"},
        {"-1 1 2 3 4 5", "times begin at 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        camera_path path;
        char error[256] = "";
        if (camera_path_parse(&path, "p", cases[i][0], error, sizeof error) ||
            strstr(error, cases[i][1]) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i][0], error, cases[i][1]);
        }
        assert_null(path.keys);
    }
    camera_path path;
    char error[256] = "";
    assert_false(camera_path_read(&path, "/nonexistent.path", error, sizeof error));
    assert_string_equal(error, "/nonexistent.path: No such file or directory");
    assert_false(camera_path_read(&path, "/tmp", error, sizeof error));
}

static void passes_through_every_key_and_rests_outside(void **state)
{
    (void)state;
    camera_path path = parse("1 0 1 0 0 0\n2 10 1 0 0 0\n4 20 5 0 90 -45\n5 0 0 0 0 0\n");
    bool cut;
    for (size_t i = 0; i < path.count; i++) {
        const camera c = camera_path_at(&path, 0, path.keys[i].t, &cut);
        assert_memory_equal(&c, &path.keys[i].at, sizeof c);
    }
    assert_true(camera_path_at(&path, 0, -7, &cut).x == 0);
    assert_true(camera_path_at(&path, 0, 99, &cut).x == 0);
    camera_path_free(&path);
}

static void jumps_at_cuts_and_reports_each_once(void **state)
{
    (void)state;
    camera_path path = parse("0 0 1 0 0 0\n1 5 1 0 0 0\n2 100 1 0 0 0 cut\n3 110 1 0 0 0\n");
    bool cut;
    int cuts = 0;
    double before = -1;
    for (int frame = 0; frame <= 60; frame++) {
        const double t = frame / 20.0;
        const camera c = camera_path_at(&path, before, t, &cut);
        cuts += cut;
        assert_true(t < 2 ? c.x <= 5 : c.x >= 100);
        assert_true(cut == (frame == 40));
        before = t;
    }
    assert_int_equal(cuts, 1);
    (void)camera_path_at(&path, 0.5, 2.5, &cut); /* over the cut in one step */
    assert_true(cut);
    camera_path_free(&path);
}

static void never_leaves_the_range_of_the_two_keys_it_lies_between(void **state)
{
    (void)state;
    const unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < 200; round++) {
        char text[2048] = "";
        size_t used = 0;
        double t = 0;
        for (int i = 0; i < 12; i++) {
            t += 0.01 + rand() % 100 / 20.0;
            used += (size_t)snprintf(text + used, sizeof text - used, "%f %d %d 0 0 0\n", t,
                                     rand() % 2000 - 1000, rand() % 50);
        }
        camera_path path = parse(text);
        for (int i = 0; i < 400; i++) {
            const double at = t * i / 400;
            bool cut;
            const camera c = camera_path_at(&path, at, at, &cut);
            size_t k = 0;
            while (k + 1 < path.count && path.keys[k + 1].t <= at) {
                k++;
            }
            const camera a = path.keys[k].at;
            const camera b = k + 1 < path.count && at > path.keys[0].t ? path.keys[k + 1].at : a;
            assert_true(c.x >= fmin(a.x, b.x) - 1e-6 && c.x <= fmax(a.x, b.x) + 1e-6);
            assert_true(c.y >= fmin(a.y, b.y) - 1e-6 && c.y <= fmax(a.y, b.y) + 1e-6);
        }
        camera_path_free(&path);
    }
}

static void moves_without_jerks_between_cuts(void **state)
{
    (void)state;
    camera_path path = parse("0 0 1 0 0 0\n1 100 1 0 0 0\n3 150 9 0 0 0\n4 300 2 0 0 0\n");
    bool cut;
    double last_speed = 0;
    for (int i = 1; i <= 4000; i++) {
        const double x0 = camera_path_at(&path, 0, (i - 1) / 1000.0, &cut).x;
        const double x1 = camera_path_at(&path, 0, i / 1000.0, &cut).x;
        const double speed = (x1 - x0) * 1000;       /* units a second */
        assert_true(fabs(speed - last_speed) < 2.5); /* of at most ~250 */
        last_speed = speed;
    }
    camera_path_free(&path);
}

static void looking_ahead_goes_on_as_before_but_never_over_the_head(void **state)
{
    (void)state;
    const camera before = {0, 10, 0, 350, -80}, now = {1, 9, 2, 352, -85};
    const camera ahead = camera_ahead(&before, &now, 3);
    assert_true(ahead.x == 4 && ahead.y == 6 && ahead.z == 8 && ahead.yaw == 358);
    assert_true(ahead.pitch == -90);
    const camera still = camera_ahead(&now, &now, 100);
    assert_memory_equal(&still, &now, sizeof still);
}

static void the_shipped_paths_are_good(void **state)
{
    (void)state;
    static const char *const files[] = {MEGABUDDY_SOURCE "/assets/paths/tour.path",
                                        MEGABUDDY_SOURCE "/assets/paths/picture.path"};
    for (int i = 0; i < 2; i++) {
        camera_path path;
        char error[512] = "";
        if (!camera_path_read(&path, files[i], error, sizeof error)) {
            fail_msg("%s", error);
        }
        assert_true(camera_path_seconds(&path) > 5);
        camera_path_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_keys_comments_and_blank_lines),
        cmocka_unit_test(refuses_what_is_no_path_and_names_the_line),
        cmocka_unit_test(passes_through_every_key_and_rests_outside),
        cmocka_unit_test(jumps_at_cuts_and_reports_each_once),
        cmocka_unit_test(never_leaves_the_range_of_the_two_keys_it_lies_between),
        cmocka_unit_test(moves_without_jerks_between_cuts),
        cmocka_unit_test(looking_ahead_goes_on_as_before_but_never_over_the_head),
        cmocka_unit_test(the_shipped_paths_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
