/* picture.c: stb_image, fed through callbacks so that a file that ends too early is noticed: left
 * alone, stb_image reads zeros beyond the end and calls a half picture a whole one. */
#include "tools/picture/picture.h"

#include "engine/files/regular.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_FAILURE_USERMSG
#include <stb_image.h>

/* stb_image fills a buffer of this size, and looks for the format in its first bytes. */
#define STB_BUFFER 128

typedef struct feed {
    FILE *file;
    bool past_end; /* the decoder wanted bytes that the file does not have */
    bool failed;   /* the disk did not give them; errno in `why` */
    int why;
} feed;

/* A short read is normal for a refill of the buffer, and for nothing else; none at all never is. */
static int feed_read(void *user, char *data, int size)
{
    feed *f = user;
    const int got = (int)fread(data, 1, (size_t)size, f->file);
    if (got < size && ferror(f->file)) {
        f->failed = true;
        f->why = errno;
    }
    if (got == 0 || (got < size && size != STB_BUFFER)) {
        f->past_end = true;
    }
    return got;
}

static void feed_skip(void *user, int bytes)
{
    feed *f = user;
    fseek(f->file, bytes, SEEK_CUR);
}

static int feed_eof(void *user)
{
    feed *f = user;
    return feof(f->file);
}

static const stbi_io_callbacks CALLBACKS = {feed_read, feed_skip, feed_eof};

/* stb_image 2.27 takes the samples of a 16-bit PNM for bytes, and reads beyond them. */
static bool is_deep_pnm(FILE *file)
{
    feed f = {.file = file};
    const int first = getc(file), second = getc(file);
    rewind(file);
    const bool deep = stbi_is_16_bit_from_callbacks(&CALLBACKS, &f) != 0;
    rewind(file);
    return first == 'P' && (second == '5' || second == '6') && deep;
}

/* Decodes an open file whose size is known not to be 0. */
static bool decode(FILE *file, picture *out, const char **why)
{
    feed f = {.file = file};
    int width = 0, height = 0, channels = 0;
    if (is_deep_pnm(file)) {
        *why = "is a PNM of 16 bits, which is not read; PNG and TIFF of 16 bits are";
        return false;
    }
    uint8_t *rgba = stbi_load_from_callbacks(&CALLBACKS, &f, &width, &height, &channels, 4);
    if (f.failed) {
        *why = strerror(f.why);
    } else if (f.past_end) {
        *why = "ends too early: truncated, or not a picture";
    } else if (rgba == NULL) {
        *why = stbi_failure_reason();
    } else {
        *out = (picture){(uint32_t)width, (uint32_t)height, rgba};
        return true;
    }
    stbi_image_free(rgba);
    return false;
}

bool picture_load(const char *path, picture *out, const char **why)
{
    struct stat st;
    *out = (picture){0};
    const int fd = regular_fd(path, &st);
    FILE *file = fd >= 0 && st.st_size > 0 ? fdopen(fd, "rb") : NULL;
    if (file == NULL) {
        *why = fd >= 0 && st.st_size == 0 ? "is empty" : file_text(errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    const bool done = decode(file, out, why);
    fclose(file);
    return done;
}

void picture_free(picture *p)
{
    stbi_image_free(p->rgba);
    *p = (picture){0};
}

/* Where texel i of `to` begins among `from`; i == to is the end. */
static uint32_t edge(uint32_t i, uint32_t from, uint32_t to)
{
    return (uint32_t)((uint64_t)i * from / to);
}

/* The mean of a rectangle of p's texels, which has at least one. */
static void average(const picture *p, const uint32_t x[2], const uint32_t y[2], uint8_t *out)
{
    uint64_t sums[4] = {0};
    for (uint32_t row = y[0]; row < y[1]; row++) {
        const uint8_t *at = p->rgba + 4 * ((size_t)row * p->width + x[0]);
        for (uint32_t i = 0; i < 4 * (x[1] - x[0]); i++) {
            sums[i % 4] += at[i];
        }
    }
    const uint64_t texels = (uint64_t)(x[1] - x[0]) * (y[1] - y[0]);
    for (int k = 0; k < 4; k++) {
        out[k] = (uint8_t)((sums[k] + texels / 2) / texels);
    }
}

bool picture_shrink(const picture *p, uint32_t width_most, picture *out)
{
    const uint32_t width = p->width < width_most ? p->width : width_most;
    const uint32_t scaled = edge(width, p->height, p->width); /* p->height * width / p->width */
    const uint32_t height = scaled > 0 ? scaled : 1;
    *out = (picture){width, height, malloc((size_t)width * height * 4)};
    if (out->rgba == NULL) {
        *out = (picture){0};
        return false;
    }
    uint8_t *to = out->rgba;
    for (uint32_t i = 0; i < height; i++) {
        const uint32_t y[2] = {edge(i, p->height, height), edge(i + 1, p->height, height)};
        for (uint32_t k = 0; k < width; k++, to += 4) {
            const uint32_t x[2] = {edge(k, p->width, width), edge(k + 1, p->width, width)};
            average(p, x, y, to);
        }
    }
    return true;
}
