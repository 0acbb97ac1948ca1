/* view.c: `megabuddy view`: its arguments, and what they mean for the streamer. */
#include "tools/view/view.h"

#include "engine/files/replace.h"
#include "tools/base/say.h"
#include "tools/commands.h"
#include "tools/view/paths.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_FRAMES = 1000000,
    TRACE_EVENTS = 1 << 20, /* 48 MiB, touched as they fill: ten minutes at 60 frames a second */
};

static const char USAGE[] =
    "usage: megabuddy view WORLD.mega [OPTION]…\n"
    "\n"
    "Flies over a page file, in a window or without one.\n"
    "\n"
    "  --config FILE         settings (below) from a file; it is read again when it is saved\n"
    "  --set TIER.KEY=VALUE  one setting, over the file's; as often as you like\n"
    "  --size WxH            pixels, over view.width and view.height\n"
    "  --path FILE           camera path: lines of `t x y z yaw pitch [cut]`, # comments; a\n"
    "                        regular file, as all that is read\n"
    "  --view NAME           final, mips, borders, age, heat or wireframe: see F1 in the window\n"
    "  --headless            no window: draws along the path and prints a summary\n"
    "  --frames N            headless: frames along the path; default: 60 a second of it\n"
    "  --report DIR          headless: pictures, report.json and report.html into this folder\n"
    "  --deterministic       headless: a clock of 60 frames a second, and waiting for the disk:\n"
    "                        the same pictures on every run\n"
    "  --trace FILE          a timeline of all threads, for ui.perfetto.dev, written at the end\n"
    "  --gl-debug            has OpenGL check every call, and complain; headless it always does\n"
    "  --help                this\n"
    "\n"
    "SIGINT (Ctrl-C), SIGTERM and SIGHUP end a window as Esc does: a path that is being\n"
    "recorded is written, and so is what ram.suspend and --trace ask for. Headless the run\n"
    "ends early, and its report says so. Exit codes: 0 done, in a window by a signal too;\n"
    "1 failed, or interrupted without a window; 2 wrong usage.\n"
    "\n"
    "Settings, as in a config file, with their defaults:\n"
    "\n";

int view_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_error_list("view: ", format, arguments);
    va_end(arguments);
    return EXIT_FAILED;
}

static int usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int usage(const char *format, ...)
{
    char what[VIEW_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    say_error("view: %s; --help says more", what);
    return EXIT_USAGE;
}

int view_open_failed(const char *why)
{
    (void)view_fail("%s", why);
    const bool setting =
        strncmp(why, "ram.budget", 10) == 0 || strncmp(why, "vram.budget", 11) == 0;
    return setting ? EXIT_USAGE : EXIT_FAILED;
}

/* --- arguments --- */

/* Reads a whole number from 1 to `most` that ends at `end`. 0: it is not one. */
static uint32_t read_count(const char *text, char end, uint32_t most, const char **after)
{
    if (*text < '0' || *text > '9') {
        return 0;
    }
    errno = 0;
    char *stop;
    const unsigned long value = strtoul(text, &stop, 10);
    if (errno != 0 || *stop != end || value > most) {
        return 0;
    }
    *after = stop + (end != '\0');
    return (uint32_t)value;
}

static bool read_size(const char *text, view_options *o)
{
    const char *rest = text;
    o->width = read_count(text, 'x', 16384, &rest);
    o->height = o->width ? read_count(rest, '\0', 16384, &rest) : 0;
    return o->width >= 16 && o->height >= 16;
}

enum {
    OPT_CONFIG = 256,
    OPT_SET,
    OPT_SIZE,
    OPT_PATH,
    OPT_VIEW,
    OPT_HEADLESS,
    OPT_FRAMES,
    OPT_REPORT,
    OPT_DETERMINISTIC,
    OPT_GL_DEBUG,
    OPT_TRACE,
    OPT_HELP
};

static const struct option OPTIONS[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"set", required_argument, NULL, OPT_SET},
    {"size", required_argument, NULL, OPT_SIZE},
    {"path", required_argument, NULL, OPT_PATH},
    {"view", required_argument, NULL, OPT_VIEW},
    {"headless", no_argument, NULL, OPT_HEADLESS},
    {"frames", required_argument, NULL, OPT_FRAMES},
    {"report", required_argument, NULL, OPT_REPORT},
    {"deterministic", no_argument, NULL, OPT_DETERMINISTIC},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"gl-debug", no_argument, NULL, OPT_GL_DEBUG},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* Takes in one option. Returns EXIT_DONE, or EXIT_USAGE having said why. */
static int take_option(int option, char *value, view_options *o)
{
    const char *rest;
    switch (option) {
    case OPT_CONFIG:
        o->config = value;
        break;
    case OPT_SET:
        if (o->set_count == VIEW_MOST_SETS) {
            return usage("--set: more than %d of them", VIEW_MOST_SETS);
        }
        o->sets[o->set_count++] = value;
        break;
    case OPT_SIZE:
        return read_size(value, o) ? EXIT_DONE
                                   : usage("--size %s: must be WxH, each from 16 to 16384", value);
    case OPT_PATH:
        o->path = value;
        break;
    case OPT_VIEW:
        return views_find(value, &o->view)
                   ? EXIT_DONE
                   : usage("--view %s: must be final, mips, borders, age, heat or wireframe",
                           value);
    case OPT_HEADLESS:
        o->headless = true;
        break;
    case OPT_FRAMES:
        o->frames = read_count(value, '\0', MOST_FRAMES, &rest);
        return o->frames ? EXIT_DONE
                         : usage("--frames %s: must be from 1 to %d", value, MOST_FRAMES);
    case OPT_REPORT:
        o->report = value;
        break;
    case OPT_GL_DEBUG:
        o->gl_debug = true;
        break;
    case OPT_DETERMINISTIC:
        o->deterministic = true;
        break;
    case OPT_TRACE:
        o->trace_file = value;
        break;
    default:
        break;
    }
    return EXIT_DONE;
}

/* Fills *o. Returns EXIT_DONE, or EXIT_USAGE having said why; *help is set by --help. */
static int read_arguments(int argc, char **argv, view_options *o, bool *help)
{
    optind = 0; /* getopt_long has its state in globals: begin anew */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":", OPTIONS, NULL)) != -1;) {
        if (option == OPT_HELP) {
            *help = true;
            return EXIT_DONE;
        }
        if (option == '?' || option == ':') {
            return usage("%s: %s", argv[optind - 1],
                         option == ':' ? "needs a value" : "no such option");
        }
        const int code = take_option(option, optarg, o);
        if (code != EXIT_DONE) {
            return code;
        }
    }
    if (argc - optind > 1) {
        return usage("%s: only one world can be viewed", argv[optind + 1]);
    }
    o->world = optind < argc ? argv[optind] : NULL;
    if (!o->headless && (o->report != NULL || o->frames != 0 || o->deterministic)) {
        return usage("--report, --frames and --deterministic need --headless");
    }
    return EXIT_DONE;
}

/* --- from settings to the streamer --- */

bool view_settings(const view_options *o, conf *c, conf_error *error)
{
    conf next;
    conf_defaults(&next);
    if (o->config != NULL && !conf_read(&next, o->config, error)) {
        return false;
    }
    for (uint32_t i = 0; i < o->set_count; i++) {
        if (!conf_set(&next, o->sets[i], error)) {
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

static vt_format format_of(const char *word)
{
    return strcmp(word, "bc1") == 0     ? VT_FORMAT_BC1
           : strcmp(word, "rgba8") == 0 ? VT_FORMAT_RGBA8
                                        : VT_FORMAT_AUTO;
}

static vt_sync sync_of(const char *word)
{
    return strcmp(word, "spinlock") == 0 ? VT_SYNC_SPINLOCK
           : strcmp(word, "mutex") == 0  ? VT_SYNC_MUTEX
                                         : VT_SYNC_LOCKFREE;
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
        .format = format_of(c->vram.format),
        .read_workers = o->deterministic ? 1 : c->disk.workers,
        .decode_workers = o->deterministic ? 1 : 0,
        .ram_prefault = c->ram.prefault,
        .ram_sync = sync_of(c->ram.sync),
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

scene_kind view_scene_kind(const conf *c)
{
    return strcmp(c->view.scene, "terrain") == 0   ? SCENE_TERRAIN
           : strcmp(c->view.scene, "picture") == 0 ? SCENE_PICTURE
                                                   : SCENE_AUTO;
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

/* --- the end of it --- */

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
    o->frame_track = vt_trace_track(o->trace, "frame");
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
    bool help = false;
    conf_defaults(&o.conf);
    const int code = read_arguments(argc, argv, &o, &help);
    if (code != EXIT_DONE) {
        return code;
    }
    if (help) {
        (void)fputs(USAGE, stdout);
        conf_write(&o.conf, stdout);
        return EXIT_DONE;
    }
    conf_error error;
    if (!view_settings(&o, &o.conf, &error)) {
        say_error("%s", error.line);
        return EXIT_USAGE;
    }
    if (o.world == NULL && o.conf.disk.source[0] == '\0') {
        return usage("no world: name a .mega file, or set disk.source");
    }
    return o.trace_file != NULL ? run_traced(&o) : run(&o);
}
