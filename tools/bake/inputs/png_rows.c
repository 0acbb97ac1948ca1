/* png_rows.c */
#include "tools/bake/inputs/png_rows.h"

#include "tools/bake/inputs/png_file.h"
#include "tools/bake/inputs/rowband.h"
#include "tools/bake/inputs/whole.h"

#include <stdlib.h>

static bool read_rows(void *context, uint32_t first, uint32_t count, uint8_t *rgba,
                      const char **why)
{
    png_file *p = context;
    (void)first; /* they come in order */
    *why = p->why;
    return png_file_read(p, count, rgba, (size_t)p->width * 4);
}

static void close_rows(void *context)
{
    png_file_close(context);
    free(context);
}

bool png_rows_open(const char *path, source *out, char *why, size_t why_bytes)
{
    bool has_alpha = false;
    png_file *p = malloc(sizeof *p);
    if (p == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    if (!png_file_open(p, path)) {
        snprintf(why, why_bytes, "%s", p->why);
        free(p);
        return false;
    }
    if (p->interlaced) {
        close_rows(p);
        return whole_open(path, out, why, why_bytes);
    }
    if (!png_file_as_rgba(p, &has_alpha)) {
        snprintf(why, why_bytes, "%s", p->why);
        close_rows(p);
        return false;
    }
    *out = (source){.width = p->width, .height = p->height, .has_alpha = has_alpha};
    const rowband_reader reader = {1, true, read_rows, close_rows, p};
    if (!rowband_open(&reader, out)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}
