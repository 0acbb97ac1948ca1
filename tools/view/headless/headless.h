/* headless.h: a headless run under way, shared by its parts: the path, the pictures it writes, and
 * the comparison with pictures drawn without streaming. Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_HEADLESS_H
#define MEGABUDDY_TOOLS_VIEW_HEADLESS_H

#include "tools/view/frame.h"
#include "tools/view/report/report.h"
#include "tools/view/scene/target.h"
#include "tools/view/view.h"

/* The frame along the path with the fewest pixels at their wanted mip, of those that have no
 * picture anyway. The first frame after a cut, mostly. */
typedef struct softest {
    uint8_t *pixels; /* RGBA, rows top down; NULL: no memory, so it gets no picture */
    double share;    /* 1: no frame lacked anything */
    uint32_t frame;
    camera at;
} softest;

typedef struct run {
    const view_options *options;
    vt *world;
    scene *scene;
    views *views;
    camera_path path;
    target colour, verdict;
    uint8_t *pixels;   /* RGBA of a picture, rows top down */
    uint8_t *verdicts; /* a byte a pixel, rows top down */
    uint32_t frames;   /* to draw along the path */
    char *settings;    /* for the pictures to carry; NULL: no memory */
    uint32_t plain;    /* the plain texture; 0: none */
    uint32_t frame;    /* drawn so far, rest included */
    frame_loop loop;
    double began_ms, told_ms;
    double since_cut_ms; /* frame_ms since the last cut, its own frame's included */
    bool blurred_since_cut;
    bool shows_progress;
    bool lost;                       /* what was to be kept for the next run */
    camera cameras[REPORT_PICTURES]; /* of report.pictures */
    softest softest;
    report report;
} run;

/* Writes run's pixels as a PNG in the report's folder, which carries what it shows: the world, the
 * frame, the camera as a line of a path, the settings. False: said why. */
bool run_write_picture(const run *r, const char *file, uint32_t frame, const camera *at);

/* Writes run's pixels likewise, and enters them into the report's pictures, which are in the order
 * of frames. False: said why. Precondition: fewer than REPORT_PICTURES are there. */
bool run_save_picture(run *r, const char *file, uint32_t frame, const camera *at);

/* Keeps what is in run's colour target as the softest frame so far. */
void run_keep_softest(run *r, double share, const camera *at);

/* Saves it, where there is one. False: said why. */
bool run_save_softest(run *r);

/* Draws the report's pictures again from a second world without limits, and fills in how alike they
 * are. Closes run's own world first, so that both are never in memory at once. What cannot be
 * compared stays REPORT_UNKNOWN. */
void reference_compare(run *r);

#endif
