/* world.c: from options to sources. */
#include "tools/bake/world.h"

#include "tools/bake/inputs/input.h"
#include "tools/base/say.h"
#include "tools/commands.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_BYTES 512

static int fail(const char *what, const char *why)
{
    say_error("bake: %s: %s", what, why);
    return EXIT_FAILED;
}

/* ---- identity ---- */

/* Adds bytes to the identity, by FNV-1a: enough to tell a few bakes apart. */
static void identify(world *w, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    for (size_t i = 0; i < bytes; i++) {
        w->identity = (w->identity ^ at[i]) * UINT64_C(0x100000001b3);
    }
}

static void identify_number(world *w, uint64_t number)
{
    identify(w, &number, sizeof number);
}

/* Adds a file to the identity: its name, its length and the time when it was last written. */
static void identify_file(world *w, const char *path)
{
    struct stat st = {0};
    identify(w, path, strlen(path) + 1);
    if (stat(path, &st) == 0) {
        identify_number(w, (uint64_t)st.st_size);
        identify_number(w, (uint64_t)st.st_mtim.tv_sec);
        identify_number(w, (uint64_t)st.st_mtim.tv_nsec);
    }
}

static void identify_format(world *w, const layer_format *f)
{
    identify_number(w, (uint64_t)f->format);
    identify_number(w, (uint64_t)f->packing.codec);
    identify_number(w, (uint64_t)f->packing.level);
}

/* All options that decide what the texels are. The program's version is among them: another one may
 * make other texels. */
static void identify_options(world *w, const options *o)
{
    w->identity = UINT64_C(0xcbf29ce484222325);
    identify(w, MEGABUDDY_VERSION, sizeof MEGABUDDY_VERSION);
    identify_number(w, (uint64_t)o->earth << 3 | (uint64_t)o->synthetic << 2 |
                           (uint64_t)o->wrap << 1 | o->normals);
    identify_number(w, (uint64_t)o->width << 32 | o->border);
    identify_format(w, &o->colour_format);
    identify_format(w, &o->normals_format);
    identify(w, &o->range, sizeof o->range);
}

/* ---- the Earth ---- */

/* Finds a file of a Debian package: where tools/demo has unpacked the package, beside the program's
 * build folder or under the current folder, or where it is installed. */
static bool find_packaged(const char *package, const char *file, char path[PATH_MAX])
{
    char program[PATH_MAX];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL) {
        *slash = '\0';
        if (snprintf(path, PATH_MAX, "%s/../packages/%s/usr/share/%s", program, package, file) <
                PATH_MAX &&
            access(path, R_OK) == 0) {
            return true;
        }
    }
    snprintf(path, PATH_MAX, "build/packages/%s/usr/share/%s", package, file);
    if (access(path, R_OK) == 0) {
        return true;
    }
    snprintf(path, PATH_MAX, "/usr/share/%s", file);
    return access(path, R_OK) == 0;
}

static int open_earth(const options *o, crew *workers, world *w)
{
    char colour_path[PATH_MAX], heights_path[PATH_MAX];
    ground_desc desc = {o->colour, o->heights, o->width, workers};
    ground_failure why = {0};
    if (desc.colour_path == NULL) {
        if (!find_packaged("gpredict", "pixmaps/gpredict/maps/nasa-bmng-07_2048.jpg",
                           colour_path)) {
            return fail("--earth", "no picture of the Earth is here: give --colour PICTURE, or run "
                                   "tools/demo once, which fetches one");
        }
        desc.colour_path = colour_path;
    }
    if (desc.heights_path == NULL) {
        if (!find_packaged("ferret-datasets", "ferret-vis/data/etopo5.cdf", heights_path)) {
            return fail("--earth",
                        "no heights of the Earth are here: give --heights ETOPO5.cdf, or "
                        "run tools/demo once, which fetches them");
        }
        desc.heights_path = heights_path;
    }
    w->globe = earth_create(&desc, &why);
    if (w->globe == NULL) {
        return fail(why.what, why.why);
    }
    identify_file(w, desc.colour_path);
    identify_file(w, desc.heights_path);
    w->colour = earth_source(w->globe);
    w->heights = earth_heights(w->globe, &w->heights_width, &w->heights_height);
    w->kind = VT_TERRAIN;
    if (o->normals) {
        w->normals = earth_normals(w->globe);
    }
    return EXIT_DONE;
}

/* ---- the others ---- */

static int open_synthetic(const options *o, crew *workers, world *w)
{
    w->made = synthetic_create(o->width, workers);
    if (w->made == NULL) {
        return fail("--synthetic", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    w->colour = synthetic_source(w->made);
    w->heights = synthetic_heights(w->made, &w->heights_width, &w->heights_height);
    w->kind = VT_TERRAIN;
    return EXIT_DONE;
}

static void say_notes(const options *o, const char *path, uint32_t notes)
{
    for (uint32_t i = 0; i < SOURCE_NOTES && !o->quiet; i++) {
        if ((notes & 1u << i) != 0) {
            say_line(stdout, "%s: %s", path, input_note(1u << i));
        }
    }
}

static void say_voids(const options *o, uint64_t voids)
{
    if (voids > 0 && !o->quiet) {
        say_line(stdout,
                 "%s: %" PRIu64 " samples have no height: those that reach the edge are sea, at 0, "
                 "holes are filled from around them",
                 o->heights, voids);
    }
}

static int open_input(const options *o, crew *workers, world *w)
{
    char why[WHY_BYTES];
    if (!input_open(o->input, workers, &w->colour, why, sizeof why)) {
        return fail(o->input, why);
    }
    w->is_input = true;
    say_notes(o, o->input, w->colour.notes);
    w->colour.wrap_x = o->wrap;
    identify_file(w, o->input);
    if (o->heights != NULL) {
        if (!heights_load(o->heights, o->range, &w->raster, why, sizeof why)) {
            return fail(o->heights, why);
        }
        say_notes(o, o->heights, w->raster.notes);
        say_voids(o, w->raster.voids);
        identify_file(w, o->heights);
        w->heights = w->raster.metres;
        w->heights_width = w->raster.width;
        w->heights_height = w->raster.height;
        w->kind = VT_TERRAIN;
    }
    return EXIT_DONE;
}

/* Makes normals from the raster of heights, for worlds that do not make finer ones themselves. */
static int open_normals(crew *workers, world *w)
{
    const normals_desc desc = {
        .metres = w->heights,
        .columns = w->heights_width,
        .rows = w->heights_height,
        .width = w->colour.width,
        .height = w->colour.height,
        .wrap_x = w->colour.wrap_x,
        .workers = crew_threads(workers),
    };
    w->slopes = normals_create(&desc);
    if (w->slopes == NULL) {
        return fail("--normals", pagefile_status_text(PAGEFILE_NO_MEMORY));
    }
    w->normals = normals_source(w->slopes);
    return EXIT_DONE;
}

/* Normals come from the source where it makes finer ones than the raster of heights has, and else
 * from the raster. */
int world_open(const options *o, crew *workers, world *w)
{
    *w = (world){0};
    identify_options(w, o);
    const int done = o->earth       ? open_earth(o, workers, w)
                     : o->synthetic ? open_synthetic(o, workers, w)
                                    : open_input(o, workers, w);
    if (done == EXIT_DONE && o->normals && w->normals.width == 0) {
        return open_normals(workers, w);
    }
    return done;
}

void world_close(world *w)
{
    if (w->is_input) {
        input_close(&w->colour);
    }
    earth_destroy(w->globe);
    synthetic_destroy(w->made);
    normals_destroy(w->slopes);
    heights_free(&w->raster);
    *w = (world){0};
}
