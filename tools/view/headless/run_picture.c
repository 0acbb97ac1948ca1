/* run_picture.c: the pictures of a headless run. A picture that is handed on says by itself what it
 * shows, and how to draw it again. */
#include "tools/view/headless/headless.h"

#include "engine/files/regular.h"
#include "tools/picture/picture.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool run_write_picture(const run *r, const char *file, uint32_t frame, const camera *at)
{
    char path[VIEW_LINE_BYTES], number[16], line[256];
    (void)snprintf(path, sizeof path, "%s/%s", r->options->report, file);
    (void)snprintf(number, sizeof number, "%u", frame);
    (void)snprintf(line, sizeof line, "0 %.9g %.9g %.9g %.9g %.9g", at->x, at->y, at->z, at->yaw,
                   at->pitch);
    const picture_text texts[] = {
        {"Software", "megabuddy"},
        {"World", r->report.world},
        {"Frame", number},
        {"Camera", line},
        {"Settings", r->settings ? r->settings : ""},
    };
    if (!picture_write_png_with(path, r->colour.width, r->colour.height, r->pixels, texts,
                                sizeof texts / sizeof *texts)) {
        (void)view_fail("%s: %s", path, file_text(errno));
        return false;
    }
    return true;
}

/* Makes room for a picture of this frame among those that are there. Returns its place. */
static uint32_t insert(run *r, uint32_t frame)
{
    report *out = &r->report;
    uint32_t at = out->picture_count++;
    while (at > 0 && out->pictures[at - 1].frame > frame) {
        out->pictures[at] = out->pictures[at - 1];
        r->cameras[at] = r->cameras[at - 1];
        at--;
    }
    return at;
}

bool run_save_picture(run *r, const char *file, uint32_t frame, const camera *at)
{
    assert(r->report.picture_count < REPORT_PICTURES);
    if (!run_write_picture(r, file, frame, at)) {
        return false;
    }
    const uint32_t i = insert(r, frame);
    report_picture *saved = &r->report.pictures[i];
    *saved = (report_picture){.frame = frame, .psnr_db = REPORT_UNKNOWN};
    (void)snprintf(saved->file, sizeof saved->file, "%s", file);
    r->cameras[i] = *at;
    return true;
}

void run_keep_softest(run *r, double share, const camera *at)
{
    softest *s = &r->softest;
    if (s->pixels != NULL) {
        target_read(&r->colour, s->pixels);
        s->share = share;
        s->frame = r->frame;
        s->at = *at;
    }
}

bool run_save_softest(run *r)
{
    softest *s = &r->softest;
    char file[REPORT_NAME_BYTES];
    if (s->pixels == NULL || s->share == 1) {
        return true;
    }
    uint8_t *pixels = r->pixels; /* they trade places for the while */
    r->pixels = s->pixels;
    (void)snprintf(file, sizeof file, "frame-%04u.png", s->frame);
    const bool saved = run_save_picture(r, file, s->frame, &s->at);
    r->pixels = pixels;
    return saved;
}
