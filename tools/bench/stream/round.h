/* round.h: a round of `bench stream` under way: shared by stage.c, which opens and closes it, and
 * round.c, which flies it. Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_BENCH_STREAM_ROUND_H
#define MEGABUDDY_TOOLS_BENCH_STREAM_ROUND_H

#include "tools/bench/stream/picture_pair.h"
#include "tools/bench/stream/stream.h"
#include "tools/view/frame.h"
#include "tools/view/scene/scene.h"
#include "tools/view/scene/target.h"

#define ROUND_FRAMES_A_SECOND 60

struct stage {
    const stream_options *options;
    target colour, verdict;
    uint8_t *verdicts;
    vt_format format;    /* of the atlas in all cases: small ones must not choose another */
    uint32_t plain;      /* texture; 0: none */
    uint32_t need_slots; /* pages that one frame of the flight wants at most */
    uint64_t need_ram, first_ram; /* bytes held after the flight, and before it */
};

/* A round under way. */
typedef struct show {
    stage *stage;
    const stream_case *what;
    vt *world;
    scene *scene;
    frame_loop loop;
    double began_ms;
    uint64_t holes, wrong;
    stream_times conductor, feedback; /* ms a frame */
    picture_pair pairs[PICTURE_PAIRS];
    uint32_t pair_count;
    bool keeps_pictures; /* of this round */
} show;

/* Where a round's figures go. */
typedef struct sink {
    bench_samples *samples;
    stream_result *result;
    uint32_t round;
} sink;

/* ---- stage.c ---- */

/* A whole frame, feedback and update included; returns its milliseconds. */
double show_draw_frame(show *h, const camera *at, bool cut);
double show_draw_plain(show *h, const camera *at); /* the same with the plain texture */

/* Closes the world and opens it again, suspending to and resuming from a file (NULL: neither). Says
 * in *ms how long opening took. False: said why. */
bool show_reopen(show *h, const char *suspend, double *ms);

/* The share of textured pixels that are sharp; holes and wrong pages are added up. */
double show_audit(show *h, const camera *at);

/* Compares the pictures of the streamed and of the plain texture: decibels over textured pixels.
 * False: no memory. */
bool show_compare_plain(show *h, const camera *at, double *db);

/* Keeps the picture of this camera, to be compared when the round is over. */
void show_keep_picture(show *h, const camera *at);

/* ---- round.c ---- */

/* Adds a figure of this round. */
void round_add(const show *h, const sink *to, const char *metric, const char *unit, double value);

/* Flies the case; false: the path is none. */
bool round_run(show *h, const sink *to);

/* What every case says at its end. */
void round_add_common(show *h, const sink *to);

/* Reads the case's path. False: said why. */
bool round_parse(const stream_case *c, camera_path *path);

#endif
