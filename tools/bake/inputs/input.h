/* input.h: all pictures that the baker can read. A file is opened by its contents, whatever its
 * name ends in.
 *
 *     picture.jpg, .png, .tif     row by row: memory is the width times the rows asked for
 *     anything else               as a whole, by tools/picture/picture.h: BMP, TGA, GIF, HDR …
 *     tiles/t_{x}_{y}.png         a mosaic of pictures of any kind: tools/bake/inputs/mosaic.h
 *     folder                      a mosaic of its tile_{x}_{y}.png, .jpg or .tif
 *
 * A picture that lies turned in its file comes out upright; tools/bake/inputs/turn.h says what that
 * costs. */
#ifndef MEGABUDDY_TOOLS_BAKE_INPUT_H
#define MEGABUDDY_TOOLS_BAKE_INPUT_H

#include "tools/bake/source.h"
#include "tools/base/crew.h"

/* Opens a picture, a folder or a pattern; wrap_x is false. The workers unpack in prepare(), and
 * must do nothing else while it runs; NULL: the caller's thread does it alone. On failure returns
 * false, and `why` says what is wrong in one line: "WHY" about the path, or "FILE: WHY" about one
 * of its tiles. One thread. */
bool input_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

/* The same for a single picture; a folder or a pattern is refused. Any thread. */
bool input_open_file(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

/* What a note of a source means, as one line about its file. */
const char *input_note(uint32_t note);

/* Closes the source and clears it. */
void input_close(source *s);

#endif
