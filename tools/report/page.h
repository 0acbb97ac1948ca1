/* page.h: a page of HTML to read: what stands round its sections, its tables, and how it becomes a
 * file. Everything that the program writes for people is made of this, of plot.h and of cells.h.
 *
 *     static void put(FILE *out, const void *context)
 *     {
 *         page_begin(out, "What was measured");          ┌──────────────────────────────────┐
 *         fputs("<h1>What was measured</h1>\n", out);    │ What was measured                │
 *         page_section(out, "times", "Times");           │ ──────────────────────────────── │
 *         table_begin(out, NULL, "ns");                  │ Times                            │
 *         table_heading(out, "%u threads", 2);           │   ns                   2 threads │
 *         table_body(out);                               │   glibc                     21.3 │
 *         row_begin(out, "glibc");                       └──────────────────────────────────┘
 *         cell(out, html_number, 21.3);
 *         row_end(out);
 *         table_end(out);
 *         page_end(out);
 *     }
 *     …
 *     if (!page_write("times.html", put, &figures)) { … file_text(errno) … }
 *
 * A page needs nothing but itself: no network, no scripts; style and plots are in it. It reads on a
 * phone, on a dark screen and on paper, and is well-formed XML too. Texts that are parameters here
 * are escaped, but for formats.
 *
 * Classes of tables, with blanks between them: "full" (as wide as the page), "about" (names and
 * texts), "times" (cells with small print). Of rows: "own" stands out. Of groups of figures, <div
 * class="…">: "columns" (two a line on a large screen), "plots" (three), "plots narrow" (four).
 *
 * Errors stay in the stream: ask ferror. One thread a stream. */
#ifndef MEGABUDDY_TOOLS_PAGE_H
#define MEGABUDDY_TOOLS_PAGE_H

#include "tools/report/html.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* ---- the page ---- */

/* All up to the body's first element; and from its last on. */
void page_begin(FILE *out, const char *title);
void page_end(FILE *out);

/* A section's heading, to which #id leads; id NULL: nothing does. */
void page_section(FILE *out, const char *id, const char *title);

typedef void page_put(FILE *out, const void *context);

/* Writes a file with what `put` writes. It is written beside and renamed, so that there is the old
 * one or a whole new one, never a part. False, and errno says why (file_text). */
bool page_write(const char *path, page_put *put, const void *context);

/* ---- tables ---- */

/* A table and its headings from left to right, "|" between them, the first being that of the rows'
 * names; they are not escaped. More headings may follow, until table_body begins the rows. class
 * NULL: none. headings NULL: there are none, and the rows follow at once. */
void table_begin(FILE *out, const char *class, const char *headings);
void table_heading(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_body(FILE *out);
void table_end(FILE *out);

/* A row begins with its name. */
void row_begin(FILE *out, const char *name);
void row_end(FILE *out);

/* Cells: a number as one of html.h's functions writes it; one with `digits` after the point and its
 * unit, a dash when negative; a text, "": a dash; a share as a bar, in one of look.h's looks. */
void cell(FILE *out, html_put *put, double value);
void cell_figure(FILE *out, double value, int digits, const char *unit);
void cell_text(FILE *out, const char *text);
void cell_bar(FILE *out, uint32_t look, double share);

#endif
