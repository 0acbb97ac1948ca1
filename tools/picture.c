/* picture.c: stb_image, fed through callbacks so that a file that ends too early is noticed: left
 * alone, stb_image reads zeros beyond the end and calls a half picture a whole one. */
#include "tools/picture.h"

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
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

/* stb_image fills a buffer of this size, and looks for the format in its first bytes. */
enum { STB_BUFFER = 128 };

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

/* Decodes an open file whose size is known not to be 0. */
static bool decode(FILE *file, picture *out, const char **why)
{
    static const stbi_io_callbacks CALLBACKS = {feed_read, feed_skip, feed_eof};
    feed f = {.file = file};
    int width = 0, height = 0, channels = 0;
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
    if (stat(path, &st) != 0) {
        *why = strerror(errno);
        return false;
    }
    if (!S_ISREG(st.st_mode)) { /* asked before opening: a pipe would hold us up */
        *why = S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file";
        return false;
    }
    if (st.st_size == 0) {
        *why = "is empty";
        return false;
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        *why = strerror(errno);
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

bool picture_write_png(const char *path, uint32_t width, uint32_t height, const uint8_t *rgba)
{
    int bytes = 0;
    errno = ENOMEM;
    uint8_t *png = stbi_write_png_to_mem(rgba, (int)width * 4, (int)width, (int)height, 4, &bytes);
    if (png == NULL) {
        return false;
    }
    FILE *file = fopen(path, "wbe");
    bool done = file != NULL && fwrite(png, 1, (size_t)bytes, file) == (size_t)bytes;
    if (file != NULL) {
        const int before = errno;
        done = fclose(file) == 0 && done;
        const int after = errno;
        if (!done) {
            unlink(path);
            errno = after != 0 ? after : before;
        }
    }
    STBIW_FREE(png);
    return done;
}
