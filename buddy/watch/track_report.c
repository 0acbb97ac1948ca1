/* watch/track_report.c: all of it as text. What takes room is mapped and given back: nothing is
 * asked of the allocator that is watched, but what stdio and the dynamic loader may ask, which is
 * left out. */
#include <dlfcn.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buddy/system/region.h"
#include "buddy/watch/track_private.h"

#define SITES_TOLD  12u /* of a list */
#define BAR_COLUMNS 40u
#define ROWS_TOLD   32u /* of the timeline */

/* ---- words ---- */

static void print_bytes(FILE *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    uint32_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    fprintf(out, unit == 0 ? "%8.0f %-3s" : "%8.1f %-3s", value, units[unit]);
}

static void print_time(FILE *out, double ns)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    uint32_t unit = 0;
    while (ns >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        ns /= 1000;
        unit++;
    }
    fprintf(out, "%7.1f %-2s", ns, units[unit]);
}

/* A return address may be the first of the next function: what is meant lies a byte before. */
static void print_frame(FILE *out, const void *frame)
{
    Dl_info info;
    const char *address = frame;
    if (frame == NULL || dladdr(address - 1, &info) == 0 || info.dli_fname == NULL) {
        fprintf(out, "0x%" PRIxPTR, (uintptr_t)frame);
    } else if (info.dli_sname != NULL) {
        fprintf(out, "%s+0x%" PRIxPTR " (%s)", info.dli_sname,
                (uintptr_t)frame - (uintptr_t)info.dli_saddr, info.dli_fname);
    } else {
        fprintf(out, "%s+0x%" PRIxPTR, info.dli_fname,
                (uintptr_t)frame - (uintptr_t)info.dli_fbase);
    }
}

static void print_frames(FILE *out, const buddy_track_site *s)
{
    if (s->frame_count == 0) {
        fputs("sites that found no room, or unknown\n", out);
    }
    for (uint32_t i = 0; i < s->frame_count; i++) {
        fputs(i == 0 ? "" : "                                                    < ", out);
        print_frame(out, s->frames[i]);
        fputc('\n', out);
    }
}

/* ---- lists of sites ---- */

typedef uint64_t weigh_site(const buddy_track_site *s);

/* The heaviest, heaviest first. */
typedef struct ranking {
    weigh_site *weigh;
    uint32_t count;
    uint64_t more; /* sites that weigh something and found no place */
    buddy_track_site sites[SITES_TOLD];
} ranking;

static uint64_t weigh_live(const buddy_track_site *s)
{
    return s->live_bytes;
}

static uint64_t weigh_peak(const buddy_track_site *s)
{
    return s->peak_bytes;
}

static uint64_t weigh_allocs(const buddy_track_site *s)
{
    return s->allocs;
}

static bool rank(void *context, const buddy_track_site *site)
{
    ranking *r = context;
    uint64_t weight = r->weigh(site);
    if (weight == 0) {
        return true;
    }
    uint32_t at = r->count;
    while (at > 0 && r->weigh(&r->sites[at - 1]) < weight) {
        at--;
    }
    r->more += r->count == SITES_TOLD;
    if (at == SITES_TOLD) {
        return true;
    }
    uint32_t last = r->count < SITES_TOLD ? r->count++ : SITES_TOLD - 1;
    memmove(&r->sites[at + 1], &r->sites[at], (last - at) * sizeof r->sites[0]);
    r->sites[at] = *site;
    return true;
}

static void print_site(FILE *out, const buddy_track_site *s)
{
    print_bytes(out, s->live_bytes);
    fprintf(out, " %8" PRIu64 " ", s->live_blocks);
    print_bytes(out, s->peak_bytes);
    fprintf(out, " %9" PRIu64 "  ", s->allocs);
    print_frames(out, s);
}

static void print_ranking(const buddy_track *t, FILE *out, const char *title, weigh_site *weigh)
{
    ranking r = {.weigh = weigh};
    buddy_track_walk_sites(t, rank, &r);
    fprintf(out, "\n%s\n", title);
    if (r.count == 0) {
        fputs("  none\n", out);
        return;
    }
    fputs("   live bytes   blocks   peak bytes    allocs  site\n", out);
    for (uint32_t i = 0; i < r.count; i++) {
        print_site(out, &r.sites[i]);
    }
    if (r.more > 0) {
        fprintf(out, "  and %" PRIu64 " more\n", r.more);
    }
}

/* ---- the rest ---- */

static void print_sums(FILE *out, const buddy_track_stats *s)
{
    fputs("live        ", out);
    print_bytes(out, s->live_bytes);
    fprintf(out, " in %" PRIu64 " blocks\npeak        ", s->live_blocks);
    print_bytes(out, s->peak_bytes);
    fprintf(out, "\ncalls        %" PRIu64 " allocs, %" PRIu64 " frees, %" PRIu64 " reallocs\n",
            s->allocs, s->frees, s->reallocs);
    fprintf(out, "call sites   %" PRIu32 "\n", s->sites);
    if (s->forgotten + s->homeless + s->unknown + s->replaced > 0) {
        fprintf(out,
                "left out     %" PRIu64 " blocks without a record, %" PRIu64
                " without a site of their own; %" PRIu64 " frees of unknown blocks, %" PRIu64
                " frees that were not told\n",
                s->forgotten, s->homeless, s->unknown, s->replaced);
    }
}

static void print_bar(FILE *out, uint64_t value, uint64_t most)
{
    uint64_t columns = most > 0 ? (value * BAR_COLUMNS + most - 1) / most : 0;
    fputs("  ", out);
    for (uint64_t i = 0; i < columns; i++) {
        fputc('#', out);
    }
    fputc('\n', out);
}

static void print_lifetimes(FILE *out, const buddy_track_stats *s)
{
    static const char *const names[BUDDY_TRACK_LIFETIMES] = {"< 1 us", "< 10 us", "< 100 us",
                                                             "< 1 ms", "< 10 ms", "< 100 ms",
                                                             "< 1 s",  "< 10 s",  ">= 10 s"};
    uint64_t most = 0;
    for (uint32_t i = 0; i < BUDDY_TRACK_LIFETIMES; i++) {
        most = s->lifetimes[i] > most ? s->lifetimes[i] : most;
    }
    fputs("\nlifetimes of blocks that have ended\n", out);
    for (uint32_t i = 0; i < BUDDY_TRACK_LIFETIMES; i++) {
        fprintf(out, "  %-9s %12" PRIu64, names[i], s->lifetimes[i]);
        print_bar(out, s->lifetimes[i], most);
    }
}

static void print_timeline(buddy_track *t, FILE *out)
{
    uint64_t points[BUDDY_TRACK_POINTS], stretch_ns, most = 0;
    uint32_t count = track_get_timeline(t, points, &stretch_ns);
    uint32_t step = (count + ROWS_TOLD - 1) / ROWS_TOLD;
    for (uint32_t i = 0; i < count; i++) {
        most = points[i] > most ? points[i] : most;
    }
    fputs("\nmost that was live, by time\n", out);
    for (uint32_t i = 0; i < count; i += step) {
        uint64_t row = 0;
        for (uint32_t k = i; k < i + step && k < count; k++) {
            row = points[k] > row ? points[k] : row;
        }
        fputs("  ", out);
        print_time(out, (double)i * (double)stretch_ns);
        fputs("  ", out);
        print_bytes(out, row);
        print_bar(out, row, most);
    }
}

bool buddy_track_report(buddy_track *t, FILE *out)
{
    buddy_track_stats stats;
    bool entered = track_enter();
    buddy_track_get_stats(t, &stats);
    print_sums(out, &stats);
    print_ranking(t, out, "most at their peaks", weigh_peak);
    print_ranking(t, out, "most calls", weigh_allocs);
    print_lifetimes(out, &stats);
    print_timeline(t, out);
    print_ranking(t, out, "live now: leaks, at the end of a program", weigh_live);
    bool good = fflush(out) == 0 && ferror(out) == 0;
    if (entered) {
        track_leave();
    }
    return good;
}
