/* whole.c: decodes the whole picture at once and copies what the baker asks for out of it. */
#include "tools/bake/inputs/whole.h"

#include "tools/picture/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* source.fill: copies a rectangle of the picture. */
static void fill(void *context, uint32_t worker, source_rect rect, uint8_t *rgba, size_t row_bytes)
{
    const picture *p = context;
    (void)worker;
    for (uint32_t y = 0; y < rect.height; y++) {
        memcpy(rgba + y * row_bytes, p->rgba + ((size_t)(rect.y + y) * p->width + rect.x) * 4,
               (size_t)rect.width * 4);
    }
}

static void close_picture(void *context)
{
    picture_free(context);
    free(context);
}

/* Whether every texel is opaque: a format that can hold alpha does not mean that there is any. */
static bool is_opaque(const picture *p)
{
    const size_t count = (size_t)p->width * p->height;
    for (size_t i = 0; i < count; i++) {
        if (p->rgba[i * 4 + 3] != 255) {
            return false;
        }
    }
    return true;
}

bool whole_open(const char *path, source *out, char *why, size_t why_bytes)
{
    const char *wrong = "needs more memory than there is";
    picture *p = calloc(1, sizeof *p);
    if (p == NULL || !picture_load(path, p, &wrong)) {
        snprintf(why, why_bytes, "%s", wrong);
        free(p);
        return false;
    }
    *out = (source){.width = p->width,
                    .height = p->height,
                    .has_alpha = !is_opaque(p),
                    .fill = fill,
                    .close = close_picture,
                    .context = p};
    return true;
}
