/* source.h: where a baker's texels come from. */
#ifndef MEGABUDDY_TOOLS_BAKE_SOURCE_H
#define MEGABUDDY_TOOLS_BAKE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct source_rect {
    uint32_t x, y, width, height; /* texels */
} source_rect;

/* What a reader has done that the user is told about: nothing is changed silently. */
enum {
    SOURCE_TURNED = 1,   /* as the file's orientation says */
    SOURCE_OTHERS = 2,   /* the file has more pictures, pages or masks, which are left out */
    SOURCE_LEFTOVER = 4, /* it has samples that are neither colours nor alpha, left out too */
    SOURCE_NOTES = 3,    /* how many such flags there are */
};

typedef struct source {
    uint32_t width, height; /* texels */
    bool wrap_x;            /* the left edge continues at the right one */
    bool has_alpha;         /* whether any texel may be other than opaque */
    uint8_t notes;          /* SOURCE_TURNED and the like, added up */
    /* Makes rows [first, end) ready, and may forget those above `first`. NULL: all rows are ready
     * from the start. Called on one thread, while nobody fills. Neither number falls from call to
     * call, but the first call may begin anywhere (a bake that is resumed). false: *why says what
     * is wrong, "tile_3_4.png: ends too early", in the source's own memory. */
    bool (*prepare)(void *context, uint32_t first, uint32_t end, const char **why);
    /* Writes a rectangle of ready rows: sRGB with straight alpha, 4 bytes a texel, rows `row_bytes`
     * apart. Many workers of a crew call it at once; the same rectangle always gives the same
     * bytes. */
    void (*fill)(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes);
    void (*close)(void *context); /* NULL: nothing to close */
    void *context;
} source;

#endif
