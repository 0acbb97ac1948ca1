/* plain.c: see plain.h. Page after page loses its border and takes its place in a band of rows,
 * which goes up when it is full. */
#include "tools/view/scene/plain.h"

#include "tools/base/crew.h"
#include "tools/base/progress.h"
#include "tools/picture/pageload.h"

#include <glad/gl.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BC1_BLOCK = 4 /* texels a side */, BC1_BYTES = 8 };

/* A row of pages of one mip on its way to the card. Units are texels, or blocks of 4x4 in BC1. */
typedef struct band {
    const pagefile *file;
    const vt_shape *shape;
    vt_texel_format format;
    uint32_t mip, row; /* of pages */
    size_t unit_bytes, row_bytes;
    uint32_t payload, border, columns, lines; /* units: of a page, and of the band */
    uint8_t *units;
    atomic_uint failed; /* pages; relaxed: the crew's end orders it before it is read */
} band;

static uint32_t unit_texels(vt_texel_format format)
{
    return format == VT_TEXEL_BC1 ? BC1_BLOCK : 1;
}

static uint64_t bytes_of(const vt_shape *shape, vt_texel_format format)
{
    const uint64_t texels = (uint64_t)shape->width * shape->height;
    return (format == VT_TEXEL_BC1 ? texels / 2 : texels * 4) * 4 / 3;
}

bool plain_fits(const vt *world)
{
    GLint most = 0;
    const vt_info *info = vt_get_info(world);
    const vt_texel_format format = vt_atlas_format(world, 0);
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &most);
    const bool can = format == VT_TEXEL_RGBA8 || format == info->layers[0].format;
    return can && info->shape.width <= (uint32_t)most && info->shape.height <= (uint32_t)most &&
           bytes_of(&info->shape, format) <= PLAIN_MOST_BYTES;
}

/* One page of the band, on any thread of the crew. */
static void place_page(void *context, uint32_t worker, uint32_t column)
{
    (void)worker;
    band *b = context;
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    const vt_page p = {1, (uint8_t)b->mip, (uint16_t)column, (uint16_t)b->row};
    const pagefile_status status = b->format == VT_TEXEL_RGBA8
                                       ? pageload_rgba(b->file, p, 0, texels)
                                       : pageload_texels(b->file, p, 0, texels);
    if (status != PAGEFILE_OK) {
        atomic_fetch_add_explicit(&b->failed, 1, memory_order_relaxed); /* see the struct */
        return;
    }
    const uint32_t left = column * b->payload, rest = b->columns - left;
    const size_t bytes = (rest < b->payload ? rest : b->payload) * b->unit_bytes;
    const size_t page_row = texel_row_bytes(b->format);
    for (uint32_t y = 0; y < b->lines; y++) {
        memcpy(b->units + y * b->row_bytes + left * b->unit_bytes,
               texels + (y + b->border) * page_row + b->border * b->unit_bytes, bytes);
    }
}

static GLenum internal_format(vt_texel_format format, bool srgb)
{
    if (format == VT_TEXEL_BC1) {
        return srgb ? GL_COMPRESSED_SRGB_S3TC_DXT1_EXT : GL_COMPRESSED_RGB_S3TC_DXT1_EXT;
    }
    return srgb ? GL_SRGB8_ALPHA8 : GL_RGBA8;
}

/* OpenGL's mips round down where ours round up: what is too much is left out. */
static GLsizei mip_side(uint32_t side, uint32_t mip)
{
    return (GLsizei)(side >> mip ? side >> mip : 1);
}

static void upload(GLuint texture, const band *b, bool srgb)
{
    const uint32_t texels = unit_texels(b->format);
    const GLint top = (GLint)(b->row * b->shape->payload);
    const GLsizei width = mip_side(b->shape->width, b->mip);
    const GLsizei height = mip_side(b->shape->height, b->mip);
    const GLsizei left = height - top, lines = (GLsizei)(b->lines * texels);
    const GLsizei high = left < lines ? left : lines;
    if (high <= 0) {
        return;
    }
    if (b->format == VT_TEXEL_BC1) {
        const GLsizei rows = (high + BC1_BLOCK - 1) / BC1_BLOCK;
        glCompressedTextureSubImage2D(texture, (GLint)b->mip, 0, top, width, high,
                                      internal_format(b->format, srgb),
                                      rows * (GLsizei)b->row_bytes, b->units);
    } else {
        glPixelStorei(GL_UNPACK_ROW_LENGTH, (GLint)b->columns);
        glTextureSubImage2D(texture, (GLint)b->mip, 0, top, width, high, GL_RGBA, GL_UNSIGNED_BYTE,
                            b->units);
        glPixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    }
}

/* The units of a mip's row of pages. */
static void lay_out(band *b, uint32_t mip, uint32_t row)
{
    const uint32_t texels = unit_texels(b->format);
    const uint32_t width = page_mip_width(b->shape, mip), height = page_mip_height(b->shape, mip);
    const uint32_t rest = height - row * b->shape->payload;
    const uint32_t high = rest < b->shape->payload ? rest : b->shape->payload;
    b->mip = mip;
    b->row = row;
    b->columns =
        (b->format == VT_TEXEL_BC1 ? (uint32_t)mip_side(b->shape->width, mip) + 3 : width) / texels;
    b->lines = (high + texels - 1) / texels;
    b->row_bytes = b->columns * b->unit_bytes;
}

static void load_mips(band *b, GLuint texture, crew *workers, bool srgb)
{
    progress bar;
    const uint32_t all = page_rows(b->shape, 0) * 2;
    uint32_t done = 0;
    progress_begin(&bar, "plain texture", 2000, false);
    for (uint32_t mip = 0; mip < b->shape->mips; mip++) {
        for (uint32_t row = 0; row < page_rows(b->shape, mip); row++) {
            lay_out(b, mip, row);
            crew_run(workers, page_columns(b->shape, mip), place_page, b);
            upload(texture, b, srgb);
            progress_update(&bar, ++done, all);
        }
    }
    progress_end(&bar);
}

static GLuint make_texture(const vt *world, vt_texel_format format)
{
    const vt_info *info = vt_get_info(world);
    GLuint name = 0;
    glCreateTextures(GL_TEXTURE_2D, 1, &name);
    glTextureStorage2D(name, (GLsizei)info->shape.mips,
                       internal_format(format, info->layers[0].srgb), (GLsizei)info->shape.width,
                       (GLsizei)info->shape.height);
    glTextureParameteri(name, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_LINEAR);
    glTextureParameteri(name, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    glTextureParameteri(name, GL_TEXTURE_WRAP_S, info->wrap_x ? GL_REPEAT : GL_CLAMP_TO_EDGE);
    glTextureParameteri(name, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    const uint32_t anisotropy = vt_get_desc(world)->anisotropy;
    if (anisotropy > 1 && GLAD_GL_EXT_texture_filter_anisotropic) {
        glTextureParameterf(name, GL_TEXTURE_MAX_ANISOTROPY_EXT, (float)anisotropy);
    }
    return name;
}

/* Opens the world's page file once more. NULL: said why. */
static pagefile *open_file(const vt *world, char *error, uint32_t error_bytes)
{
    pagefile *file;
    const pagefile_status status = pagefile_open(vt_get_desc(world)->path, &file);
    if (status == PAGEFILE_OK &&
        pagefile_get_info(file)->identity == vt_get_info(world)->identity) {
        return file;
    }
    (void)snprintf(error, error_bytes, "the plain texture: the page file %s",
                   status == PAGEFILE_OK ? "is another by now" : pagefile_status_text(status));
    pagefile_close(file);
    return NULL;
}

/* 0: said why. */
static GLuint load(const vt *world, const pagefile *file, char *error, uint32_t error_bytes)
{
    const vt_info *info = vt_get_info(world);
    const vt_texel_format format = vt_atlas_format(world, 0);
    const uint32_t texels = unit_texels(format);
    band b = {.file = file,
              .shape = &info->shape,
              .format = format,
              .unit_bytes = format == VT_TEXEL_BC1 ? BC1_BYTES : 4,
              .payload = info->shape.payload / texels,
              .border = info->shape.border / texels};
    crew *workers = crew_create(0);
    b.units = malloc((size_t)(info->shape.width + BC1_BLOCK) * info->shape.payload * 4);
    if (workers == NULL || b.units == NULL) {
        (void)snprintf(error, error_bytes, "the plain texture: no memory");
        crew_destroy(workers);
        free(b.units);
        return 0;
    }
    GLuint texture = make_texture(world, format);
    load_mips(&b, texture, workers, info->layers[0].srgb);
    crew_destroy(workers);
    free(b.units);
    const unsigned failed = atomic_load_explicit(&b.failed, memory_order_relaxed);
    if (failed > 0) {
        (void)snprintf(error, error_bytes, "the plain texture: %u pages cannot be read", failed);
        glDeleteTextures(1, &texture);
        texture = 0;
    }
    return texture;
}

uint32_t plain_load(const vt *world, char *error, uint32_t error_bytes)
{
    pagefile *file = open_file(world, error, error_bytes);
    const GLuint texture = file != NULL ? load(world, file, error, error_bytes) : 0;
    pagefile_close(file);
    return texture;
}
