/* png_file.c: libpng does not return from an error but calls on_error, which jumps. So each
 * function here that calls libpng first sets the place to jump back to, and fails from there. */
#include "tools/bake/inputs/png_file.h"

#include "engine/files/regular.h"

#include <errno.h>
#include <string.h>

/* libpng calls this for every error; it must not return. */
static void on_error(png_struct *png, const char *text)
{
    png_file *p = png_get_error_ptr(png);
    if (p->why[0] == '\0') {
        snprintf(p->why, sizeof p->why, "is no PNG that can be read: %s", text);
    }
    longjmp(p->escape, 1);
}

/* libpng would print warnings: a picture with one can be read all the same. */
static void on_warning(png_struct *png, const char *text)
{
    (void)png;
    (void)text;
}

/* libpng calls this for the next bytes of the file. */
static void on_read(png_struct *png, uint8_t *bytes, size_t count)
{
    png_file *p = png_get_io_ptr(png);
    if (fread(bytes, 1, count, p->file) != count) {
        snprintf(p->why, sizeof p->why, "%s",
                 ferror(p->file) ? strerror(errno) : "ends too early: truncated");
        png_error(png, p->why);
    }
}

/* Reads all that comes before the texels. A wrong checksum is an error even in a chunk that nobody
 * needs. */
static bool read_header(png_file *p)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    p->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, p, on_error, on_warning);
    p->info = p->png != NULL ? png_create_info_struct(p->png) : NULL;
    if (p->info == NULL) {
        snprintf(p->why, sizeof p->why, "needs more memory than there is");
        return false;
    }
    png_set_read_fn(p->png, p, on_read);
    png_set_crc_action(p->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(p->png, p->info);
    p->width = png_get_image_width(p->png, p->info);
    p->height = png_get_image_height(p->png, p->info);
    p->colour = png_get_color_type(p->png, p->info);
    p->depth = png_get_bit_depth(p->png, p->info);
    p->interlaced = png_get_interlace_type(p->png, p->info) != PNG_INTERLACE_NONE;
    return true;
}

bool png_file_open(png_file *p, const char *path)
{
    memset(p, 0, sizeof *p);
    p->file = regular_open(path, p->why, sizeof p->why);
    if (p->file == NULL) {
        return false;
    }
    if (!read_header(p)) {
        png_file_close(p);
        return false;
    }
    return true;
}

void png_file_close(png_file *p)
{
    png_destroy_read_struct(&p->png, &p->info, NULL);
    if (p->file != NULL) {
        fclose(p->file);
    }
    p->file = NULL;
}

/* Tells libpng to make RGBA of 8 bits, whatever the file has. */
bool png_file_as_rgba(png_file *p, bool *has_alpha)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    *has_alpha = (p->colour & PNG_COLOR_MASK_ALPHA) != 0 ||
                 png_get_valid(p->png, p->info, PNG_INFO_tRNS) != 0;
    png_set_scale_16(p->png);
    png_set_expand(p->png); /* palettes, few bits and a transparent colour */
    png_set_gray_to_rgb(p->png);
    png_set_add_alpha(p->png, 255, PNG_FILLER_AFTER);
    png_set_interlace_handling(p->png);
    png_read_update_info(p->png, p->info);
    if (png_get_rowbytes(p->png, p->info) != (size_t)p->width * 4) {
        png_error(p->png, "rows of an odd size");
    }
    return true;
}

bool png_file_as_grey(png_file *p)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    png_set_expand_gray_1_2_4_to_8(p->png);
    png_set_strip_alpha(p->png);
    png_read_update_info(p->png, p->info);
    if (png_get_rowbytes(p->png, p->info) != (size_t)p->width * (p->depth == 16 ? 2 : 1)) {
        png_error(p->png, "rows of an odd size");
    }
    return true;
}

bool png_file_read(png_file *p, uint32_t count, uint8_t *rows, size_t row_bytes)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        png_read_row(p->png, rows + i * row_bytes, NULL);
    }
    p->next += count;
    if (p->next == p->height) {
        png_read_end(p->png, NULL);
    }
    return true;
}

bool png_file_read_interlaced(png_file *p, uint8_t *rows, size_t row_bytes)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        for (uint32_t y = 0; y < p->height; y++) {
            png_read_row(p->png, rows + y * row_bytes, NULL);
        }
    }
    png_read_end(p->png, NULL);
    return true;
}
