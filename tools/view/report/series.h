/* series.h: what was measured at each frame along the path, for plots and for report.json.
 *
 *     series_begin(s, stats) ▸ { series_add(s, stats); s->values[kind][frame] = … } a frame
 *
 * One thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_SERIES_H
#define MEGABUDDY_TOOLS_VIEW_SERIES_H

#include "engine/vt.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum series_kind {
    SERIES_FRAME_MS,
    SERIES_PLAIN_MS,     /* of the same frame drawn with a plain texture */
    SERIES_WANTED_SHARE, /* of the textured pixels, at the mip they wanted; 0 … 1 */
    SERIES_UPLOADED,     /* pages */
    SERIES_READ_BYTES,
    SERIES_MIP_BIAS,  /* mips */
    SERIES_RAM_BYTES, /* used, of the budget */
    SERIES_VRAM_BYTES,
    SERIES_KINDS
} series_kind;

/* count <= capacity. What was not measured is negative. An empty one, all 0, can be asked for
 * everything. */
typedef struct series {
    uint32_t count, capacity;     /* frames */
    double *values[SERIES_KINDS]; /* capacity each, one piece of memory */
    uint64_t uploaded, read;      /* by the stats of the frame before */
} series;

/* Room for `capacity` frames, all of it unknown. False: no memory, and s is empty. */
bool series_init(series *s, uint32_t capacity);
void series_finish(series *s); /* an empty one too */

/* What was uploaded and read before the path counts for no frame. */
void series_begin(series *s, const vt_stats *stats);

/* Goes on to the next frame, with what the streamer says after it; the caller fills in the times
 * and the share. Precondition: count < capacity. */
void series_add(series *s, const vt_stats *stats);

/* The kind's name in report.json. */
const char *series_name(series_kind kind);

/* Whether any value of this kind is known. */
bool series_knows(const series *s, series_kind kind);

/* Writes the values as an array of JSON, null where unknown, with as many digits as mean
 * something. Errors stay in the stream. */
void series_write_json(const series *s, series_kind kind, FILE *out);

#endif
