/* A bake that is stopped again and again, and goes on each time, makes the file of a bake that was
 * not. What it left that is damaged, or another bake's, is not taken up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/scratch.h"
#include "tests/rigs/seed.h"
#include "tools/bake/made/noise.h"
#include "tools/bake/mips/pyramid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BEFORE_STOP (1 << 30)

/* A made-up picture; `left` fills until *cancelled is set. */
typedef struct fake {
    uint32_t layer;
    volatile sig_atomic_t *cancelled;
    int *left; /* several workers count it down: about right is enough */
} fake;

static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const fake *f = context;
    (void)worker;
    for (uint32_t y = 0; y < rect.height; y++) {
        for (uint32_t x = 0; x < rect.width; x++) {
            const uint32_t texel =
                noise_hash(f->layer, (rect.x + x) / 3, (rect.y + y) / 3) | 0xff000000u;
            memcpy(rgba + y * row_bytes + (size_t)x * 4, &texel, 4);
        }
    }
    if (__atomic_sub_fetch(f->left, 1, __ATOMIC_RELAXED) == 0) {
        *f->cancelled = PYRAMID_PAUSE;
    }
}

typedef struct shape {
    uint32_t width, height, border, layers, threads;
    bool wrap;
} shape;

static pagewriter_desc describe(const shape *s, const char *path, uint64_t identity)
{
    pagewriter_desc desc = {
        .path = path, .wrap_x = s->wrap, .layer_count = s->layers, .identity = identity};
    assert_true(page_shape_make(s->width, s->height, s->border, &desc.shape));
    for (uint32_t i = 0; i < s->layers; i++) {
        desc.layers[i] =
            (vt_layer){.format = i == 0 ? VT_TEXEL_BC1 : VT_TEXEL_BC5, .name = "layer"};
    }
    return desc;
}

/* Bakes for `fills` fills of blocks. Returns whether the file is done. *went_on: it took up work.
 */
static bool bake_some(const shape *s, const char *path, uint64_t identity, int fills, bool *went_on)
{
    volatile sig_atomic_t cancelled = 0;
    fake fakes[2] = {{1, &cancelled, &fills}, {2, &cancelled, &fills}};
    const pagewriter_desc desc = describe(s, path, identity);
    pagewriter *w = NULL;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    *went_on = pagewriter_goes_on(w);
    pyramid_desc pyramid = {
        .shape = desc.shape,
        .layer_count = s->layers,
        .workers = crew_create(s->threads),
        .writer = w,
        .keeps = true,
        .checkpoint_s = 3600,
        .cancelled = &cancelled,
    };
    for (uint32_t i = 0; i < s->layers; i++) {
        pyramid.layers[i] = (pyramid_layer){
            .input = {.width = s->width,
                      .height = s->height,
                      .wrap_x = s->wrap,
                      .fill = fill,
                      .context = &fakes[i]},
            .kind = i == 0 ? HALVE_SRGB : HALVE_NORMAL,
            .format = desc.layers[i].format,
            .packing = {PAGE_LZ4, 0},
        };
    }
    const pyramid_failure failure = pyramid_bake(&pyramid);
    const int why = errno;
    crew_destroy(pyramid.workers);
    if (failure.status == PAGEFILE_OK) {
        assert_int_equal(pagewriter_commit(w), PAGEFILE_OK);
        return true;
    }
    assert_int_equal(why, ECANCELED);
    pagewriter_suspend(w);
    return false;
}

static void assert_same_file(const char *a, const char *b)
{
    size_t a_bytes = 0, b_bytes = 0;
    uint8_t *a_data = scratch_read(a, &a_bytes), *b_data = scratch_read(b, &b_bytes);
    assert_non_null(a_data);
    assert_non_null(b_data);
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(a_data, b_data, a_bytes);
    free(a_data);
    free(b_data);
}

static shape random_shape(uint64_t *seed)
{
    return (shape){
        .width = 1 + seed_below(seed, 1500),
        .height = 1 + seed_below(seed, 2500),
        .border = seed_below(seed, 2) ? 4 : 8,
        .layers = 1 + seed_below(seed, 2),
        .threads = 1 + seed_below(seed, 4),
        .wrap = seed_below(seed, 2) == 0,
    };
}

static void stopped_often_is_the_same_file(void **state)
{
    const char *whole = scratch_path(*state, "whole.mega"), *path = scratch_path(*state, "w.mega");
    const char *part = scratch_path(*state, "w.mega.part");
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 12; round++) {
        shape s = random_shape(&seed);
        bool went_on = false, first = true;
        assert_true(bake_some(&s, whole, 7, BEFORE_STOP, &went_on));
        assert_false(went_on);
        while (!bake_some(&s, path, 7, 1 + (int)seed_below(&seed, 12), &went_on)) {
            assert_int_equal(went_on, !first);
            s.threads = 1 + seed_below(&seed, 4);
            first = false;
        }
        assert_same_file(whole, path);
        assert_int_equal(access(part, F_OK), -1);
    }
}

static const shape TALL = {500, 3000, 4, 2, 2, true};

/* Leaves a checkpoint at `path`, and a whole file to compare with at `whole`. */
static void leave_work(const char *whole, const char *path)
{
    bool went_on = false;
    (void)unlink(path);
    assert_true(bake_some(&TALL, whole, 7, BEFORE_STOP, &went_on));
    assert_false(bake_some(&TALL, path, 7, 5, &went_on));
}

static void another_bake_begins_afresh(void **state)
{
    const char *whole = scratch_path(*state, "whole.mega"), *path = scratch_path(*state, "w.mega");
    bool went_on = true;
    leave_work(whole, path);
    assert_true(bake_some(&TALL, path, 8, BEFORE_STOP, &went_on));
    assert_false(went_on);
    assert_same_file(whole, path);
}

static void flip_byte(const char *path, uint64_t *seed)
{
    struct stat st;
    const int fd = open(path, O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t byte = 0;
    const off_t at = (off_t)seed_below(seed, (uint32_t)st.st_size);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (uint8_t)(1 + seed_below(seed, 255));
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void damaged_work_begins_afresh(void **state)
{
    const char *whole = scratch_path(*state, "whole.mega"), *path = scratch_path(*state, "w.mega");
    const char *kept = scratch_path(*state, "w.mega.part/state");
    const char *pages = scratch_path(*state, "w.mega.part/mip00");
    uint64_t seed = seed_of_run();
    for (int round = 0; round < 9; round++) {
        bool went_on = true;
        leave_work(whole, path);
        if (round == 0) {
            assert_int_equal(truncate(pages, 1000), 0);
        } else if (round == 1) {
            assert_int_equal(unlink(pages), 0);
        } else if (round == 2) {
            assert_int_equal(truncate(kept, 100), 0);
        } else {
            flip_byte(kept, &seed);
        }
        assert_true(bake_some(&TALL, path, 7, BEFORE_STOP, &went_on));
        assert_false(went_on);
        assert_same_file(whole, path);
    }
}

/* A page that was spoilt in a spool is noticed when the spools are joined, and no file is made. */
static void a_spoilt_spool_is_noticed(void **state)
{
    const char *whole = scratch_path(*state, "whole.mega"), *path = scratch_path(*state, "w.mega");
    uint64_t seed = seed_of_run();
    leave_work(whole, path);
    const pagewriter_desc desc = describe(&TALL, path, 7);
    pagewriter *w = NULL;
    flip_byte(scratch_path(*state, "w.mega.part/mip00"), &seed);
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    assert_true(pagewriter_goes_on(w));
    int fills = BEFORE_STOP;
    volatile sig_atomic_t cancelled = 0;
    fake fakes[2] = {{1, &cancelled, &fills}, {2, &cancelled, &fills}};
    pyramid_desc pyramid = {
        .shape = desc.shape, .layer_count = 2, .workers = crew_create(2), .writer = w};
    for (uint32_t i = 0; i < 2; i++) {
        pyramid.layers[i] = (pyramid_layer){
            .input = {.width = TALL.width,
                      .height = TALL.height,
                      .wrap_x = true,
                      .fill = fill,
                      .context = &fakes[i]},
            .kind = i == 0 ? HALVE_SRGB : HALVE_NORMAL,
            .format = desc.layers[i].format,
            .packing = {PAGE_LZ4, 0},
        };
    }
    assert_int_equal(pyramid_bake(&pyramid).status, PAGEFILE_OK);
    crew_destroy(pyramid.workers);
    assert_int_equal(pagewriter_commit(w), PAGEFILE_BAD_CHECKSUM);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(scratch_path(*state, "w.mega.part"), F_OK), -1);
}

static void two_at_once_keep_out_of_each_others_way(void **state)
{
    const char *path = scratch_path(*state, "two.mega");
    const pagewriter_desc desc = describe(&TALL, path, 7);
    pagewriter *one = NULL, *two = NULL;
    assert_int_equal(pagewriter_create(&desc, &one), PAGEFILE_OK);
    assert_int_equal(pagewriter_create(&desc, &two), PAGEFILE_BUSY);
    assert_null(two);
    assert_int_equal(access(scratch_path(*state, "two.mega.part"), F_OK), 0);
    pagewriter_abort(one);
    assert_int_equal(access(scratch_path(*state, "two.mega.part"), F_OK), -1);
    assert_int_equal(pagewriter_create(&desc, &two), PAGEFILE_OK);
    pagewriter_abort(two);
}

/* What somebody keeps in the folder himself stays. */
static void a_strangers_file_is_left_alone(void **state)
{
    const char *path = scratch_path(*state, "own.mega");
    const char *folder = scratch_path(*state, "own.mega.part");
    const char *his = scratch_path(*state, "own.mega.part/notes");
    assert_int_equal(mkdir(folder, 0700), 0);
    close(open(his, O_CREAT | O_WRONLY, 0600));
    const pagewriter_desc desc = describe(&TALL, path, 0);
    pagewriter *w = NULL;
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    pagewriter_abort(w);
    assert_int_equal(access(his, F_OK), 0);
    unlink(his);
    rmdir(folder);
}

/* ---- what others may have put there ---- */

static pagefile_status try_to_open(const char *path)
{
    const pagewriter_desc desc = describe(&TALL, path, 7);
    pagewriter *w = NULL;
    const pagefile_status status = pagewriter_create(&desc, &w);
    pagewriter_abort(w);
    return status;
}

static void a_folder_that_is_not_only_ours_is_refused(void **state)
{
    const char *path = scratch_path(*state, "safe.mega");
    const char *folder = scratch_path(*state, "safe.mega.part");
    const char *elsewhere = scratch_path(*state, "elsewhere");
    const char *his = scratch_path(*state, "elsewhere/state");
    struct stat st;
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    close(open(his, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink(elsewhere, folder), 0);
    assert_int_equal(try_to_open(path), PAGEFILE_UNSAFE);
    assert_int_equal(unlink(folder), 0);
    assert_int_equal(rename(elsewhere, folder), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    assert_int_equal(try_to_open(path), PAGEFILE_UNSAFE);
    assert_int_equal(chmod(folder, 0720), 0);
    assert_int_equal(try_to_open(path), PAGEFILE_UNSAFE);
    assert_int_equal(chmod(folder, 0755), 0);
    if (geteuid() == 0) { /* who is not, cannot give folders away */
        assert_int_equal(chown(folder, 1, 1), 0);
        assert_int_equal(try_to_open(path), PAGEFILE_UNSAFE);
        assert_int_equal(chown(folder, 0, 0), 0);
    }
    assert_int_equal(lstat(scratch_path(*state, "safe.mega.part/state"), &st), 0); /* not emptied */
    assert_int_equal(try_to_open(path), PAGEFILE_OK);
    assert_int_equal(access(folder, F_OK), -1);
    const pagewriter_desc desc = describe(&TALL, path, 7);
    pagewriter *w = NULL;
    const mode_t before = umask(0);
    assert_int_equal(pagewriter_create(&desc, &w), PAGEFILE_OK);
    umask(before);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700); /* ours are, whatever the umask */
    pagewriter_abort(w);
}

/* Pipes and links at the names of its files: not waited for, and not written through. */
static void strange_things_in_the_folder_are_replaced(void **state)
{
    static const char *const NAMES[] = {"state", "state.new", "mip00", "world.mega"};
    const char *whole = scratch_path(*state, "whole.mega"), *path = scratch_path(*state, "w.mega");
    char inside[SCRATCH_PATH_BYTES], victim[SCRATCH_PATH_BYTES];
    bool went_on;
    (void)snprintf(victim, sizeof victim, "%s/victim", (const char *)*state);
    assert_true(bake_some(&TALL, whole, 7, BEFORE_STOP, &went_on));
    (void)alarm(60);
    for (size_t i = 0; i < 2 * sizeof NAMES / sizeof NAMES[0]; i++) {
        struct stat st;
        (void)unlink(path);
        assert_false(bake_some(&TALL, path, 7, 5, &went_on));
        (void)snprintf(inside, sizeof inside, "%s.part/%s", path, NAMES[i / 2]);
        (void)unlink(inside);
        close(open(victim, O_CREAT | O_WRONLY | O_TRUNC, 0600));
        assert_int_equal(truncate(victim, 12345), 0);
        assert_int_equal(i % 2 == 0 ? mkfifo(inside, 0600) : symlink(victim, inside), 0);
        assert_true(bake_some(&TALL, path, 7, BEFORE_STOP, &went_on));
        assert_same_file(whole, path);
        assert_int_equal(stat(victim, &st), 0);
        assert_int_equal(st.st_size, 12345);
    }
    (void)alarm(0);
}

/* The work is beside what the link leads to, which is what the link's maker wants. */
static void a_link_as_the_name_is_followed(void **state)
{
    char whole[SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES], to[SCRATCH_PATH_BYTES];
    struct stat st;
    bool went_on;
    (void)snprintf(whole, sizeof whole, "%s/whole.mega", (const char *)*state);
    (void)snprintf(path, sizeof path, "%s/link.mega", (const char *)*state);
    (void)snprintf(to, sizeof to, "%s/disk/there.mega", (const char *)*state);
    assert_true(bake_some(&TALL, whole, 7, BEFORE_STOP, &went_on));
    assert_int_equal(mkdir(scratch_path(*state, "disk"), 0700), 0);
    assert_int_equal(symlink("disk/there.mega", path), 0);
    assert_false(bake_some(&TALL, path, 7, 5, &went_on));
    assert_int_equal(access(scratch_path(*state, "disk/there.mega.part"), F_OK), 0);
    assert_int_equal(access(scratch_path(*state, "link.mega.part"), F_OK), -1);
    assert_true(bake_some(&TALL, path, 7, BEFORE_STOP, &went_on));
    assert_true(went_on);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(lstat(to, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_same_file(whole, to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_often_is_the_same_file),
        cmocka_unit_test(another_bake_begins_afresh),
        cmocka_unit_test(damaged_work_begins_afresh),
        cmocka_unit_test(a_spoilt_spool_is_noticed),
        cmocka_unit_test(two_at_once_keep_out_of_each_others_way),
        cmocka_unit_test(a_strangers_file_is_left_alone),
        cmocka_unit_test(a_folder_that_is_not_only_ours_is_refused),
        cmocka_unit_test(strange_things_in_the_folder_are_replaced),
        cmocka_unit_test(a_link_as_the_name_is_followed),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
