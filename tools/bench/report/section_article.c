/* The result, and the article's Table 1. */
#include "tools/bench/report/sections.h"

#include "tools/report/html.h"
#include "tools/report/page.h"

#include <math.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* "Parallel Binary Buddy": its test allocates so many ints of 4 bytes. */
enum { ARTICLE_BLOCKS = 32768, ARTICLE_BYTES = 131072 };
_Static_assert(ARTICLE_BYTES == 4 * ARTICLE_BLOCKS, "an int has 4 bytes there");

/* Its Table 1, in milliseconds. */
static const struct {
    const char *name;
    uint32_t look; /* of today's subject that is nearest */
    double ms;
} THEN[] = {{"new", 2, 1.3}, {"spinlocks", 6, 5.9}, {"mutexes", 7, 12.4}};

/* ---- the result ---- */

static bool is_shared(const rows *f, const char *name, uint32_t threads)
{
    return rows_median(f, name, "megabuddy", "ns_per_op", threads) > 0 &&
           rows_median(f, name, "glibc", "ns_per_op", threads) > 0;
}

/* The first case of these of which there are both figures. With the most threads that have a CPU
 * each: what more of them do tells about the scheduler. */
static const char *find_shared(const rows *f, const char *const *cases, uint32_t count,
                               uint32_t cpus, uint32_t *threads_out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t threads[ROWS_THREADS];
        uint32_t k = rows_threads(f, cases[i], "megabuddy", "ns_per_op", threads);
        while (k-- > 0) {
            if ((threads[k] <= cpus || k == 0) && is_shared(f, cases[i], threads[k])) {
                *threads_out = threads[k];
                return cases[i];
            }
        }
    }
    return NULL;
}

/* "2.31 times as fast as glibc", or what it is instead. */
static void put_against_glibc(FILE *out, double own, double glibc)
{
    html_in(out, "<b>", html_number, own <= glibc ? glibc / own : own / glibc, "");
    (void)fprintf(out, " times as %s as glibc</b>", own <= glibc ? "fast" : "slow");
}

static void put_article_result(FILE *out, const rows *f, uint32_t threads)
{
    const char *metric =
        rows_any(f, "article", "glibc", "ns_per_op_first") ? "ns_per_op_first" : "ns_per_op";
    const double own = rows_median(f, "article", "megabuddy", metric, threads);
    html_in(out, "The article’s 32,768 allocations take megabuddy <b>", html_time,
            own * ARTICLE_BLOCKS, "</b>, ");
    put_against_glibc(out, own, rows_median(f, "article", "glibc", metric, threads));
}

static void put_threads(FILE *out, uint32_t threads)
{
    (void)fprintf(out, "%u thread%s", threads, threads == 1 ? "" : "s");
}

static void put_case_result(FILE *out, const rows *f, const char *name, uint32_t threads)
{
    const double own = rows_median(f, name, "megabuddy", "ns_per_op", threads);
    (void)fprintf(out, "in %s with ", name);
    put_threads(out, threads);
    html_in(out, " an operation takes it ", html_time, own, ", ");
    put_against_glibc(out, own, rows_median(f, name, "glibc", "ns_per_op", threads));
}

void section_result(FILE *out, const rows *f, uint32_t cpus)
{
    static const char *const OTHERS[] = {"churn", "tiles", "ring", "churn-small"};
    uint32_t threads[ROWS_THREADS];
    const uint32_t count = rows_threads(f, "article", "megabuddy", "ns_per_op", threads);
    const bool has_article = count > 0 && is_shared(f, "article", threads[0]);
    uint32_t most = 0;
    const char *other = find_shared(f, OTHERS, COUNT(OTHERS), cpus, &most);
    (void)fputs("<p class=\"lead\">", out);
    if (has_article) {
        put_article_result(out, f, threads[0]);
    }
    (void)fputs(has_article && other != NULL ? "; " : has_article ? "." : "", out);
    if (other != NULL) {
        (void)fputs(has_article ? "" : "Against glibc: ", out);
        put_case_result(out, f, other, most);
        (void)fputs(".", out);
    }
    if (!has_article && other == NULL) {
        (void)fputs(f->subject_count == 0 ? "This run has no figures."
                                          : "This run has nothing to set megabuddy against glibc.",
                    out);
    }
    (void)fputs("</p>\n", out);
}

/* ---- Table 1 ---- */

static void put_figures(FILE *out, double ms, double reference_ms)
{
    cell(out, html_number, ms);
    cell(out, html_number, ms > 0 ? ARTICLE_BYTES / ms / 1e3 : ROWS_ABSENT);
    (void)fputs("<td>", out);
    if (reference_ms > 0) {
        (void)fputs("×", out);
    }
    html_in(out, "", html_number, reference_ms > 0 ? ms / reference_ms : ROWS_ABSENT, "</td>");
}

static void put_then(FILE *out)
{
    const double reference = THEN[0].ms;
    const double longest = THEN[COUNT(THEN) - 1].ms;
    (void)fputs("<tr class=\"group\"><th colspan=\"5\">Then, in the article</th></tr>\n", out);
    for (uint32_t i = 0; i < COUNT(THEN); i++) {
        row_begin(out, THEN[i].name);
        put_figures(out, THEN[i].ms, reference);
        cell_bar(out, THEN[i].look, THEN[i].ms / longest);
        row_end(out);
    }
}

static double article_ms(const rows *f, const char *name, const char *subject, const char *metric,
                         uint32_t threads)
{
    const double ns = rows_median(f, name, subject, metric, threads);
    return ns >= 0 ? ns * ARTICLE_BLOCKS / 1e6 : ROWS_ABSENT;
}

static void put_today_row(FILE *out, const char *subject, double ms, double reference, double most)
{
    put_figures(out, ms, reference);
    cell_bar(out, rows_look(subject), most > 0 ? ms / most : 0);
    row_end(out);
}

/* Our own with many blocks a call, which the article did not have. */
static void put_bulk(FILE *out, const rows *f, const char *metric, uint32_t threads, double most)
{
    const double ms = article_ms(f, "bulk", "megabuddy", metric, threads);
    if (ms >= 0) {
        (void)fputs("<tr class=\"own\"><th>megabuddy, 256 a call</th>", out);
        put_today_row(out, "megabuddy", ms, article_ms(f, "article", "glibc", metric, threads),
                      most);
    }
}

static void put_now(FILE *out, const rows *f, const char *metric, const char *how, uint32_t threads)
{
    double most = 0;
    for (uint32_t i = 0; i < f->subject_count; i++) {
        most = fmax(most, article_ms(f, "article", f->subjects[i], metric, threads));
    }
    (void)fprintf(out, "<tr class=\"group\"><th colspan=\"5\">Now, on this machine, %s, ", how);
    put_threads(out, threads);
    (void)fputs("</th></tr>\n", out);
    put_bulk(out, f, metric, threads, most);
    for (uint32_t i = 0; i < f->subject_count; i++) {
        const double ms = article_ms(f, "article", f->subjects[i], metric, threads);
        if (ms >= 0) {
            section_row(out, f->subjects[i]);
            put_today_row(out, f->subjects[i], ms,
                          article_ms(f, "article", "glibc", metric, threads), most);
        }
    }
}

void section_article(FILE *out, const rows *f)
{
    static const char *const WAYS[][2] = {{"ns_per_op_first", "the first time, as the article did"},
                                          {"ns_per_op", "again and again"}};
    page_section(out, "article", "The article’s Table 1, then and now");
    (void)fputs(
        "<p>“Parallel Binary Buddy” timed 32,768 allocations of one int. Its last column "
        "said GB/s; 131,072 bytes over those times are MB/s, as they stand here. The "
        "ratio of times is to <i>new</i> then and to glibc now; the bars are drawn to the longest "
        "of their own group, since the machines do not compare. An arena is touched before the "
        "clock starts, then as now; a malloc has none.</p>\n",
        out);
    table_begin(out, "full", "|ms|MB/s|ratio|");
    table_body(out);
    put_then(out);
    for (uint32_t i = 0; i < COUNT(WAYS); i++) {
        uint32_t threads[ROWS_THREADS];
        if (rows_threads(f, "article", NULL, WAYS[i][0], threads) > 0) {
            put_now(out, f, WAYS[i][0], WAYS[i][1], threads[0]);
        }
    }
    table_end(out);
}
