/* show.c: the figures of `bench stream` as a table on stdout. */
#include "tools/bench/stream/stream.h"

#include <stdio.h>

/* A column of the table. */
typedef struct column {
    const char *subject, *metric, *heading;
    int width, digits;
} column;

static const column COLUMNS[] = {
    {"megabuddy", "frame_p50", "p50 ms", 8, 2},
    {"plain", "frame_p50", "plain", 8, 2},
    {"megabuddy", "frame_p99_9", "p99.9 ms", 9, 1},
    {"plain", "frame_p99_9", "plain", 8, 1},
    {"megabuddy", "sharp_after_frames", "sharp after", 12, 0},
    {"megabuddy", "sharp_after_ms", "… ms", 8, 0},
    {"megabuddy", "open_ms", "open ms", 8, 1},
    {"megabuddy", "wanted_mip_percent", "at mip %", 9, 1},
    {"megabuddy", "uploads", "uploads", 8, 0},
    {"megabuddy", "uploads_after_settling", "at rest", 8, 0},
    {"megabuddy", "conductor_ms", "conductor", 10, 3},
    {"megabuddy", "conductor_longest_ms", "longest", 8, 2},
    {"megabuddy", "feedback_ms", "feedback", 9, 3},
    {"megabuddy", "pages_per_s", "pages/s", 9, 0},
    {"megabuddy", "streaming_ms", "in ms", 7, 2},
    {"megabuddy", "psnr_min_db", "dB", 6, 1},
    {"megabuddy", "holes", "holes", 6, 0},
    {"megabuddy", "wrong_pages", "wrong", 6, 0},
};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof COLUMNS[0] };

static const bench_row *find(const bench_table *t, const char *name, const column *c)
{
    return stream_find(t, name, c->subject, c->metric);
}

static bool is_used(const bench_table *t, const stream_options *o, const column *c)
{
    for (uint32_t i = 0; i < o->case_count; i++) {
        if (find(t, o->cases[i]->name, c) != NULL) {
            return true;
        }
    }
    return false;
}

static void show_row(const bench_table *t, const stream_options *o, const char *name)
{
    printf("%-14s", name);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        const bench_row *row = find(t, name, &COLUMNS[i]);
        if (!is_used(t, o, &COLUMNS[i])) {
            continue;
        }
        if (row == NULL) {
            printf("%*s", COLUMNS[i].width, "-");
        } else {
            printf("%*.*f", COLUMNS[i].width, COLUMNS[i].digits, row->median);
        }
    }
    putchar('\n');
}

void stream_table(const bench_table *t, const stream_options *o, const char *renderer)
{
    printf("%s, %ux%u, medians of %u rounds; p99.9 of all frames together\n\n%-14s", renderer,
           o->width, o->height, o->rounds, "");
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (is_used(t, o, &COLUMNS[i])) {
            printf("%*s", COLUMNS[i].width, COLUMNS[i].heading);
        }
    }
    putchar('\n');
    for (uint32_t i = 0; i < o->case_count; i++) {
        show_row(t, o, o->cases[i]->name);
    }
}
