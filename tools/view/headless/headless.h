/* headless.h: a headless run under way, shared by its parts: the path, the pictures it writes, and
 * the comparison with pictures drawn without streaming. Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_HEADLESS_H
#define MEGABUDDY_TOOLS_VIEW_HEADLESS_H

#include "tools/view/headless/report.h"
#include "tools/view/scene/target.h"
#include "tools/view/view.h"

typedef struct run {
    const view_options *options;
    vt *world;
    scene *scene;
    camera_path path;
    target colour, verdict;
    uint8_t *pixels;   /* RGBA of a picture, rows top down */
    uint8_t *verdicts; /* a byte a pixel, rows top down */
    uint32_t frames;   /* to draw along the path */
    char *settings;    /* for the pictures to carry; NULL: no memory */
    uint32_t plain;    /* the plain texture; 0: none */
    uint32_t frame;    /* drawn so far, rest included */
    camera last;       /* of the frame before */
    double began_ms, told_ms;
    double since_cut_ms; /* frame_ms since the last cut, its own frame's included */
    bool blurred_since_cut;
    bool shows_progress;
    camera cameras[REPORT_PICTURES]; /* of report.pictures */
    report report;
} run;

/* Whether somebody pressed Ctrl-C: end soon, with what there is. */
bool run_is_interrupted(void);

/* Writes run's pixels as a PNG in the report's folder, which carries what it shows: the world, the
 * frame, the camera as a line of a path, the settings. False: said why. */
bool run_write_picture(const run *r, const char *file, uint32_t frame, const camera *at);

/* Draws the report's pictures again from a second world without limits, and fills in how alike they
 * are. Closes run's own world first, so that both are never in memory at once. What cannot be
 * compared stays REPORT_UNKNOWN. */
void reference_compare(run *r);

#endif
