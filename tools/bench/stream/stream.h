/* stream.h: `megabuddy bench stream`, shared by its parts.
 *
 *     stream.c   options, plan ─▶ for each round, for each case: stage.c, round.c ─▶ samples
 *     cases.c    what there is to fly            │ a world, a scene, frames timed in turns
 *     show.c, page.c  ◀── medians ───────────────┘
 *
 * Thread: the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_BENCH_STREAM_STREAM_H
#define MEGABUDDY_TOOLS_BENCH_STREAM_STREAM_H

#include "tools/bench/results.h"
#include "tools/view/camera.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STREAM_MOST_CASES = 16,
    STREAM_LINE_BYTES = 1024,
    STREAM_PLACES = 10,
    STREAM_AFTER = 12
}; /* frames that are watched after a cut */

typedef enum stream_kind {
    STREAM_FLIGHT,   /* along a path, then rest */
    STREAM_STILL,    /* rest, then more of it */
    STREAM_TELEPORT, /* from place to place */
    STREAM_TRANSFER, /* from place to place, without drawing: how fast pages travel */
    STREAM_OPEN,     /* the world opened anew, of a slow disk */
} stream_kind;

/* One scenario. */
typedef struct stream_case {
    const char *name;
    const char *summary;
    stream_kind kind;
    const char *path;      /* keys, as in a camera path file */
    uint32_t frames;       /* of a round; STREAM_TELEPORT: places */
    uint32_t quick_frames; /* 0: left out of quick runs */
    uint32_t pool_percent; /* of the slots that the flight needs; 0: as many as the budget gives */
    uint32_t ram_percent;  /* of the RAM that the flight needs; 0: the default */
    bool warm;             /* every place was visited before: RAM holds it, the atlas does not */
    bool beside_plain;     /* a plain frame is drawn beside each */
} stream_case;

extern const stream_case STREAM_CASES[];
extern const uint32_t STREAM_CASE_COUNT;

typedef struct stream_options {
    const char *world; /* NULL: one is baked */
    const stream_case *cases[STREAM_MOST_CASES];
    uint32_t case_count;
    uint32_t rounds, width, height;
    uint32_t frames; /* 0: each case's own */
    const char *csv, *report;
    bool quick;
} stream_options;

/* Frame times of all rounds of a case, in milliseconds. */
typedef struct stream_times {
    double *ms;
    uint32_t count, capacity;
} stream_times;

/* What the frames of one round looked like, for the page's plots. */
typedef struct stream_trace {
    stream_times frame, plain; /* of the first round */
    double sharp[STREAM_PLACES]
                [STREAM_AFTER]; /* share of wanted pages there, by frame after each cut; -1 */
} stream_trace;

/* What a case came to. */
typedef struct stream_result {
    stream_times frames, plain; /* pooled over rounds */
    stream_trace trace;
} stream_result;

bool stream_times_add(stream_times *t, double ms); /* false: no memory */

/* A percentile, share 0 … 1, without changing the order; 0 of nothing. */
double stream_percentile(const double *ms, uint32_t count, double share);

/* The row of a case, whatever the number of workers, which all rows share; NULL: there is none. */
const bench_row *stream_find(const bench_table *t, const char *name, const char *subject,
                             const char *metric);

/* ---- stage.c ---- */

typedef struct stage stage;

/* Opens OpenGL, and the world once to measure what its flight needs. NULL: said why. */
stage *stage_open(const stream_options *o);
void stage_close(stage *s);       /* NULL does nothing */
const char *stage_renderer(void); /* while a stage is open */

/* Runs a round of a case. Adds its figures to the samples and its frames to the result. False: said
 * why. */
bool stage_run(stage *s, const stream_case *c, uint32_t round, bench_samples *samples,
               stream_result *result);

bool stage_is_interrupted(void);

/* `megabuddy: bench stream: why`, printf style. Returns false. */
bool stream_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- show.c, page.c ---- */

/* A column of the table that is printed, and of the one at the top of the page. */
typedef struct stream_column {
    const char *subject, *metric, *heading;
    int width, digits;    /* as printed */
    const char *headline; /* on the page; NULL: not there */
} stream_column;

#define STREAM_COLUMNS 18
extern const stream_column STREAM_TABLE[STREAM_COLUMNS];

void stream_table(const bench_table *t, const stream_options *o, const char *renderer);

/* Writes DIR/report.html. False: said why. */
bool stream_page(const char *dir, const bench_table *t, const stream_options *o,
                 const stream_result results[], const bench_about *about, const char *renderer);

#endif
