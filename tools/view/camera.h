/* camera.h: where one looks from, how it moves, and recorded paths.
 *
 * World units: the map lies in the plane y = 0 around the origin, x to the right (east), z downward
 * (south), y up; its height (north to south) is 1000 units whatever its texels, so a path fits
 * every bake of the same world. yaw 0 looks north (-z) and grows clockwise, to the east; pitch is
 * positive upward. Angles in degrees.
 *
 * A path is text, a key a line, "t x y z yaw pitch [cut]", seconds first; # begins a comment. From
 * key to key the camera glides on a smooth curve that never leaves the range of its two ends, so a
 * path that stays above a mountain at its keys does not dip between them. Angles are followed as
 * written: 350 to 370 is a small turn, 350 to 10 a large one.
 *
 * Threads: any; nothing here is shared. */
#ifndef MEGABUDDY_TOOLS_VIEW_CAMERA_H
#define MEGABUDDY_TOOLS_VIEW_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAMERA_WORLD_HEIGHT 1000.0 /* world units from the map's top edge to its bottom edge */

/* Tangent of half the field of view, upright: 60 degrees. */
#define CAMERA_TAN_HALF_FIELD 0.5773502691896257

enum {
    CAMERA_PATH_MAX_KEYS = 65536,
    CAMERA_PATH_MAX_BYTES = 8 << 20, /* of the file */
};

typedef struct camera {
    double x, y, z;    /* world units */
    double yaw, pitch; /* degrees; pitch -90 … 90 */
} camera;

/* A key of a recorded path. */
typedef struct camera_key {
    double t; /* seconds; each later than the one before */
    camera at;
    bool cut; /* the camera does not glide here: it is here at once */
} camera_key;

typedef struct camera_path {
    camera_key *keys; /* from malloc */
    size_t count;     /* at least 1 */
} camera_path;

/* Reads a path file. On false `error` has one line "FILE:LINE: why". */
bool camera_path_read(camera_path *path, const char *file, char *error, size_t error_bytes);

/* Parses the text of a path; `name` stands for the file in errors. */
bool camera_path_parse(camera_path *path, const char *name, const char *text, char *error,
                       size_t error_bytes);
void camera_path_free(camera_path *path); /* also one that could not be read; twice is once */

double camera_path_seconds(const camera_path *path); /* from time 0 to the last key */

/* The camera at time t (clamped to the path). *cut is set to whether a cut lies in (t_before, t].
 */
camera camera_path_at(const camera_path *path, double t_before, double t, bool *cut);

/* Where the camera gets in `steps` more steps like the one from `before` to `now`. */
camera camera_ahead(const camera *before, const camera *now, double steps);

#endif
