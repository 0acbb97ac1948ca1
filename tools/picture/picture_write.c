/* picture_write.c: PNG by libpng, JPEG by libjpeg-turbo, both into memory first.
 *
 * libpng does not come back from an error: pack() sets the place to return to. */
#include "tools/picture/picture.h"

#include "engine/files/replace.h"
#include "tools/base/utf8.h"

#include <png.h>
#include <turbojpeg.h>

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A frame of 1280x720 takes 60 ms, with zlib's usual 6 it takes 155 ms and is 7 % smaller. */
#define PNG_LEVEL 4

/* ---- packing ---- */

typedef struct packer {
    FILE *out;   /* in memory */
    char *value; /* of the text being put, so that an error frees it too */
    png_struct *png;
    png_info *info;
    jmp_buf escape;
} packer;

static void on_error(png_struct *png, const char *text)
{
    packer *p = png_get_error_ptr(png);
    (void)text; /* only memory can lack here */
    longjmp(p->escape, 1);
}

static void on_warning(png_struct *png, const char *text)
{
    (void)png;
    (void)text;
}

static void on_write(png_struct *png, uint8_t *bytes, size_t count)
{
    packer *p = png_get_io_ptr(png);
    if (fwrite(bytes, 1, count, p->out) != count) {
        png_error(png, "no memory");
    }
}

static void on_flush(png_struct *png)
{
    (void)png;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((*text < ' ' || *text > '~') && *text != '\n') {
            return false;
        }
    }
    return true;
}

/* The text with what is none replaced, from malloc; NULL: no memory. */
static char *clean_copy(const char *text)
{
    char *copy = malloc(strlen(text) * (sizeof UTF8_REPLACEMENT - 1) + 1), *to = copy;
    while (copy != NULL && *text != '\0') {
        const size_t bytes = *text == '\n' ? 1 : utf8_bytes(text);
        const char *from = bytes > 0 ? text : UTF8_REPLACEMENT;
        const size_t length = bytes > 0 ? bytes : sizeof UTF8_REPLACEMENT - 1;
        memcpy(to, from, length);
        to += length;
        text += bytes > 0 ? bytes : 1;
    }
    if (copy != NULL) {
        *to = '\0';
    }
    return copy;
}

/* tEXt is Latin-1, which every reader knows; iTXt is for the rest. libpng copies both. */
static void put_text(packer *p, const picture_text *text)
{
    char key[PICTURE_KEY_MOST + 1];
    const size_t key_bytes = strlen(text->key);
    assert(key_bytes > 0 && key_bytes <= PICTURE_KEY_MOST && is_plain(text->key));
    memcpy(key, text->key, key_bytes + 1);
    p->value = clean_copy(text->value);
    if (p->value == NULL) {
        png_error(p->png, "no memory");
    }
    const bool plain = is_plain(p->value);
    png_text entry = {.compression = plain ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE,
                      .key = key,
                      .text = p->value};
    *(plain ? &entry.text_length : &entry.itxt_length) = strlen(p->value);
    png_set_text(p->png, p->info, &entry, 1);
    free(p->value);
    p->value = NULL;
}

/* What is written: the parameters of picture_write_png_with, but the path. */
typedef struct sheet {
    uint32_t width, height;
    const uint8_t *rgba;
    const picture_text *texts;
    uint32_t text_count;
} sheet;

static bool pack_into(packer *p, const sheet *s)
{
    if (setjmp(p->escape) != 0) {
        return false;
    }
    p->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, p, on_error, on_warning);
    p->info = p->png != NULL ? png_create_info_struct(p->png) : NULL;
    if (p->info == NULL) {
        return false;
    }
    png_set_write_fn(p->png, p, on_write, on_flush);
    png_set_user_limits(p->png, INT32_MAX, INT32_MAX); /* its own are for strangers' files */
    png_set_compression_level(p->png, PNG_LEVEL);
    png_set_IHDR(p->png, p->info, s->width, s->height, 8, PNG_COLOR_TYPE_RGBA, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (uint32_t i = 0; i < s->text_count; i++) {
        put_text(p, &s->texts[i]);
    }
    png_write_info(p->png, p->info);
    for (uint32_t y = 0; y < s->height; y++) {
        png_write_row(p->png, s->rgba + (size_t)y * s->width * 4);
    }
    png_write_end(p->png, p->info);
    return true;
}

/* The whole file, from malloc. NULL: no memory. */
static char *pack(const sheet *s, size_t *bytes)
{
    char *file = NULL;
    packer p = {.out = open_memstream(&file, bytes)};
    if (p.out == NULL) {
        return NULL;
    }
    const bool packed = pack_into(&p, s);
    png_destroy_write_struct(&p.png, &p.info);
    free(p.value);
    if (fclose(p.out) == 0 && packed) {
        return file;
    }
    free(file);
    return NULL;
}

/* ---- the file ---- */

bool picture_write_png_with(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba,
                            const picture_text *texts, uint32_t count)
{
    const sheet s = {width, height, rgba, texts, count};
    size_t bytes;
    char *packed = pack(&s, &bytes);
    if (packed == NULL) {
        errno = ENOMEM;
        return false;
    }
    const bool saved = replace_write(path, packed, bytes);
    const int why = errno;
    free(packed);
    errno = why;
    return saved;
}

bool picture_write_png(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba)
{
    return picture_write_png_with(path, width, height, rgba, NULL, 0);
}

/* ---- JPEG ---- */

#define JPEG_SIDE_MOST 65535

/* The library's buffers are its own: what it packs is copied into one of ours. */
static uint8_t *copy(const uint8_t *bytes, size_t count)
{
    uint8_t *to = malloc(count);
    if (to != NULL) {
        memcpy(to, bytes, count);
    }
    return to;
}

uint8_t *picture_to_jpeg(const picture *p, int quality, size_t *bytes)
{
    if (p->width > JPEG_SIDE_MOST || p->height > JPEG_SIDE_MOST) {
        return NULL;
    }
    tjhandle encoder = tjInitCompress();
    uint8_t *own = NULL;
    unsigned long count = 0;
    const bool packed =
        encoder != NULL && tjCompress2(encoder, p->rgba, (int)p->width, 0, (int)p->height,
                                       TJPF_RGBA, &own, &count, TJSAMP_420, quality, 0) == 0;
    uint8_t *jpeg = packed ? copy(own, count) : NULL;
    *bytes = count;
    tjFree(own);
    if (encoder != NULL) {
        (void)tjDestroy(encoder);
    }
    return jpeg;
}
