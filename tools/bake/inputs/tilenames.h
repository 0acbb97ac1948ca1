/* tilenames.h: finds the files of a mosaic by their names, reading the folder once. One thread.
 *
 *     "maps/t_{x}_{y}.png"  ─▶  maps/  t_0_0.png  t_1_0.png … t_0_1.png … */
#ifndef MEGABUDDY_TOOLS_BAKE_TILENAMES_H
#define MEGABUDDY_TOOLS_BAKE_TILENAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* columns * rows names, row by row, none missing. */
typedef struct tilenames {
    char *folder; /* where they lie */
    uint32_t columns, rows;
    char **names; /* without the folder */
} tilenames;

/* Finds the tiles of a pattern whose last part holds {x}, the column from 0, and {y}, the row from
 * 0; numbers may have leading zeros. On failure returns false, *out is empty, and `why` says what
 * is wrong: no tile, a missing one, two for one place, or a pattern that cannot be read. */
bool tilenames_find(const char *pattern, tilenames *out, char *why, size_t why_bytes);

/* Whether there is at least one tile of the pattern. */
bool tilenames_any(const char *pattern);

void tilenames_free(tilenames *t);

#endif
