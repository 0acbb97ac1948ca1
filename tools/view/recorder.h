/* recorder.h: remembers where the camera was, and makes a path of it that camera.h reads back.
 *
 *     a frame ▸ recorder_add ▸ samples ▸ thinned ▸ keys ▸ a path file ▸ view --path
 *
 * Keys are few: one is put where the curve through the others (camera_path_at's own) strays most,
 * until it is nowhere farther from a frame than RECORDER_POSITION times the height above the sea or
 * RECORDER_UNITS, whichever is more, and RECORDER_DEGREES. They are RECORDER_KEY_SECONDS apart,
 * unless that cannot be had so: where a path begins, ends or cuts, for its curve stops there, and
 * where hands start, stop or turn at once.
 *
 * The first sample is time 0. Yaw goes on beyond 360, and x beyond the edge of a world that wraps:
 * between samples the short way is taken. A cut is two keys: where it was left, and where it went.
 *
 * Threads: one at a time. */
#ifndef MEGABUDDY_TOOLS_VIEW_RECORDER_H
#define MEGABUDDY_TOOLS_VIEW_RECORDER_H

#include "tools/view/camera.h"

#define RECORDER_POSITION    0.005 /* of the height above the sea; a pixel or two of the ground */
#define RECORDER_UNITS       0.05  /* world units: an eighth of the least height above the ground */
#define RECORDER_DEGREES     0.25  /* three pixels of a screen of 720 */
#define RECORDER_KEY_SECONDS 0.1   /* between keys where a curve can follow */

#define RECORDER_MAX_SAMPLES (1 << 18) /* 73 minutes of 60 a second; standing still costs none */

typedef struct recorder recorder;

/* `wrap_width`: world units round a world that wraps, 0: it does not. NULL: no memory. */
recorder *recorder_create(double wrap_width);
void recorder_destroy(recorder *r); /* NULL does nothing */

/* Takes in a frame: the camera at a time of the caller's clock, and whether it was cut there. A
 * time that is not later than the last is passed over (its cut then counts for the next frame).
 * False: there is no more room or memory; what was taken in stays. */
bool recorder_add(recorder *r, double t_seconds, const camera *at, bool cut);

bool recorder_is_empty(const recorder *r); /* nothing was taken in */

/* The path of all that was taken in, to be freed with camera_path_free. False: nothing was, there
 * is no memory, or it needs more keys than a path may have; `error` has one line. */
bool recorder_path(const recorder *r, camera_path *path, char *error, size_t error_bytes);

/* Writes the path to `file`, over what is there, with a head that says of which world it is, when
 * it was made and how to replay it. On false `error` has one line, and `file` is as it was. */
bool recorder_write(const recorder *r, const char *file, const char *world, char *error,
                    size_t error_bytes);

const char *recorder_check(const recorder *r); /* NULL when its invariants hold */

#endif
