/* Occupancy and bookkeeping. */
#include "tools/bench/report/sections.h"

#include "tools/report/html.h"
#include "tools/report/page.h"

#include <math.h>
#include <stddef.h>

/* ---- occupancy ---- */

static void put_occupancy_row(FILE *out, const rows *f, const char *name, const char *subject)
{
    uint32_t threads[ROWS_THREADS];
    if (rows_threads(f, name, subject, "occupancy_percent", threads) == 0) {
        return;
    }
    const double percent = rows_median(f, name, subject, "occupancy_percent", threads[0]);
    section_row(out, subject);
    cell(out, html_number, percent);
    cell(out, html_number, rows_median(f, name, subject, "occupancy_percent_held", threads[0]));
    cell(out, html_number, rows_median(f, name, subject, "payload_percent", threads[0]));
    cell_bar(out, rows_look(subject), percent / 100);
    row_end(out);
}

static void put_occupancy_case(FILE *out, const rows *f, const char *name)
{
    if (!rows_any(f, name, NULL, "occupancy_percent")) {
        return;
    }
    html_text_in(out, "<tr class=\"group\"><th colspan=\"5\">", name, "");
    (void)fprintf(out, "<small>%s</small></th></tr>\n", rows_meaning(name));
    for (uint32_t i = 0; i < f->subject_count; i++) {
        put_occupancy_row(out, f, name, f->subjects[i]);
    }
}

static void put_occupancy(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, "occupancy_percent")) {
        return;
    }
    page_section(out, "space", "How full an arena gets");
    (void)fputs(
        "<p>A binary buddy does <b>not</b> remove external fragmentation: free blocks that "
        "are no buddies do not merge, and a free one helps only whoever it is large enough "
        "for. So it is measured here. <i>Full</i> is what the blocks handed out take of the "
        "arena when the first request is refused; <i>held</i> the least that they take "
        "after each of many evictions, oldest first until the next block fits; "
        "<i>payload</i> what was asked for, at the first refusal: the rest of <i>full</i> "
        "is lost inside the blocks, to whole units.</p>\n",
        out);
    table_begin(out, "full", "|full, %|held, %|payload, %|");
    table_body(out);
    for (uint32_t i = 0; i < f->case_count; i++) {
        put_occupancy_case(out, f, f->cases[i]);
    }
    table_end(out);
}

/* ---- bookkeeping ---- */

typedef struct range {
    double low, high; /* over all cases and numbers of threads; low > high: nothing was measured */
} range;

static range metadata_range(const rows *f, const char *subject)
{
    range r = {INFINITY, ROWS_ABSENT};
    for (uint32_t i = 0; i < f->case_count; i++) {
        uint32_t threads[ROWS_THREADS];
        uint32_t k = rows_threads(f, f->cases[i], subject, "metadata_bits_per_unit", threads);
        while (k-- > 0) {
            const double bits =
                rows_median(f, f->cases[i], subject, "metadata_bits_per_unit", threads[k]);
            r.low = fmin(r.low, bits);
            r.high = fmax(r.high, bits);
        }
    }
    return r;
}

static void put_metadata_row(FILE *out, const char *subject, range r)
{
    section_row(out, subject);
    html_in(out, "<td>", html_number, r.low, "");
    if (r.high > r.low) {
        html_in(out, " – ", html_number, r.high, "");
    }
    (void)fputs("</td>", out);
    row_end(out);
}

static void put_metadata(FILE *out, const rows *f)
{
    if (!rows_any(f, NULL, NULL, "metadata_bits_per_unit")) {
        return;
    }
    page_section(out, NULL, "What the bookkeeping costs");
    (void)fputs("<p>Bits for each unit of the arena, outside "
                "the memory that is handed out; from the least to the most of the cases. The "
                "others keep theirs among the blocks, and do not tell.</p>\n",
                out);
    table_begin(out, NULL, "|bits per unit");
    table_body(out);
    for (uint32_t i = 0; i < f->subject_count; i++) {
        const range r = metadata_range(f, f->subjects[i]);
        if (r.high >= 0) {
            put_metadata_row(out, f->subjects[i], r);
        }
    }
    table_end(out);
}

void section_space(FILE *out, const rows *f)
{
    put_occupancy(out, f);
    put_metadata(out, f);
}
