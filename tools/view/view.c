/* view.c: `megabuddy view`: its arguments, and what they mean for the streamer. */
#include "tools/view/view.h"

#include "engine/files/replace.h"
#include "tools/base/options.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/commands.h"
#include "tools/view/paths.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_FRAMES = 1000000,
    TRACE_EVENTS = 1 << 20, /* 48 MiB, touched as they fill: ten minutes at 60 frames a second */
};

int view_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_error_list("view: ", format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

int view_open_failed(const char *why)
{
    (void)view_fail("%s", why);
    const bool setting =
        strncmp(why, "ram.budget", 10) == 0 || strncmp(why, "vram.budget", 11) == 0;
    return setting ? EXIT_USAGE : EXIT_FAILED;
}

/* ---- arguments ---- */

static bool take_size(void *into, const char *value)
{
    view_options *o = into;
    uint32_t sides[2];
    if (!units_parse_counts(value, 'x', 2, 16, 16384, sides)) {
        return false;
    }
    o->width = sides[0];
    o->height = sides[1];
    return true;
}

static void print_settings(void)
{
    conf defaults;
    conf_defaults(&defaults);
    puts("Settings, as in a config file, with their defaults:\n");
    conf_write(&defaults, stdout);
}

static const option_row ROWS[] = {
    {0, "config", "FILE", OPTION_TEXT, offsetof(view_options, config),
     .help = "settings (below) from a file; it is read again when it is saved"},
    {0, "set", "TIER.KEY=VALUE", OPTION_TEXTS, offsetof(view_options, sets),
     .help = "one setting, over the file's; as often as you like"},
    {0, "size", "WxH", OPTION_TAKEN, .take = take_size,
     .wrong = "must be WxH, each from 16 to 16384",
     .help = "pixels, over view.width and view.height"},
    {0, "path", "FILE", OPTION_TEXT, offsetof(view_options, path),
     .help = "camera path: lines of `t x y z yaw pitch [cut]`, # comments; a regular file, as all "
             "that is read"},
    {0, "view", "NAME", OPTION_CHOICE, offsetof(view_options, view), .choices = VIEWS_NAMES,
     .wrong = "must be final, mips, borders, age, heat or wireframe",
     .help = "final, mips, borders, age, heat or wireframe: see F1 in the window"},
    {0, "headless", NULL, OPTION_FLAG, offsetof(view_options, headless),
     .help = "no window: draws along the path and prints a summary"},
    {0, "frames", "N", OPTION_COUNT, offsetof(view_options, frames), .least = 1,
     .most = MOST_FRAMES, .help = "headless: frames along the path; default: 60 a second of it"},
    {0, "report", "DIR", OPTION_TEXT, offsetof(view_options, report),
     .help = "headless: pictures, report.json and report.html into this folder"},
    {0, "deterministic", NULL, OPTION_FLAG, offsetof(view_options, deterministic),
     .help = "headless: a clock of 60 frames a second, and waiting for the disk: the same "
             "pictures on every run"},
    {0, "trace", "FILE", OPTION_TEXT, offsetof(view_options, trace_file),
     .help = "a timeline of all threads, for ui.perfetto.dev, written at the end"},
    {0, "gl-debug", NULL, OPTION_FLAG, offsetof(view_options, gl_debug),
     .help = "has OpenGL check every call, and complain; headless it always does"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "view",
    .usage = {"WORLD.mega [OPTION]…"},
    .about = "Flies over a page file, in a window or without one.",
    .rows = ROWS,
    .end = "SIGINT (Ctrl-C), SIGTERM and SIGHUP end a window as Esc does: a path that is being "
           "recorded is written, and so is what ram.suspend and --trace ask for. Headless the run "
           "ends early, and its report says so.\nExit codes: 0 done, in a window by a signal too; "
           "1 failed, or interrupted without a window; 2 wrong usage.",
    .print_more = print_settings,
    .surplus = "only one world can be viewed",
    .operand_at = offsetof(view_options, world),
};

/* ---- from settings to the streamer ---- */

bool view_settings(const view_options *o, conf *c, conf_error *error)
{
    conf next;
    conf_defaults(&next);
    if (o->config != NULL && !conf_read(&next, o->config, error)) {
        return false;
    }
    for (uint32_t i = 0; i < o->sets.count; i++) {
        if (!conf_set(&next, o->sets.all[i], error)) {
            return false;
        }
    }
    if (o->width > 0) {
        next.view.width = o->width;
        next.view.height = o->height;
    }
    *c = next;
    return true;
}

const char *view_world(const view_options *o)
{
    return o->world != NULL ? o->world : o->conf.disk.source;
}

static void put_name(char setting[CONF_TEXT_BYTES], const char *name)
{
    if (name != NULL && strlen(name) < CONF_TEXT_BYTES) {
        (void)strcpy(setting, name);
    }
}

conf view_written_settings(const view_options *o)
{
    conf c = o->conf;
    put_name(c.disk.source, o->world);
    put_name(c.view.path, o->path);
    return c;
}

vt_desc view_desc(const view_options *o, const conf *c)
{
    const vt_desc desc = {
        .path = o->world != NULL ? o->world : c->disk.source,
        .ram_budget_bytes = c->ram.budget,
        .vram_budget_bytes = c->vram.budget,
        .format = c->vram.format,
        .read_workers = o->deterministic ? 1 : c->disk.workers,
        .decode_workers = o->deterministic ? 1 : 0,
        .ram_prefault = c->ram.prefault,
        .ram_sync = c->ram.sync,
        .suspend = c->ram.suspend,
        .anisotropy = c->stream.anisotropy,
        .screen_width = c->view.width,
        .screen_height = c->view.height,
        .deterministic = o->deterministic,
        .audit = o->headless,
        .trace = o->trace,
    };
    return desc;
}

vt_settings view_streaming(const conf *c)
{
    const vt_settings settings = {
        .upload_ms = (float)c->stream.upload_ms,
        .upload_bytes = c->stream.upload_bytes,
        .fade_ms = (float)c->stream.fade_ms,
        .bias_max = (float)c->stream.bias_max,
        .disk_delay_ms = (float)c->disk.delay_ms,
        .disk_bytes_per_second = c->disk.rate,
    };
    return settings;
}

bool view_path(const view_options *o, scene_kind kind, camera_path *path, char *error,
               size_t error_bytes)
{
    const char *file = o->path != NULL ? o->path : o->conf.view.path;
    if (*file != '\0') {
        return camera_path_read(path, file, error, error_bytes);
    }
    const bool terrain = kind == SCENE_TERRAIN;
    return camera_path_parse(path, "the built-in tour", terrain ? paths_tour : paths_picture, error,
                             error_bytes);
}

/* ---- the end of it ---- */

bool view_close_world(vt *world)
{
    char error[VIEW_LINE_BYTES];
    if (vt_close(world, error, sizeof error)) {
        return true;
    }
    (void)view_fail("%s", error);
    return false;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

void view_catch_signals(void)
{
    /* the second time the system's way: nobody is kept from ending what hangs */
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction hangup;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) { /* by nohup */
        (void)sigaction(SIGHUP, &action, NULL);
    }
}

bool view_is_interrupted(void)
{
    return interrupted != 0;
}

static int run(view_options *o)
{
    return o->headless ? view_run_headless(o) : view_run_window(o);
}

/* Opens the file first: who has flown for an hour does not want to hear only then that there is no
 * such folder. */
static int run_traced(view_options *o)
{
    replacement *r = replace_begin(&(replace_desc){.path = o->trace_file});
    FILE *out = r != NULL ? replace_stream(r) : NULL;
    if (out == NULL) {
        const int why = errno;
        replace_drop(r);
        return view_fail("%s: %s", o->trace_file, file_text(why));
    }
    o->trace = vt_trace_create(TRACE_EVENTS);
    if (o->trace == NULL) {
        replace_drop(r);
        return view_fail("--trace: no memory for %d events", TRACE_EVENTS);
    }
    o->frame_row = vt_trace_row(o->trace, "frame");
    int code = run(o);
    (void)vt_trace_write(o->trace, out); /* what fails here fails at the end */
    if (!replace_commit(r)) {
        code = view_fail("%s: %s", o->trace_file, file_text(errno));
    }
    if (vt_trace_dropped(o->trace) > 0) {
        (void)view_fail("%s: full; the last %" PRIu64 " events are not in it", o->trace_file,
                        vt_trace_dropped(o->trace));
    }
    vt_trace_destroy(o->trace);
    return code;
}

int view_main(int argc, char **argv)
{
    view_options o = {.world = NULL};
    conf_error error;
    int code;
    if (!options_read(&TABLE, argc, argv, &o, &code)) {
        return code;
    }
    if (!o.headless && (o.report != NULL || o.frames != 0 || o.deterministic)) {
        return options_refuse(&TABLE, "--report, --frames and --deterministic", "need --headless");
    }
    if (!view_settings(&o, &o.conf, &error)) {
        say_error("%s", error.line);
        return EXIT_USAGE;
    }
    if (o.world == NULL && o.conf.disk.source[0] == '\0') {
        return options_refuse(&TABLE, "no world", "name a .mega file, or set disk.source");
    }
    return o.trace_file != NULL ? run_traced(&o) : run(&o);
}
