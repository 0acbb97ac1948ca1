/* The library in a plugin: what it has told the C library of itself must be forgotten when the
 * plugin is unloaded, or the host crashes later: at the end of a thread, or in a fork. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/buddy/plugin/plugin.h"
#include "tests/rigs/emulated.h"

#define CYCLES  2000u /* more than there are keys for threads: PTHREAD_KEYS_MAX is 1024 */
#define THREADS 6u

_Static_assert(CYCLES > PTHREAD_KEYS_MAX, "a key that is lost every time has to be missed");

static const char *plugins[] = {PLUGIN_C, PLUGIN_C_AGAIN, PLUGIN_STL};
enum { IN_C, IN_C_AGAIN, IN_STL, PLUGINS };

typedef struct loaded {
    const char *path;
    void *handle;
    const plugin *in;
} loaded;

/* NULL, or what went wrong: cmocka's own words are for the main thread only. */
static const char *load(loaded *l, const char *path, int parts)
{
    *l = (loaded){.path = path, .handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (l->handle == NULL) {
        return dlerror();
    }
    l->in = dlsym(l->handle, "the_plugin");
    return l->in->begin(parts) ? NULL : "no memory";
}

/* It has to be gone in earnest, or nothing here says anything. */
static const char *unload(const loaded *l)
{
    (void)dlclose(l->handle);
    return dlopen(l->path, RTLD_NOW | RTLD_NOLOAD) == NULL ? NULL : "is not unloaded";
}

static void must(const char *wrong)
{
    if (wrong != NULL) {
        fail_msg("%s", wrong);
    }
}

static loaded must_load(const char *path, int parts)
{
    loaded l;
    must(load(&l, path, parts));
    return l;
}

static void must_end(const loaded *l)
{
    l->in->end();
    must(unload(l));
}

/* In the child too the plugin is gone: its handlers would run there. */
static void fork_once(void)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- a thread that unloads it and ends ---- */

typedef struct visit {
    const char *path;
    int parts;
    bool leaves_it;    /* what was made is not ended, as a careless plugin does */
    const char *wrong; /* out */
} visit;

static void visit_plugin(visit *v)
{
    loaded l;
    v->wrong = load(&l, v->path, v->parts);
    if (v->wrong != NULL) {
        return;
    }
    bool used = l.in->use();
    if (!v->leaves_it) {
        l.in->end();
    }
    v->wrong = used ? unload(&l) : "cannot be used";
}

static void *visit_in_thread(void *context)
{
    visit_plugin(context);
    return NULL;
}

static void in_a_thread(visit v)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, visit_in_thread, &v), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    must(v.wrong);
}

static void in_the_main_thread(visit v)
{
    visit_plugin(&v);
    must(v.wrong);
}

static void a_thread_ends_after_the_plugin(void **state)
{
    (void)state;
    for (int part = PLUGIN_HEAP; part <= PLUGIN_WATCHED; part *= 2) {
        in_a_thread((visit){plugins[IN_C], part, false, NULL});
    }
    in_a_thread((visit){plugins[IN_C], PLUGIN_ALL, false, NULL});
    in_a_thread((visit){plugins[IN_STL], PLUGIN_ALL, false, NULL});
}

static void a_plugin_may_leave_its_heaps_behind(void **state)
{
    (void)state;
    in_a_thread((visit){plugins[IN_C], PLUGIN_ALL, true, NULL});
    in_a_thread((visit){plugins[IN_STL], PLUGIN_ALL, true, NULL});
    fork_once();
}

static void a_process_forks_after_the_plugin(void **state)
{
    (void)state;
    for (int part = PLUGIN_HEAP; part <= PLUGIN_WATCHED; part *= 2) {
        in_the_main_thread((visit){plugins[IN_C], part, false, NULL});
        fork_once();
    }
    in_the_main_thread((visit){plugins[IN_STL], PLUGIN_ALL, false, NULL});
    fork_once();
}

/* ---- threads that go on ---- */

typedef struct crowd {
    pthread_t threads[THREADS];
    pthread_barrier_t used, gone;
    const plugin *in;
} crowd;

static void *use_and_stay(void *context)
{
    crowd *c = context;
    bool done = c->in->use();
    (void)pthread_barrier_wait(&c->used);
    (void)pthread_barrier_wait(&c->gone);
    return done ? c : NULL;
}

static void gather(crowd *c, const plugin *in)
{
    c->in = in;
    assert_int_equal(pthread_barrier_init(&c->used, NULL, THREADS + 1), 0);
    assert_int_equal(pthread_barrier_init(&c->gone, NULL, THREADS + 1), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&c->threads[i], NULL, use_and_stay, c), 0);
    }
    (void)pthread_barrier_wait(&c->used);
}

static void disperse(crowd *c)
{
    (void)pthread_barrier_wait(&c->gone);
    for (uint32_t i = 0; i < THREADS; i++) {
        void *done = NULL;
        assert_int_equal(pthread_join(c->threads[i], &done), 0);
        assert_ptr_equal(done, c);
    }
    pthread_barrier_destroy(&c->used);
    pthread_barrier_destroy(&c->gone);
}

static void threads_go_on_without_the_plugin(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PLUGINS; i++) {
        crowd c;
        loaded l = must_load(plugins[i], PLUGIN_ALL);
        gather(&c, l.in);
        must_end(&l);
        fork_once();
        disperse(&c);
    }
}

/* The place in their thread-local memory is another library's then. */
static void threads_that_knew_it_meet_it_again(void **state)
{
    (void)state;
    loaded l = must_load(plugins[IN_C], PLUGIN_ALL);
    crowd c;
    gather(&c, l.in);
    must_end(&l);
    l = must_load(plugins[IN_C], PLUGIN_ALL);
    assert_true(l.in->use());
    disperse(&c);
    assert_true(l.in->use());
    must_end(&l);
}

/* Each has the library for itself: one goes, the other has to go on. */
static void one_of_two_plugins_goes(void **state)
{
    (void)state;
    loaded first = must_load(plugins[IN_C], PLUGIN_ALL);
    loaded other = must_load(plugins[IN_C_AGAIN], PLUGIN_ALL);
    crowd crowds[2];
    gather(&crowds[0], first.in);
    gather(&crowds[1], other.in);
    must_end(&first);
    disperse(&crowds[0]);
    fork_once();
    assert_true(other.in->use());
    must_end(&other);
    disperse(&crowds[1]);
}

/* ---- again and again ---- */

/* Keys that the process could still make. */
static uint32_t keys_left(void)
{
    pthread_key_t keys[PTHREAD_KEYS_MAX];
    uint32_t count = 0;
    while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) {
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(pthread_key_delete(keys[i]), 0);
    }
    return count;
}

static void loading_and_unloading_loses_no_key(void **state)
{
    (void)state;
    uint32_t before = keys_left();
    for (uint32_t i = 0; i < emulated_share(CYCLES); i++) {
        in_the_main_thread(
            (visit){plugins[IN_C], i % 2 == 0 ? PLUGIN_HEAP : PLUGIN_SLAB, false, NULL});
    }
    assert_int_equal(keys_left(), before);
    fork_once(); /* with 2,000 handlers too many it would not come back */
}

static void making_and_ending_loses_no_key(void **state)
{
    (void)state;
    loaded l = must_load(plugins[IN_C], PLUGIN_HEAP | PLUGIN_SLAB);
    uint32_t before = keys_left();
    for (uint32_t i = 0; i < emulated_share(CYCLES); i++) {
        assert_true(l.in->use());
        l.in->end();
        assert_true(l.in->begin(PLUGIN_HEAP | PLUGIN_SLAB));
    }
    assert_int_equal(keys_left(), before);
    must_end(&l);
}

/* ---- the C library's malloc ---- */

static void *allocate_and_free(void *handle)
{
    void *(*take)(size_t) = (void *(*)(size_t))(uintptr_t)dlsym(handle, "malloc");
    void (*give)(void *) = (void (*)(void *))(uintptr_t)dlsym(handle, "free");
    void *block = take(100);
    give(block);
    return block != NULL ? handle : NULL;
}

static void the_malloc_is_never_unloaded(void **state)
{
    (void)state;
    if (PLUGIN_MALLOC[0] == '\0') {
        skip(); /* a sanitizer has its own */
    }
    void *handle = dlopen(PLUGIN_MALLOC, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    pthread_t thread;
    void *done = NULL;
    assert_int_equal(pthread_create(&thread, NULL, allocate_and_free, handle), 0);
    assert_int_equal(pthread_join(thread, &done), 0);
    assert_ptr_equal(done, handle);
    assert_int_equal(dlclose(handle), 0);
    assert_ptr_equal(dlopen(PLUGIN_MALLOC, RTLD_NOW | RTLD_NOLOAD), handle);
    fork_once();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_ends_after_the_plugin),
        cmocka_unit_test(a_plugin_may_leave_its_heaps_behind),
        cmocka_unit_test(a_process_forks_after_the_plugin),
        cmocka_unit_test(threads_go_on_without_the_plugin),
        cmocka_unit_test(threads_that_knew_it_meet_it_again),
        cmocka_unit_test(one_of_two_plugins_goes),
        cmocka_unit_test(loading_and_unloading_loses_no_key),
        cmocka_unit_test(making_and_ending_loses_no_key),
        cmocka_unit_test(the_malloc_is_never_unloaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
