/* show.c: the figures of `bench stream` as a table on stdout. */
#include "tools/bench/stream/stream.h"

#include <stdio.h>

const stream_column STREAM_TABLE[STREAM_COLUMNS] = {
    {"megabuddy", "frame_p50", "p50 ms", 8, 2, "frame, p50 ms"},
    {"plain", "frame_p50", "plain", 8, 2, "… plain"},
    {"megabuddy", "frame_p99_9", "p99.9 ms", 9, 1, "p99.9 ms"},
    {"plain", "frame_p99_9", "plain", 8, 1, "… plain"},
    {"megabuddy", "sharp_after_frames", "sharp after", 12, 0, "sharp after, frames"},
    {"megabuddy", "sharp_after_ms", "… ms", 8, 0, NULL},
    {"megabuddy", "open_ms", "open ms", 8, 1, NULL},
    {"megabuddy", "wanted_mip_percent", "at mip %", 9, 1, NULL},
    {"megabuddy", "uploads", "uploads", 8, 0, "pages uploaded"},
    {"megabuddy", "uploads_after_settling", "at rest", 8, 0, "… at rest"},
    {"megabuddy", "conductor_ms", "conductor", 10, 3, NULL},
    {"megabuddy", "conductor_longest_ms", "longest", 8, 2, NULL},
    {"megabuddy", "feedback_ms", "feedback", 9, 3, NULL},
    {"megabuddy", "pages_per_s", "pages/s", 9, 0, "pages/s"},
    {"megabuddy", "streaming_ms", "in ms", 7, 2, NULL},
    {"megabuddy", "psnr_min_db", "dB", 6, 1, "dB"},
    {"megabuddy", "holes", "holes", 6, 0, "holes"},
    {"megabuddy", "wrong_pages", "wrong", 6, 0, "wrong"},
};

static const bench_row *find(const bench_table *t, const char *name, const stream_column *c)
{
    return stream_find(t, name, c->subject, c->metric);
}

static bool is_used(const bench_table *t, const stream_options *o, const stream_column *c)
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
    for (int i = 0; i < STREAM_COLUMNS; i++) {
        const bench_row *row = find(t, name, &STREAM_TABLE[i]);
        if (!is_used(t, o, &STREAM_TABLE[i])) {
            continue;
        }
        if (row == NULL) {
            printf("%*s", STREAM_TABLE[i].width, "-");
        } else {
            printf("%*.*f", STREAM_TABLE[i].width, STREAM_TABLE[i].digits, row->median);
        }
    }
    putchar('\n');
}

void stream_table(const bench_table *t, const stream_options *o, const char *renderer)
{
    printf("%s, %ux%u, medians of %u rounds; p99.9 of all frames together\n\n%-14s", renderer,
           o->width, o->height, o->rounds, "");
    for (int i = 0; i < STREAM_COLUMNS; i++) {
        if (is_used(t, o, &STREAM_TABLE[i])) {
            printf("%*s", STREAM_TABLE[i].width, STREAM_TABLE[i].heading);
        }
    }
    putchar('\n');
    for (uint32_t i = 0; i < o->case_count; i++) {
        show_row(t, o, o->cases[i]->name);
    }
}
