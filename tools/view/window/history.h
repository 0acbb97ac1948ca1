/* history.h: the last few seconds of a window's figures, frame by frame, for plots. Any thread, one
 * at a time. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_HISTORY_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_HISTORY_H

#include "engine/vt.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HISTORY_FRAMES 240

typedef enum history_series {
    HISTORY_FRAME_MS = 0,
    HISTORY_UPLOADS, /* pages */
    HISTORY_READS,   /* KiB */
    HISTORY_BIAS,    /* mips */
    HISTORY_WANTED,  /* percent of the pixels, about: those at the mip they want */
    HISTORY_SERIES,
} history_series;

/* A ring a series: the oldest of `frames` values is at frames % HISTORY_FRAMES once it is full. */
typedef struct history {
    float values[HISTORY_SERIES][HISTORY_FRAMES];
    uint64_t frames;         /* since the beginning */
    uint64_t uploaded, read; /* counters of the streamer at the last frame */
} history;

/* Takes in a frame that took `ms`. A streamer that was opened anew counts from 0 again. */
void history_add(history *h, double ms, const vt_stats *stats);

float history_last(const history *h, history_series series); /* 0 before the first frame */
float history_most(const history *h, history_series series); /* of those kept */

#ifdef __cplusplus
}
#endif

#endif
