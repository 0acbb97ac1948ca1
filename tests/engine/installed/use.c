/* Uses the installed streamer as its headers say: what needs no card, and where EGL has a context
 * of OpenGL 4.5 without a display, a world too. The variable WORLD names the page file. */
#include <megabuddy/vt.h>
#include <megabuddy/vt_watch.h>

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that are private to the library are the program's own. */
int page_count(void);
int glad_glClear(void);
int pagefile_open(void);

int page_count(void)
{
    return 1;
}

int glad_glClear(void)
{
    return 2;
}

int pagefile_open(void)
{
    return 3;
}

/* ---- a context, of EGL as one finds it at run time ---- */

typedef void function(void);

static function *egl(const char *name)
{
    static void *library;
    if (library == NULL) {
        library = dlopen("libEGL.so.1", RTLD_NOW | RTLD_NODELETE);
    }
    return library != NULL ? (function *)dlsym(library, name) : NULL;
}

/* Makes a context current; false: there is none here. */
static int make_context(void)
{
    typedef void *get_platform_display(unsigned platform, void *display, const intptr_t *list);
    typedef unsigned initialize(void *display, int *major, int *minor);
    typedef unsigned bind_api(unsigned api);
    typedef unsigned choose_config(void *display, const int *list, void **out, int most,
                                   int *count);
    typedef void *create_context(void *display, void *config, void *shared, const int *list);
    typedef unsigned make_current(void *display, void *draw, void *read, void *context);
    enum { SURFACELESS = 0x31DD, OPENGL_API = 0x30A2, END = 0x3038 };
    static const int config_wanted[] = {0x3033, 1, 0x3040, 8, END};     /* pbuffers, OpenGL */
    static const int wanted[] = {0x3098, 4, 0x30FB, 5, 0x30FD, 1, END}; /* 4.5, core */
    get_platform_display *get = (get_platform_display *)egl("eglGetPlatformDisplay");
    void *display = get != NULL ? get(SURFACELESS, NULL, NULL) : NULL, *config = NULL;
    int count = 0;
    if (display == NULL || !((initialize *)egl("eglInitialize"))(display, NULL, NULL) ||
        !((bind_api *)egl("eglBindAPI"))(OPENGL_API) ||
        !((choose_config *)egl("eglChooseConfig"))(display, config_wanted, &config, 1, &count) ||
        count < 1) {
        return 0;
    }
    void *context = ((create_context *)egl("eglCreateContext"))(display, config, NULL, wanted);
    return context != NULL &&
           ((make_current *)egl("eglMakeCurrent"))(display, NULL, NULL, context) != 0;
}

/* ---- the streamer ---- */

static int trace_works(void)
{
    vt_trace *t = vt_trace_create(10);
    const uint32_t row = vt_trace_row(t, "main");
    (void)vt_trace_span(t, row, "work", vt_trace_now(t), 0, 1);
    const int good =
        vt_trace_count(t) == 1 && vt_trace_check(t) == NULL && vt_reason_text(VT_SHARP) != NULL;
    vt_trace_destroy(t);
    return good;
}

static int needs_a_context(const char *path)
{
    char error[256] = "";
    const vt_desc desc = {.path = path};
    vt *none = vt_create(&desc, error, sizeof error);
    vt_destroy(none);
    return none == NULL && strstr(error, "no OpenGL context") != NULL;
}

static int world_works(const char *path, vt_get_proc_address *loader)
{
    char error[256] = "";
    vt_stats stats;
    const vt_desc desc = {
        .path = path, .screen_width = 256, .screen_height = 256, .get_proc_address = loader};
    vt *world = vt_create(&desc, error, sizeof error);
    if (world == NULL) {
        (void)fprintf(stderr, "%s\n", error);
        return 0;
    }
    for (int i = 0; i < 10; i++) {
        const vt_clock clock = {.now_ms = 16.0 * i};
        vt_update(world, &clock);
        if (vt_feedback_begin(world, VT_FEEDBACK_NOW)) {
            vt_feedback_end(world);
        }
    }
    vt_bind(world);
    vt_get_stats(world, &stats);
    const vt_info *info = vt_get_info(world);
    const int good = info->shape.width == 256 && info->kind == VT_TERRAIN && stats.vram.slots > 0 &&
                     stats.pages.uploaded > 0 && strstr(vt_glsl(world), "vt_sample") != NULL &&
                     vt_atlas_format(world, 0) != VT_TEXEL_NONE && vt_check(world) == NULL;
    vt_destroy(world);
    return good;
}

int main(void)
{
    const char *path = getenv("WORLD");
    if (path == NULL || page_count() + glad_glClear() + pagefile_open() != 6 || !trace_works() ||
        !needs_a_context(path)) {
        return 1;
    }
    if (!make_context()) {
        (void)printf("no context of OpenGL 4.5: the rest is left out\n");
        return 0;
    }
    vt_get_proc_address *loader = (vt_get_proc_address *)egl("eglGetProcAddress");
    return world_works(path, NULL) && world_works(path, loader) ? 0 : 1;
}
