/* source.h: where a baker's texels come from: anything that can give rows of RGBA. */
#ifndef MEGABUDDY_TOOLS_BAKE_SOURCE_H
#define MEGABUDDY_TOOLS_BAKE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct source {
    uint32_t width, height; /* texels */
    bool wrap_x;            /* the left edge continues at the right one */
    /* Writes rows [first, first + count), width * 4 bytes each, sRGB and alpha. Called by many
     * workers of a crew at once for rows of their own; the same rows give the same bytes. */
    void (*rows)(void *context, uint32_t worker, uint32_t first, uint32_t count, uint8_t *rgba);
    void *context;
} source;

#endif
