#include "tools/bench/report/report.h"

#include "engine/files/regular.h"
#include "tools/base/folder.h"
#include "tools/base/say.h"
#include "tools/bench/report/rows.h"
#include "tools/bench/report/sections.h"
#include "tools/report/html.h"
#include "tools/report/page.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define TITLE "Megabuddy: the allocators compared"

/* ---- the page ---- */

static void put_machine(FILE *out, const bench_about *about)
{
    const char *const texts[] = {about->kernel, about->compiler, about->date};
    html_text_in(out, "<p>Measured on ", *about->cpu != '\0' ? about->cpu : "an unknown processor",
                 "");
    if (about->cpus > 0) {
        (void)fprintf(out, ", %u CPU%s", about->cpus, about->cpus == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (*texts[i] != '\0') {
            html_text_in(out, " · ", texts[i], "");
        }
    }
    (void)fprintf(out, " · %u\u00a0round%s", about->rounds, about->rounds == 1 ? "" : "s");
    if (about->seconds > 0 && about->seconds < ROWS_LIMIT) {
        html_in(out, " in ", html_time, about->seconds * 1e9, "");
    }
    (void)fputs(about->quick ? " · a <b>quick</b> run: fewer cases, threads and rounds" : "", out);
    (void)fputs("</p>\n", out);
}

static void put_link(FILE *out, bool there, const char *id, const char *text)
{
    if (there) {
        (void)fprintf(out, "<a href=\"#%s\">%s</a>\n", id, text);
    }
}

static void put_contents(FILE *out, const rows *f)
{
    (void)fputs("<nav>\n", out);
    put_link(out, true, "article", "Table 1");
    put_link(out, true, "threads", "Figures");
    put_link(out, rows_any(f, NULL, NULL, "ns_per_op"), "cases", "Case by case");
    put_link(out, rows_any(f, NULL, NULL, "p99_99_ns"), "extremes", "Extremes");
    put_link(out, rows_any(f, NULL, NULL, "occupancy_percent"), "space", "Occupancy");
    put_link(out, true, "method", "How it was measured");
    (void)fputs("<a href=\"alloc.csv\">alloc.csv</a>\n</nav>\n", out);
}

static void put_about(FILE *out, const bench_about *about)
{
    table_begin(out, "about", NULL);
    row_begin(out, "arena");
    cell(out, html_bytes, (double)about->arena_bytes);
    row_end(out);
    row_begin(out, "seed");
    (void)fprintf(out, "<td class=\"words\">%" PRIu64 "</td>", about->seed);
    row_end(out);
    row_begin(out, "command line");
    html_text_in(out, "<td class=\"words\"><code>", about->argv, "</code></td>");
    row_end(out);
    row_begin(out, "all figures");
    (void)fputs("<td class=\"words\"><a href=\"alloc.csv\">alloc.csv</a></td>", out);
    row_end(out);
    table_end(out);
}

static void put_method(FILE *out, const bench_about *about)
{
    page_section(out, "method", "How it was measured");
    (void)fputs(
        "<p>Every trial is a process of its own, so that no allocator inherits another’s heap. "
        "The rounds are interleaved: the first of everybody, then the second of everybody; what "
        "stands here are medians over the rounds. All are called through one table of functions, "
        "so nobody is inlined where others are not. A time per operation is wall time, from the "
        "start of all threads to the end of the last, over the operations of all of them "
        "together: two threads that do not hinder each other on two CPUs halve it.</p>\n"
        "<p><b>limit-list</b> is a free list a thread and size, with no synchronisation at all: "
        "what an allocator could hope for that never had to share. <b>limit-empty</b> returns the "
        "same memory again and again: the harness’s own time. Neither is an allocator. "
        "<b>megabuddy-checked</b> is megabuddy with its checks of pointers on.</p>\n"
        "<p>Whoever has an arena of a fixed size (megabuddy and the levels) has it touched before "
        "the clock starts, in pages of the usual size; a malloc has the work done once before "
        "instead. megabuddy’s unit is a quarter of the smallest block of a case, as heap.h "
        "advises; the levels’ unit is that block, which is best for them.</p>\n"
        "<p>More threads than the machine has CPUs take turns: those figures show what it costs "
        "when a thread is stopped in the midst of an operation.</p>\n",
        out);
    put_about(out, about);
}

typedef struct content {
    const bench_table *table;
    const bench_about *about;
} content;

static void put_page(FILE *out, const void *context)
{
    const content *c = context;
    rows f;
    rows_init(&f, c->table);
    page_begin(out, TITLE);
    (void)fputs("<h1>" TITLE "</h1>\n", out);
    section_result(out, &f, c->about->cpus);
    put_machine(out, c->about);
    put_contents(out, &f);
    section_article(out, &f);
    section_threads(out, &f, c->about->cpus);
    section_cases(out, &f);
    section_extremes(out, &f);
    section_space(out, &f);
    put_method(out, c->about);
    page_end(out);
}

/* ---- the file ---- */

static bool write_page(const char *dir, const content *c)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/index.html", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    return folder_make(dir) && page_write(path, put_page, c);
}

bool bench_report_write(const char *dir, const bench_table *table, const bench_about *about)
{
    if (!write_page(dir, &(content){table, about})) {
        say_error("bench alloc: %s/index.html: %s", dir, file_text(errno));
        return false;
    }
    return true;
}
