#include "tools/bench/report/report.h"

#include "engine/files/regular.h"
#include "engine/files/replace.h"
#include "tools/base/folder.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/bench/report/report_style.h"
#include "tools/bench/report/rows.h"
#include "tools/bench/report/sections.h"
#include "tools/report/html.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the page ---- */

static void put_head(FILE *out)
{
    (void)fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                "<title>Megabuddy: the allocators compared</title>\n<style>\n",
                out);
    (void)fputs(report_style, out);
    (void)fputs("</style>\n</head>\n<body>\n<h1>Megabuddy: the allocators compared</h1>\n", out);
}

static void open_row(FILE *out, const char *name)
{
    (void)fprintf(out, "<tr><th>%s</th><td class=\"words\">", name);
}

static void close_row(FILE *out)
{
    (void)fputs("</td></tr>\n", out);
}

static void put_text_row(FILE *out, const char *name, const char *text)
{
    open_row(out, name);
    html_text(out, *text != '\0' ? text : "–");
    close_row(out);
}

static void put_machine(FILE *out, const bench_about *about)
{
    const char *const texts[] = {about->kernel, about->compiler, about->date};
    (void)fputs("<p>Measured on ", out);
    html_text(out, *about->cpu != '\0' ? about->cpu : "an unknown processor");
    if (about->cpus > 0) {
        (void)fprintf(out, ", %u CPU%s", about->cpus, about->cpus == 1 ? "" : "s");
    }
    for (uint32_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (*texts[i] != '\0') {
            (void)fputs(" · ", out);
            html_text(out, texts[i]);
        }
    }
    (void)fprintf(out, " · %u\u00a0round%s", about->rounds, about->rounds == 1 ? "" : "s");
    if (about->seconds > 0 && about->seconds < ROWS_LIMIT) {
        (void)fputs(" in ", out);
        html_time(out, about->seconds * 1e9);
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

static void put_method(FILE *out, const bench_about *about)
{
    char arena[UNITS_TEXT];
    (void)fputs(
        "<h2 id=\"method\">How it was measured</h2>\n"
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
    (void)fputs("<table class=\"about\">\n", out);
    put_text_row(out, "arena", units_format_bytes(about->arena_bytes, arena));
    open_row(out, "seed");
    (void)fprintf(out, "%" PRIu64, about->seed);
    close_row(out);
    open_row(out, "command line");
    (void)fputs("<code>", out);
    html_text(out, about->argv);
    (void)fputs("</code>", out);
    close_row(out);
    open_row(out, "all figures");
    (void)fputs("<a href=\"alloc.csv\">alloc.csv</a>", out);
    close_row(out);
    (void)fputs("</table>\n</body>\n</html>\n", out);
}

/* The page, from malloc; NULL with errno set when there is no memory. */
static char *make_page(const bench_table *table, const bench_about *about, size_t *bytes)
{
    char *page = NULL;
    FILE *out = open_memstream(&page, bytes);
    if (out == NULL) {
        return NULL;
    }
    rows f;
    rows_init(&f, table);
    put_head(out);
    section_result(out, &f, about->cpus);
    put_machine(out, about);
    put_contents(out, &f);
    section_article(out, &f);
    section_threads(out, &f, about->cpus);
    section_cases(out, &f);
    section_extremes(out, &f);
    section_space(out, &f);
    put_method(out, about);
    const bool good = ferror(out) == 0;
    if (fclose(out) != 0 || !good) {
        free(page);
        errno = ENOMEM; /* nothing else can happen to a stream in memory */
        return NULL;
    }
    return page;
}

/* ---- the file ---- */

static bool write_page(const char *dir, const bench_table *table, const bench_about *about)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/index.html", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    size_t bytes;
    char *page = make_page(table, about, &bytes);
    const bool good = page != NULL && folder_make(dir) && replace_write(path, page, bytes);
    const int why = errno;
    free(page);
    errno = why;
    return good;
}

bool bench_report_write(const char *dir, const bench_table *table, const bench_about *about)
{
    if (!write_page(dir, table, about)) {
        say_error("bench alloc: %s/index.html: %s", dir, file_text(errno));
        return false;
    }
    return true;
}
