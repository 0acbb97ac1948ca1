/* journal.h: what happened, for the overlay's log: the last lines with their times. The same line
 * again is counted, not repeated, and of lines that come faster than can be read most are only
 * counted: a bad disk is never a flood. Any thread, one at a time. */
#ifndef MEGABUDDY_TOOLS_VIEW_WINDOW_JOURNAL_H
#define MEGABUDDY_TOOLS_VIEW_WINDOW_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    JOURNAL_LINES = 64,
    JOURNAL_LINE_BYTES = 512,
    JOURNAL_BURST = 8, /* lines that may come at once; then one a second */
};

typedef struct journal_line {
    double at;      /* seconds; when it last came */
    uint32_t times; /* that it came in a row */
    char text[JOURNAL_LINE_BYTES];
} journal_line;

typedef struct journal {
    journal_line lines[JOURNAL_LINES]; /* a ring */
    uint64_t count;                    /* written since the beginning; the last is count - 1 */
    uint64_t dropped;                  /* lines that came too fast */
    double allowed;                    /* lines that may come now */
    double last;                       /* seconds; when `allowed` was worked out */
} journal;

void journal_init(journal *j);

/* Takes in a line at `now`, seconds. Returns whether it is worth printing: it is new, and did not
 * come too fast. */
bool journal_add(journal *j, double now, const char *text);

/* The i-th from the last; NULL: there are not so many. */
const journal_line *journal_get(const journal *j, uint32_t i);

#ifdef __cplusplus
}
#endif

#endif
