/* mosaic.h: one picture from many files, a grid of tiles.
 *
 *     tile_0_0 tile_1_0 tile_2_0      all as large as tile 0,0, but those of the last column
 *     tile_0_1 tile_1_1 tile_2_1      may be narrower, and those of the last row lower
 *
 * Only the tiles under the rows that are asked for are open; a crew unpacks them side by side. High
 * tiles give their rows as they are wanted, low ones all at once. Threads are those of source.h. */
#ifndef MEGABUDDY_TOOLS_BAKE_MOSAIC_H
#define MEGABUDDY_TOOLS_BAKE_MOSAIC_H

#include "tools/bake/source.h"
#include "tools/base/crew.h"

/* Opens the tiles of a pattern (tools/bake/inputs/tilenames.h). Reads the headers of all of them:
 * 10,000 PNGs take about a second; a tile that is no JPEG, PNG or TIFF is unpacked for it, and
 * later once more. The mosaic has alpha if any tile has. What is wrong with a tile is reported as
 * "FILE: WHY", here or when its rows are prepared. workers NULL: the caller does all. On failure
 * returns false, and `why` says what is wrong. */
bool mosaic_open(const char *pattern, crew *workers, source *out, char *why, size_t why_bytes);

/* The same for the tile_{x}_{y}.png of a folder; if there is none, its .jpg, .jpeg, .tif, .tiff. */
bool mosaic_open_folder(const char *folder, crew *workers, source *out, char *why,
                        size_t why_bytes);

/* Whether a mosaic's invariants hold; for tests. */
bool mosaic_check(const source *s);

#endif
