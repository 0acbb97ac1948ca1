/* options.h: the command line of megabuddy bake. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_OPTIONS_H
#define MEGABUDDY_TOOLS_BAKE_OPTIONS_H

#include "tools/bake/inputs/heights/heights.h"
#include "tools/bake/writer/pagewriter.h"

/* How a layer is stored. */
typedef struct layer_format {
    vt_texel_format format; /* VT_TEXEL_NONE: bake chooses one by the input */
    pagewriter_packing packing;
} layer_format;

typedef struct options {
    const char *input, *output;
    const char *colour, *heights; /* NULL: none given */
    bool earth, synthetic;
    bool wrap, quiet;
    bool normals; /* a second layer is made from the heights */
    layer_format colour_format, normals_format;
    heights_range range; /* metres of black and white, for heights that come from a picture */
    uint32_t border, width, threads;
    double checkpoint_s;
} options;

/* Reads the command line. False: it is over, as options_read of tools/base says. */
bool bake_options_read(int argc, char **argv, options *o, int *code);

#endif
