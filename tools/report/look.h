/* look.h: how a line, and whatever else stands for the same thing, looks all over a page: a number
 * for a colour, a dash and the shape of its points, told apart without colour too.
 *
 *     0  ●──────   orange, and thick where lines have points: ours
 *     1  ●── ──    the same, dashed
 *     2  ■──────   blue
 *     …
 *
 * The colours are classes s0 … s10 of page_style.c, which says what each is for. What is written
 * here is SVG within HTML. Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_LOOK_H
#define MEGABUDDY_TOOLS_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define LOOKS      11u
#define LOOK_OURS  0u
#define LOOK_PLAIN 2u /* what ours is held against where there is one thing to hold against */

/* A piece of line, to stand before a name; with a point on it, where the lines have them. */
void look_put_key(FILE *out, uint32_t look, bool has_point);

/* Begins a point's path at a place: <path … >; what belongs to it follows, then </path>. */
void look_open_point(FILE *out, uint32_t look, double x, double y);

/* A bar for a table's cell, `share` of its width long; 0 … 1, what is beyond is cut. */
void look_put_bar(FILE *out, uint32_t look, double share);

#endif
