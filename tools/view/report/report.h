/* report.h: what a headless run measured, as report.json for programs and report.html for people.
 * What was not measured is null in one and a dash in the other. Thread: any. */
#ifndef MEGABUDDY_TOOLS_VIEW_REPORT_H
#define MEGABUDDY_TOOLS_VIEW_REPORT_H

#include "engine/vt.h"
#include "tools/view/report/series.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REPORT_PICTURES = 10, /* along the path, and the last one */
    REPORT_CUTS = 256,    /* cuts that are followed */
    REPORT_NAME_BYTES = 32,
};

#define REPORT_UNKNOWN (-1.0) /* stands in every figure that was not measured */

/* A picture that was written, and how it compares with the one drawn without streaming. */
typedef struct report_picture {
    char file[REPORT_NAME_BYTES];       /* in the report's folder */
    char reference[REPORT_NAME_BYTES];  /* likewise, drawn without streaming; "": not written */
    char difference[REPORT_NAME_BYTES]; /* likewise, of the two, in the colours of heat.h */
    uint32_t amplified; /* what the difference was multiplied with; 0: there is none */
    uint32_t frame;
    double psnr_db;
} report_picture;

/* A cut: how long until every textured pixel was sharp. */
typedef struct report_cut {
    uint32_t frame; /* at which it happened */
    double frames, ms;
} report_cut;

typedef struct report {
    const char *world, *path; /* file names; "": the built-in path */
    const char *renderer;     /* of OpenGL */
    uint32_t width, height;   /* pixels */
    uint32_t frames;          /* drawn along the path */
    uint32_t settle_frames;   /* drawn after it, the camera at rest */
    bool settled;             /* everything had arrived at the end */
    bool interrupted;         /* by a signal: the path was not flown to its end */
    double frame_p50_ms, frame_p99_ms, frame_p99_9_ms, frame_max_ms; /* along the path */
    double plain_p50_ms, plain_p99_9_ms;        /* of the same frames drawn with a plain texture */
    uint64_t holes, wrong_pages;                /* pixels, summed over all frames */
    double wanted_share_min, wanted_share_mean; /* 0 … 1, over the frames along the path */
    report_cut cuts[REPORT_CUTS];
    uint32_t cut_count;
    report_picture pictures[REPORT_PICTURES]; /* the last is the final one */
    uint32_t picture_count;
    double psnr_min_db, psnr_median_db, psnr_final_db;
    uint32_t slots_wanted_peak; /* pages that one frame wanted at most */
    uint64_t slot_bytes;        /* video memory of a page */
    uint64_t gl_messages;       /* OpenGL debug messages above the severity of a notification */
    vt_stats stats;             /* at the end */
    series series;              /* along the path */
} report;

#define REPORT_NO_PICTURE UINT32_MAX

/* The picture that is least like its reference, and the one in the middle (of an even number, the
 * less alike of the two); REPORT_NO_PICTURE when none was compared. */
uint32_t report_worst_picture(const report *r);
uint32_t report_median_picture(const report *r);

/* Writes DIR/report.json and DIR/report.html. Returns false with errno set, *file naming the one
 * that could not be written. */
bool report_write(const report *r, const char *dir, const char **file);

#endif
