/* bake.c: megabuddy bake: from a picture, or a made-up world, to a finished page file.
 *
 *   bake_main ─▶ bake: opens world and writer ─▶ fill ─▶ pyramid_bake ─┬─▶ commit: WORLD.mega
 *                                                                      ├─▶ suspend: its .part file
 *                                                                      └─▶ abort: nothing is left
 *
 * A bake that ends early is suspended where there is a checkpoint to go on from, and else aborted.
 * Errors are printed where they show; functions return the program's exit code. */
#include "tools/bake/mips/pyramid.h"
#include "tools/bake/options.h"
#include "tools/bake/world.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static volatile sig_atomic_t interrupted; /* PYRAMID_STOP or _PAUSE; on_signal alone writes it */

/* Ctrl-C means that somebody does not want the bake, at least not now: without a checkpoint its
 * work is thrown away. A kill means that the machine has to stop, or that a job will be started
 * again: its work is kept. */
static void on_signal(int signal_number)
{
    interrupted = signal_number == SIGINT ? PYRAMID_STOP : PYRAMID_PAUSE;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static int fail(const char *what, const char *why)
{
    say_error("bake: %s: %s", what, why);
    return EXIT_FAILED;
}

/* One bake. */
typedef struct job {
    const options *o;
    world w;
    vt_shape shape;
    crew *workers;
    progress bar;
} job;

static int fail_interrupted(const options *o, bool kept)
{
    char why[512];
    snprintf(why, sizeof why, "interrupted; the same command goes on from here (or remove %s.part)",
             o->output);
    return fail(o->output, kept ? why : "interrupted; nothing was written");
}

static int fail_output(const options *o, pagefile_status status)
{
    char why[512];
    const bool system = status == PAGEFILE_WRITE_FAILED || status == PAGEFILE_READ_FAILED;
    snprintf(why, sizeof why, "%s%s%s", pagefile_status_text(status), system ? ": " : "",
             system ? strerror(errno) : "");
    return fail(o->output, why);
}

/* Texels of these pages in all layers, with borders: what the encoders have to do. */
static double texels_encoded(const job *j, uint64_t pages)
{
    const uint32_t layers = j->w.normals.width > 0 ? 2 : 1;
    return (double)pages * layers * VT_PAGE_TEXELS * VT_PAGE_TEXELS;
}

/* Prints the size of the world and of the file, and how fast the bake was. */
static int summarise(const job *j)
{
    struct stat st = {0};
    struct rusage usage = {0};
    char size[UNITS_TEXT], memory[UNITS_TEXT];
    const options *o = j->o;
    if (o->quiet || stat(o->output, &st) != 0) {
        return EXIT_DONE;
    }
    const double seconds = progress_seconds(&j->bar);
    const uint32_t pages = page_count(&j->shape), threads = crew_threads(j->workers);
    getrusage(RUSAGE_SELF, &usage);
    say_line(stdout,
             "%s: %" PRIu32 " x %" PRIu32 " texels, %" PRIu32 " mips, %" PRIu32
             " pages, %s, %.1f s",
             o->output, j->shape.width, j->shape.height, j->shape.mips, pages,
             units_format_bytes((uint64_t)st.st_size, size), seconds);
    printf("%.1f million texels a second and thread, on %" PRIu32
           " of them; at most %s of memory\n",
           texels_encoded(j, pages - (uint32_t)j->bar.before) * 1e-6 / seconds / threads, threads,
           units_format_bytes((uint64_t)usage.ru_maxrss * 1024, memory));
    return EXIT_DONE;
}

/* Whether a layer of this format holds data (heights, masks) rather than colours, so that its
 * texels are averaged as they are. OpenGL has no sRGB form of these formats either. */
static bool is_data(vt_texel_format format)
{
    return format == VT_TEXEL_BC4 || format == VT_TEXEL_BC5;
}

/* What pyramid_bake is to make: the colours, and the normals if there are any. */
static pyramid_desc describe(job *j, pagewriter *writer)
{
    const options *o = j->o;
    pyramid_desc desc = {
        .shape = j->shape,
        .layer_count = 1,
        .layers = {{j->w.colour, is_data(o->colour_format.format) ? HALVE_LINEAR : HALVE_SRGB,
                    o->colour_format.format, o->colour_format.packing}},
        .workers = j->workers,
        .writer = writer,
        .keeps = true,
        .checkpoint_s = o->checkpoint_s,
        .bar = &j->bar,
        .cancelled = &interrupted,
    };
    if (j->w.normals.width > 0) {
        desc.layers[desc.layer_count++] = (pyramid_layer){
            j->w.normals, HALVE_NORMAL, o->normals_format.format, o->normals_format.packing};
    }
    return desc;
}

/* Fills an open writer and commits it. If that fails, aborts it, or suspends it so that the same
 * command can go on later. */
static int fill(job *j, pagewriter *writer)
{
    const options *o = j->o;
    const pyramid_desc desc = describe(j, writer);
    pyramid_failure failure = {PAGEFILE_OK, NULL, false};
    if (pagewriter_goes_on(writer) && !o->quiet) {
        say_line(stdout, "%s: going on with the work in %s.part", o->output, o->output);
        fflush(stdout);
    }
    if (j->w.heights != NULL) {
        failure.status =
            pagewriter_put_heights(writer, j->w.heights, j->w.heights_width, j->w.heights_height);
    }
    if (failure.status == PAGEFILE_OK) {
        failure = pyramid_bake(&desc);
    }
    if (failure.status == PAGEFILE_OK) {
        failure.status = pagewriter_commit(writer);
    } else {
        const int before = errno;
        (failure.kept ? pagewriter_suspend : pagewriter_abort)(writer);
        errno = before;
    }
    const int why = errno;
    progress_end(&j->bar);
    errno = why;
    if (failure.why != NULL) {
        return fail(o->input, failure.why);
    }
    if (failure.status != PAGEFILE_OK && errno == ECANCELED) {
        return fail_interrupted(o, failure.kept);
    }
    return failure.status == PAGEFILE_OK ? summarise(j) : fail_output(o, failure.status);
}

/* What the header of the page file will say. */
static pagewriter_desc describe_file(const job *j)
{
    const options *o = j->o;
    pagewriter_desc desc = {
        .path = o->output,
        .shape = j->shape,
        .kind = j->w.kind,
        .wrap_x = j->w.colour.wrap_x,
        .layer_count = 1,
        .layers = {{.format = o->colour_format.format,
                    .srgb = !is_data(o->colour_format.format),
                    .name = "albedo"}},
        .identity = j->w.identity,
    };
    desc.layers[0].lossy = o->colour_format.packing.codec == PAGE_JPEG;
    if (j->w.normals.width > 0) {
        desc.layers[desc.layer_count++] =
            (vt_layer){.format = o->normals_format.format, .name = "normal"};
    }
    return desc;
}

/* Opens the source, then the writer, and fills it. The writer is opened before the long work, so
 * that a bad name for the output shows at once. */
static int bake(options *o, job *j)
{
    const int done = world_open(o, j->workers, &j->w);
    if (done != EXIT_DONE) {
        return done;
    }
    if (!page_shape_make(j->w.colour.width, j->w.colour.height, o->border, &j->shape)) {
        return fail(o->input, "is larger than a page file can hold");
    }
    if (o->colour_format.format == VT_TEXEL_NONE) {
        o->colour_format.format = j->w.colour.has_alpha ? VT_TEXEL_BC3 : VT_TEXEL_BC1;
    }
    const pagewriter_desc desc = describe_file(j);
    pagewriter *writer = NULL;
    const pagefile_status status = pagewriter_create(&desc, &writer);
    return status == PAGEFILE_OK ? fill(j, writer) : fail_output(o, status);
}

/* Whether both names stand for one existing file: then the bake would replace its own input. */
static bool same_file(const char *a, const char *b)
{
    struct stat first, second;
    return a != NULL && stat(a, &first) == 0 && stat(b, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

int bake_main(int argc, char **argv)
{
    options o;
    int done;
    if (!bake_options_read(argc, argv, &o, &done)) {
        return done;
    }
    if (same_file(o.input, o.output) || same_file(o.colour, o.output) ||
        same_file(o.heights, o.output)) {
        say_error("bake: %s: is the input as well", o.output);
        return EXIT_USAGE;
    }
    catch_signals();
    job j = {.o = &o, .workers = crew_create(o.threads)};
    if (j.workers == NULL) {
        return fail("threads", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    progress_begin(&j.bar, "bake", 0, o.quiet);
    done = bake(&o, &j);
    world_close(&j.w);
    crew_destroy(j.workers);
    return done;
}
