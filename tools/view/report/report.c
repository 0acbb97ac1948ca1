/* report.c: report.json: the keys are a contract, extra ones are welcome. */
#include "tools/view/report/report.h"

#include "tools/base/utf8.h"
#include "tools/report/page.h"
#include "tools/view/report/report_html.h"

#include <cjson/cJSON.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_BYTES = 1024,
    REPAIRED_BYTES = 3 * 4096 + 1, /* the longest name the system takes, none of it text */
};

/* ---- which pictures ---- */

/* How many pictures that were compared are less alike than picture i; of equals, earlier ones. */
static uint32_t rank_of(const report *r, uint32_t i)
{
    uint32_t before = 0;
    for (uint32_t k = 0; k < r->picture_count; k++) {
        const double other = r->pictures[k].psnr_db, own = r->pictures[i].psnr_db;
        before += other >= 0 && (other < own || (other == own && k < i));
    }
    return before;
}

static uint32_t compared_pictures(const report *r)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->picture_count; i++) {
        count += r->pictures[i].psnr_db >= 0;
    }
    return count;
}

static uint32_t picture_of_rank(const report *r, uint32_t rank)
{
    for (uint32_t i = 0; i < r->picture_count; i++) {
        if (r->pictures[i].psnr_db >= 0 && rank_of(r, i) == rank) {
            return i;
        }
    }
    return REPORT_NO_PICTURE;
}

uint32_t report_worst_picture(const report *r)
{
    return picture_of_rank(r, 0);
}

uint32_t report_median_picture(const report *r)
{
    const uint32_t count = compared_pictures(r);
    return count > 0 ? picture_of_rank(r, (count - 1) / 2) : REPORT_NO_PICTURE;
}

/* ---- report.json ---- */

/* A number, or null when it is unknown. Adding to what there was no memory for does nothing. */
static void add(cJSON *to, const char *key, double value)
{
    if (value < 0 || !isfinite(value)) {
        (void)cJSON_AddNullToObject(to, key);
    } else {
        (void)cJSON_AddNumberToObject(to, key, value);
    }
}

static void add_figures(cJSON *to, const report *r)
{
    cJSON *ms = cJSON_AddObjectToObject(to, "frame_ms");
    add(ms, "p50", r->frame_p50_ms);
    add(ms, "p99", r->frame_p99_ms);
    add(ms, "p99_9", r->frame_p99_9_ms);
    add(ms, "max", r->frame_max_ms);
    cJSON *plain = cJSON_AddObjectToObject(to, "plain_frame_ms");
    add(plain, "p50", r->plain_p50_ms);
    add(plain, "p99_9", r->plain_p99_9_ms);
    add(to, "holes", (double)r->holes);
    add(to, "wrong_pages", (double)r->wrong_pages);
    cJSON *share = cJSON_AddObjectToObject(to, "wanted_mip_share");
    add(share, "min", r->wanted_share_min);
    add(share, "mean", r->wanted_share_mean);
    cJSON *psnr = cJSON_AddObjectToObject(to, "psnr_db");
    add(psnr, "min", r->psnr_min_db);
    add(psnr, "median", r->psnr_median_db);
    add(psnr, "final", r->psnr_final_db);
}

static void add_cuts(cJSON *to, const report *r)
{
    cJSON *frames = cJSON_AddArrayToObject(to, "sharp_after_frames");
    cJSON *ms = cJSON_AddArrayToObject(to, "sharp_after_ms");
    for (uint32_t i = 0; i < r->cut_count; i++) {
        const report_cut *cut = &r->cuts[i];
        const bool known = cut->frames >= 0;
        (void)cJSON_AddItemToArray(frames,
                                   known ? cJSON_CreateNumber(cut->frames) : cJSON_CreateNull());
        (void)cJSON_AddItemToArray(ms, known ? cJSON_CreateNumber(cut->ms) : cJSON_CreateNull());
    }
}

static void add_stats(cJSON *to, const report *r)
{
    const vt_stats *s = &r->stats;
    cJSON *pages = cJSON_AddObjectToObject(to, "pages");
    add(pages, "read", (double)s->pages.read);
    add(pages, "decoded", (double)s->pages.decoded);
    add(pages, "uploaded", (double)s->pages.uploaded);
    add(pages, "evicted", (double)s->pages.evicted);
    add(pages, "cancelled", (double)s->pages.cancelled);
    add(pages, "corrupt", (double)s->pages.corrupt);
    add(pages, "failed", (double)s->pages.failed);
    add(pages, "moved", (double)s->pages.moved);
    cJSON *bytes = cJSON_AddObjectToObject(to, "bytes");
    add(bytes, "disk_read", (double)s->bytes.disk_read);
    add(bytes, "uploaded", (double)s->bytes.uploaded);
    cJSON *ram = cJSON_AddObjectToObject(to, "ram");
    add(ram, "budget", (double)s->ram.budget_bytes);
    add(ram, "peak", (double)s->ram.peak_bytes);
    add(ram, "fragmentation", s->ram.fragmentation);
    cJSON *vram = cJSON_AddObjectToObject(to, "vram");
    add(vram, "budget", (double)s->vram.budget_bytes);
    add(vram, "peak", (double)s->vram.peak_bytes);
    add(vram, "fragmentation", s->vram.fragmentation);
    add(vram, "wanted_pages_peak", r->slots_wanted_peak);
    add(vram, "wanted_peak", (double)r->slots_wanted_peak * (double)r->slot_bytes);
    cJSON *bias = cJSON_AddObjectToObject(to, "mip_bias");
    add(bias, "max", s->mip_bias_peak);
}

/* JSON is UTF-8; the names of files need not be. */
static void add_text(cJSON *to, const char *name, const char *text)
{
    char repaired[REPAIRED_BYTES];
    (void)cJSON_AddStringToObject(to, name, utf8_repair(text, repaired, sizeof repaired));
}

static void add_pictures(cJSON *to, const report *r)
{
    cJSON *pictures = cJSON_AddArrayToObject(to, "pictures");
    for (uint32_t i = 0; i < r->picture_count; i++) {
        const report_picture *picture = &r->pictures[i];
        cJSON *entry = cJSON_CreateObject();
        (void)cJSON_AddStringToObject(entry, "file", picture->file);
        add(entry, "frame", picture->frame);
        add(entry, "psnr_db", picture->psnr_db);
        if (picture->reference[0] != '\0') {
            (void)cJSON_AddStringToObject(entry, "reference", picture->reference);
        }
        if (picture->difference[0] != '\0') {
            (void)cJSON_AddStringToObject(entry, "difference", picture->difference);
            add(entry, "difference_amplified", picture->amplified);
        }
        (void)cJSON_AddItemToArray(pictures, entry);
    }
}

/* As text: a million frames would be gigabytes of cJSON's items. */
static void add_one_series(cJSON *to, const series *s, series_kind kind)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return;
    }
    series_write_json(s, kind, out);
    if (fclose(out) == 0) {
        (void)cJSON_AddRawToObject(to, series_name(kind), text);
    }
    free(text);
}

static void add_series(cJSON *to, const report *r)
{
    cJSON *all = cJSON_AddObjectToObject(to, "series");
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        add_one_series(all, &r->series, (series_kind)kind);
    }
}

static char *to_json(const report *r)
{
    cJSON *all = cJSON_CreateObject();
    add(all, "frames", r->frames);
    add_figures(all, r);
    add_cuts(all, r);
    add_stats(all, r);
    char hash[20]; /* too large for a number of JSON */
    (void)snprintf(hash, sizeof hash, "%016llx", (unsigned long long)r->stats.events_hash);
    (void)cJSON_AddStringToObject(all, "events_hash", hash);
    add(all, "gl_messages", (double)r->gl_messages);
    add_text(all, "renderer", r->renderer);
    add_text(all, "world", r->world);
    add_text(all, "path", r->path[0] ? r->path : "built-in");
    cJSON *size = cJSON_AddObjectToObject(all, "size");
    add(size, "width", r->width);
    add(size, "height", r->height);
    add(all, "settle_frames", r->settle_frames);
    (void)cJSON_AddBoolToObject(all, "settled", r->settled);
    (void)cJSON_AddBoolToObject(all, "interrupted", r->interrupted);
    add_pictures(all, r);
    add_series(all, r);
    char *text = cJSON_Print(all);
    cJSON_Delete(all);
    return text;
}

/* ---- the files ---- */

/* What goes into them. */
typedef struct content {
    const report *r;
    const char *dir, *json;
} content;

static void put_json(FILE *out, const void *context)
{
    (void)fprintf(out, "%s\n", ((const content *)context)->json);
}

static void put_html(FILE *out, const void *context)
{
    const content *c = context;
    report_put_page(out, c->r, c->dir);
}

static bool write_file(const content *c, const char *name, page_put *put)
{
    char path[PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", c->dir, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    return page_write(path, put, c);
}

bool report_write(const report *r, const char *dir, const char **file)
{
    char *json = to_json(r);
    const content c = {.r = r, .dir = dir, .json = json};
    *file = "report.json";
    if (json == NULL) {
        errno = ENOMEM;
        return false;
    }
    bool good = write_file(&c, *file, put_json);
    if (good) {
        *file = "report.html";
        good = write_file(&c, *file, put_html);
    }
    free(json);
    return good;
}
