/* cells.h: numbers in cells, the darker the larger, as a figure of HTML with SVG in it.
 *
 *     title
 *     threads    1    2    4
 *     level 3    0    1    1     rows from the first on top
 *     level 2    0    2   ▒5▒
 *     level 1    1   ▒4▒  █9█
 *
 * Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_CELLS_H
#define MEGABUDDY_TOOLS_CELLS_H

#include <stdint.h>
#include <stdio.h>

#define CELLS_COLUMNS 16u
#define CELLS_ROWS    32u

typedef struct cells {
    const char *title;
    const char *what; /* for who cannot see it */
    const char *column_name, *row_name;
    uint32_t look;
    double full; /* the value that has the full colour; above 0 */
    uint32_t column_count, row_count;
    uint32_t columns[CELLS_COLUMNS], rows[CELLS_ROWS]; /* what each counts */
    double values[CELLS_ROWS][CELLS_COLUMNS];          /* negative: not known */
} cells;

void cells_write(FILE *out, const cells *c);

#endif
