/* jpeg_rows.c: libjpeg reports an error by a call that may not return. So each function here that
 * calls libjpeg first sets the place to jump back to. */
#include "tools/bake/inputs/jpeg_rows.h"

#include "engine/files/regular.h"
#include "tools/bake/inputs/rowband.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#define MAX_SCANS 500 /* of a progressive file: each costs a pass over the whole picture */

#define MAX_COEFFICIENT_BYTES (UINT64_C(2) << 30)

typedef struct jpeg_rows {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf escape; /* set by each function that calls libjpeg */
    FILE *file;
    bool started; /* jpeg_start_decompress has returned */
    char why[JMSG_LENGTH_MAX + 32];
} jpeg_rows;

static void on_error(j_common_ptr common)
{
    jpeg_rows *j = common->client_data;
    const int code = common->err->msg_code;
    char text[JMSG_LENGTH_MAX];
    common->err->format_message(common, text);
    if (ferror(j->file)) {
        snprintf(j->why, sizeof j->why, "could not be read");
    } else if (code == JWRN_JPEG_EOF || code == JERR_INPUT_EOF || code == JERR_INPUT_EMPTY) {
        snprintf(j->why, sizeof j->why, "ends too early: truncated");
    } else if (code == JERR_OUT_OF_MEMORY) {
        snprintf(j->why, sizeof j->why, "needs more memory than there is");
    } else {
        snprintf(j->why, sizeof j->why, "is no JPEG that can be read: %s", text);
    }
    longjmp(j->escape, 1);
}

/* For damage libjpeg only warns, and fills in grey: such warnings are made errors. Those that do
 * not concern the texels pass. */
static void on_message(j_common_ptr common, int level)
{
    const int code = common->err->msg_code;
    if (level < 0 && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR &&
        code != JWRN_BOGUS_ICC) {
        on_error(common);
    }
}

static void on_output(j_common_ptr common)
{
    (void)common; /* nothing is written to stderr */
}

static void on_progress(j_common_ptr common)
{
    jpeg_rows *j = common->client_data;
    if (j->jpeg.input_scan_number > MAX_SCANS) {
        snprintf(j->why, sizeof j->why, "has more than %d scans", MAX_SCANS);
        longjmp(j->escape, 1);
    }
}

static void close_jpeg(void *context)
{
    jpeg_rows *j = context;
    jpeg_destroy_decompress(&j->jpeg);
    fclose(j->file);
    free(j);
}

static bool read_header(jpeg_rows *j)
{
    if (setjmp(j->escape) != 0) {
        return false;
    }
    jpeg_create_decompress(&j->jpeg);
    j->jpeg.progress = &j->progress;
    jpeg_stdio_src(&j->jpeg, j->file);
    jpeg_read_header(&j->jpeg, TRUE);
    return true;
}

/* Whether libjpeg can make RGB of it, or gives inks, which convert_inks makes RGB of. */
static bool has_colours(jpeg_rows *j)
{
    switch (j->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_YCbCr:
    case JCS_RGB:
        j->jpeg.out_color_space = JCS_EXT_RGBA;
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        j->jpeg.out_color_space = JCS_CMYK;
        return true;
    default:
        snprintf(j->why, sizeof j->why, "is a JPEG of %d components, of which no colours are known",
                 j->jpeg.num_components);
        return false;
    }
}

static bool coefficients_fit(jpeg_rows *j)
{
    uint64_t bytes = 0;
    for (int i = 0; i < j->jpeg.num_components; i++) {
        const jpeg_component_info *c = &j->jpeg.comp_info[i];
        bytes += (uint64_t)c->width_in_blocks * c->height_in_blocks * sizeof(JBLOCK);
    }
    if (!jpeg_has_multiple_scans(&j->jpeg) || bytes <= MAX_COEFFICIENT_BYTES) {
        return true;
    }
    snprintf(j->why, sizeof j->why,
             "is a progressive JPEG that would need %u MiB at once, and not 2048 at most",
             (unsigned)(bytes >> 20));
    return false;
}

/* Makes RGBA of a row of inks. Adobe's programs store inks inverted, and mark the file as
 * theirs. */
static void convert_inks(const jpeg_rows *j, uint8_t *row)
{
    const uint8_t flip = j->jpeg.saw_Adobe_marker ? 0 : 255;
    for (uint8_t *t = row; t < row + (size_t)j->jpeg.image_width * 4; t += 4) {
        for (int c = 0; c < 3; c++) {
            t[c] = (uint8_t)(((t[c] ^ flip) * (t[3] ^ flip) + 127) / 255);
        }
        t[3] = 255;
    }
}

static bool read_rows(void *context, uint32_t first, uint32_t count, uint8_t *rgba,
                      const char **why)
{
    jpeg_rows *j = context;
    const size_t row_bytes = (size_t)j->jpeg.image_width * 4;
    *why = j->why;
    if (setjmp(j->escape) != 0) {
        return false;
    }
    if (!j->started) {
        jpeg_start_decompress(&j->jpeg);
        j->started = true;
    }
    while (j->jpeg.output_scanline < first + count) {
        JSAMPROW row = rgba + (j->jpeg.output_scanline - first) * row_bytes;
        jpeg_read_scanlines(&j->jpeg, &row, 1);
        if (j->jpeg.out_color_space == JCS_CMYK) {
            convert_inks(j, row);
        }
    }
    if (j->jpeg.output_scanline == j->jpeg.output_height) {
        jpeg_finish_decompress(&j->jpeg); /* damage behind the last row counts too */
    }
    return true;
}

/* Opens a file and reads its header. NULL: `why` says what is wrong. */
static jpeg_rows *open_jpeg(const char *path, char *why, size_t why_bytes)
{
    FILE *file = regular_open(path, why, why_bytes);
    jpeg_rows *j = file != NULL ? calloc(1, sizeof *j) : NULL;
    if (j == NULL) {
        if (file != NULL) {
            snprintf(why, why_bytes, "needs more memory than there is");
            fclose(file);
        }
        return NULL;
    }
    j->file = file;
    j->jpeg.err = jpeg_std_error(&j->errors);
    j->jpeg.client_data = j;
    j->errors.error_exit = on_error;
    j->errors.emit_message = on_message;
    j->errors.output_message = on_output;
    j->progress.progress_monitor = on_progress;
    if (!read_header(j) || !has_colours(j) || !coefficients_fit(j)) {
        snprintf(why, why_bytes, "%s", j->why);
        close_jpeg(j);
        return NULL;
    }
    return j;
}

bool jpeg_rows_open(const char *path, source *out, char *why, size_t why_bytes)
{
    jpeg_rows *j = open_jpeg(path, why, why_bytes);
    if (j == NULL) {
        return false;
    }
    *out = (source){.width = j->jpeg.image_width, .height = j->jpeg.image_height};
    const rowband_reader reader = {1, true, read_rows, close_jpeg, j};
    if (!rowband_open(&reader, out)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    return true;
}
