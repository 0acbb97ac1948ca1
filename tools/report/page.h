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
 *         cell_number(out, 21.3);
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

/* Headings from left to right, the first being that of the rows' names. class NULL: none. */
void table_begin(FILE *out, const char *class, const char *heading);
void table_heading(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_body(FILE *out);

/* A table without headings, which begins with its body. */
void table_begin_plain(FILE *out, const char *class);

void table_end(FILE *out); /* of either */

/* A row begins with its name. */
void row_begin(FILE *out, const char *name);
void row_end(FILE *out);

/* Cells. What is negative is a dash, as in html.h. */
void cell_number(FILE *out, double value);
void cell_count(FILE *out, double value);
void cell_share(FILE *out, double share);
void cell_time(FILE *out, double ns);
void cell_bytes(FILE *out, double bytes);
void cell_text(FILE *out, const char *text); /* "": a dash */

/* A figure with `digits` after the point and its unit. */
void cell_figure(FILE *out, double value, int digits, const char *unit);

/* A share as a bar, as long as the cell is wide; see look.h. */
void cell_bar(FILE *out, uint32_t look, double share);

#endif
