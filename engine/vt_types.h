/* vt_types.h: what a virtual texture is made of: its shape, its layers, its pages. vt.h includes
 * this.
 *
 * A virtual texture is a pyramid of mips, each cut into square pages. A page has VT_PAGE_TEXELS
 * texels a side: a payload in the middle and a border all round, which repeats the neighbours'
 * texels. Mip 0 is the finest; the last mip is a single page. */
#ifndef MEGABUDDY_ENGINE_VT_TYPES_H
#define MEGABUDDY_ENGINE_VT_TYPES_H

#include "vt_shared.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VT_MAX_MIPS = VT_ID_X_BITS + 1, /* 2048 pages a side at mip 0 to 1 at mip 11 */
    VT_NAME_BYTES = 12,             /* of a layer, NUL included */
};

/* One page of one virtual texture. */
typedef struct vt_page {
    uint8_t texture; /* from 1; 0: no page */
    uint8_t mip;     /* 0 is the finest */
    uint16_t x, y;   /* pages */
} vt_page;

/* The shape of one virtual texture. */
typedef struct vt_shape {
    uint32_t width, height;   /* texels at mip 0 */
    uint32_t border, payload; /* texels; payload == VT_PAGE_TEXELS - 2 * border */
    uint32_t grid_x, grid_y;  /* pages at mip 0, padded to powers of two */
    uint32_t mips;            /* 1 … VT_MAX_MIPS */
    /* Pages are numbered row by row, the finest mip first. This has the number of each mip's page
     * (0, 0), and at [mips] how many pages there are. */
    uint32_t first_page[VT_MAX_MIPS + 1];
} vt_shape;

/* How texels are laid out. Values are part of the page file: never renumber. */
typedef enum vt_texel_format {
    VT_TEXEL_NONE = 0,
    VT_TEXEL_RGBA8 = 1, /* 4 bytes a texel, rows top down */
    VT_TEXEL_BC1 = 2,   /* 8 bytes a BC block of 4x4 texels, rows of them top down */
    VT_TEXEL_BC5 = 3,   /* 16 bytes a BC block; two channels: a normal's x and y */
    VT_TEXEL_BC3 = 4,   /* 16 bytes a BC block; colours as in BC1, and an alpha for each texel */
    VT_TEXEL_BC4 = 5,   /* 8 bytes a BC block; one channel: heights or masks */
} vt_texel_format;

/* Values are part of the page file: never renumber. */
typedef enum vt_kind { VT_PICTURE = 0, VT_TERRAIN = 1 } vt_kind;

typedef struct vt_layer {
    vt_texel_format format;   /* of the texels, once unpacked */
    bool srgb;                /* whether RGB is sRGB-encoded */
    char name[VT_NAME_BYTES]; /* "albedo", …; NUL-terminated */
    bool lossy; /* its RGBA8 texels were JPEG: they are opaque, and BC1 loses less than JPEG did */
} vt_layer;

/* What a page file says of its virtual texture. */
typedef struct vt_info {
    uint32_t version; /* of the file: 1 or 2 */
    vt_shape shape;
    vt_kind kind;
    bool wrap_x; /* the left edge continues at the right one, as on a globe */
    uint32_t layer_count;
    vt_layer layers[VT_MAX_LAYERS];
    uint32_t heights_width, heights_height; /* 0: no heights */
    uint64_t file_bytes;
    uint64_t index_bytes;
    /* The header's crc32c. The header holds the index's, and the index every page's, so worlds that
     * differ in any page differ in this. */
    uint32_t identity;
} vt_info;

/* Finds one of OpenGL's functions by its name; NULL: there is none. glfwGetProcAddress is one,
 * eglGetProcAddress another. */
typedef void (*vt_get_proc_address(const char *name))(void);

#endif
