/* input.h: what a baker can read, opened by what it is and not by what it is called.
 *
 *     picture.jpg, .png, .tif     row by row: memory is the width times the rows asked for
 *     anything else               as a whole, by tools/picture/picture.h: BMP, TGA, GIF, HDR …
 *     tiles/t_{x}_{y}.png         a mosaic of pictures of any kind: tools/bake/inputs/mosaic.h
 *     folder                      a mosaic of its tile_{x}_{y}.png, .jpg or .tif
 *
 * What lies turned in its file comes as it is to be seen: tools/bake/inputs/turn.h says what that
 * takes. */
#ifndef MEGABUDDY_TOOLS_BAKE_INPUT_H
#define MEGABUDDY_TOOLS_BAKE_INPUT_H

#include "tools/bake/source.h"
#include "tools/base/crew.h"

/* Opens it; wrap_x is false. The workers unpack in prepare(), which must not be called while they
 * do anything else; NULL: the caller does it alone. On failure returns false, and `why` says what
 * is wrong, one line: "WHY" of the path, or "FILE: WHY" of one of its tiles. One thread. */
bool input_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

/* The same for a single picture; a folder or a pattern is none. Any thread. */
bool input_open_file(const char *path, crew *workers, source *out, char *why, size_t why_bytes);

/* What one of a source's notes says, one line, as of its file. */
const char *input_note(uint32_t note);

/* Closes what is open, and makes it nothing. */
void input_close(source *s);

#endif
