/* paint.h: the colours of the Earth's texels. Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_PAINT_H
#define MEGABUDDY_TOOLS_BAKE_PAINT_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of `count` texels of a row, an array each. */
typedef struct paint_row {
    uint32_t count;
    float texel_samples;             /* how many samples of the heights a texel is wide */
    const float *metres;             /* detail included; of the sea its floor */
    const float *shore;              /* metres, detail included: above 0 is land */
    const float *range;              /* how much heights differ around, metres */
    const float *red, *green, *blue; /* of the land, bytes */
    const float *ice;                /* of the sea, 0 … 255 */
    const float *relief; /* the detail of the heights: -1 … 1 from valleys to ridges */
    const float *grain;  /* ground cover, -1 … 1 */
    const float *light;  /* 1 on flat ground */
} paint_row;

void paint_texels(const paint_row *row, uint8_t *rgba);

/* Whether all of a row is sea: by shore and range only. Seven tenths of the Earth are, and take a
 * third of the work. */
bool paint_is_sea(const paint_row *row);

/* Whether no texel of a row has ice. */
bool paint_is_free_of_ice(const paint_row *row);

/* Paints a row that is all sea: the same bytes as paint_texels, without the colours of the land.
 * `ice` may be NULL, for none; the grain is not used then. */
void paint_sea(const paint_row *row, uint8_t *rgba);

#endif
