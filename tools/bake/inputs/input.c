/* input.c: see input.h. A file's first bytes choose its reader. */
#include "tools/bake/inputs/input.h"

#include "engine/files/regular.h"
#include "tools/bake/inputs/exif.h"
#include "tools/bake/inputs/jpeg_rows.h"
#include "tools/bake/inputs/mosaic.h"
#include "tools/bake/inputs/png_rows.h"
#include "tools/bake/inputs/tiff/tiff_rows.h"
#include "tools/bake/inputs/turn.h"
#include "tools/bake/inputs/whole.h"

#include <string.h>
#include <sys/stat.h>

#define HEAD 8 /* bytes that tell one format from another */

static bool begins(const uint8_t *head, const char *magic, size_t bytes)
{
    return memcmp(head, magic, bytes) == 0;
}

static bool is_tiff(const uint8_t *head)
{
    return begins(head, "II\x2a\0", 4) || begins(head, "MM\0\x2a", 4) || /* TIFF */
           begins(head, "II\x2b\0", 4) || begins(head, "MM\0\x2b", 4);   /* BigTIFF */
}

/* Asks for the orientation of a file. 1 if it cannot be opened any more: somebody has just removed
 * it. */
static uint32_t orientation_of(const char *path, uint32_t (*ask)(int fd))
{
    char why[160];
    FILE *file = regular_open(path, why, sizeof why);
    const uint32_t orientation = file != NULL ? ask(fileno(file)) : 1;
    if (file != NULL) {
        fclose(file);
    }
    return orientation;
}

bool input_open_file(const char *path, crew *workers, source *out, char *why, size_t why_bytes)
{
    uint8_t head[HEAD];
    *out = (source){0};
    if (!regular_head(path, head, sizeof head, why, why_bytes)) {
        return false;
    }
    if (begins(head, "\xff\xd8\xff", 3)) {
        return jpeg_rows_open(path, out, why, why_bytes) &&
               turn_open(orientation_of(path, exif_of_jpeg), out, why, why_bytes);
    }
    if (begins(head, "\x89PNG\r\n\x1a\n", 8)) {
        return png_rows_open(path, out, why, why_bytes) &&
               turn_open(orientation_of(path, exif_of_png), out, why, why_bytes);
    }
    if (is_tiff(head)) {
        return tiff_rows_open(path, workers, out, why, why_bytes);
    }
    return whole_open(path, out, why, why_bytes);
}

bool input_open(const char *path, crew *workers, source *out, char *why, size_t why_bytes)
{
    struct stat st;
    *out = (source){0};
    if (strstr(path, "{x}") != NULL && strstr(path, "{y}") != NULL) {
        return mosaic_open(path, workers, out, why, why_bytes);
    }
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return mosaic_open_folder(path, workers, out, why, why_bytes);
    }
    return input_open_file(path, workers, out, why, why_bytes);
}

const char *input_note(uint32_t note)
{
    switch (note) {
    case SOURCE_TURNED:
        return "turned as its orientation says";
    case SOURCE_OTHERS:
        return "holds more pictures, pages or masks; the largest is taken, the others are left out";
    default:
        return "has samples that are neither colours nor alpha, which are left out";
    }
}

void input_close(source *s)
{
    if (s->close != NULL) {
        s->close(s->context);
    }
    *s = (source){0};
}
