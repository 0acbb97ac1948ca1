/* options.h: the command line of megabuddy bake. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_OPTIONS_H
#define MEGABUDDY_TOOLS_BAKE_OPTIONS_H

#include "tools/bake/inputs/heights/heights.h"
#include "tools/bake/writer/pagewriter.h"

/* How a layer is stored. */
typedef struct layer_format {
    vt_texel_format format; /* VT_TEXEL_NONE: what suits the input */
    pagewriter_packing packing;
} layer_format;

typedef struct options {
    const char *input, *output;
    const char *colour, *heights; /* NULL: none given */
    bool earth, synthetic;
    bool wrap, quiet;
    bool normals; /* a second layer */
    layer_format colour_format, normals_format;
    heights_range range; /* of heights from a picture */
    uint32_t border, width, threads;
    double checkpoint_s;
} options;

/* Reads the command line. *asked_help: the text was printed, nothing else is to be done. Returns an
 * exit code, after a line on stderr where it is not EXIT_DONE. */
int bake_options_parse(int argc, char **argv, options *o, bool *asked_help);

#endif
