/* run_picture.c: the pictures of a headless run. A picture that is handed on says by itself what it
 * shows, and how to draw it again. */
#include "tools/view/headless/headless.h"

#include "tools/picture.h"

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
        (void)view_fail("%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}
