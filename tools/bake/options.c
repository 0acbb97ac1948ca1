/* options.c: what the command line may say, and what of it goes together. */
#include "tools/bake/options.h"

#include "tools/base/say.h"
#include "tools/commands.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_BORDER = 4,
    DEFAULT_WIDTH = 16384, /* of --earth and --synthetic */
    MAX_THREADS = 256,
};

static const double DEFAULT_CHECKPOINT_S = 20;

static const char USAGE[] =
    "usage: megabuddy bake PICTURE -o WORLD.mega [OPTION]…\n"
    "       megabuddy bake --earth -o WORLD.mega [OPTION]…\n"
    "       megabuddy bake --synthetic -o WORLD.mega [OPTION]…\n"
    "\n"
    "Makes a page file: every mip of the picture, cut into pages with their neighbours' border.\n"
    "\n"
    "PICTURE is read row by row where it is a JPEG, PNG or TIFF (BigTIFF, 8 and 16 bits), so that\n"
    "it may be larger than memory, and as a whole where it is a BMP, TGA, PSD, GIF, HDR or PNM.\n"
    "It may be a mosaic: a name with {x} and {y}, as in tiles/tile_{x}_{y}.png, or a folder of\n"
    "tile_{x}_{y}.png, .jpg or .tif. Up to 245760 texels a side. What lies turned in its file "
    "(Exif,\n"
    "TIFF) comes as it is to be seen.\n"
    "\n"
    "  -o, --output FILE    the page file; replaced only when the new one is complete; a symbolic\n"
    "                       link is followed\n"
    "      --earth          the Earth: a world map, and below what it shows detail made from its\n"
    "                       colours, heights and noise\n"
    "      --colour FILE    … its picture: equirectangular, -180 degrees at the left; default: "
    "the\n"
    "                       one of Debian's gpredict, where tools/demo has put it\n"
    "      --heights FILE   … its heights: ETOPO5 as netCDF; default: of Debian's ferret-datasets\n"
    "      --synthetic      a made-up world, for which nothing is needed\n"
    "      --width N        texels across of --earth and --synthetic, twice the height; a "
    "multiple\n"
    "                       of 64 from 256 to 131072; default 16384\n"
    "      --heights FILE   with a picture: makes it a terrain; a grey PNG or TIFF of 8 or 16 "
    "bits,\n"
    "                       or netCDF. Where the file says that it has none, holes are filled "
    "from\n"
    "                       around them, and what reaches its edge is sea, at 0\n"
    "      --height-range A,B  metres of black and white in a PNG or TIFF; default 0,8848\n"
    "      --normals[=F]    a second layer, of normals made from the heights; default bc5+lz4\n"
    "      --format F[+P]   how texels are stored: rgba8, bc1, bc3 (with alpha), bc4 (red), bc5 "
    "(red\n"
    "                       and green), or jpeg[:QUALITY]; and packed: none, lz4, lz4hc[:LEVEL] "
    "or\n"
    "                       zstd[:LEVEL]; default bc1+lz4, bc3+lz4 for a picture with alpha\n"
    "      --no-lz4         the same as +none\n"
    "      --border N       texels round a page, 4 or 8; default 4\n"
    "      --wrap           the picture's left edge continues at its right one\n"
    "      --threads N      threads to work on; default: one a processor\n"
    "      --checkpoint S   seconds between checkpoints; default 20\n"
    "  -q, --quiet          no progress, no summary\n"
    "  -h, --help           this text\n"
    "\n"
    "The file is the same byte for byte whatever the number of threads. A bake that is killed "
    "leaves\n"
    "what it has done in WORLD.mega.part, and the same command goes on from the last checkpoint.\n"
    "Ctrl-C keeps such work too once there is a checkpoint of it, and before that leaves nothing\n"
    "behind. Exit codes: 0 done, 1 failed or interrupted, 2 wrong usage.\n";

static int fail_usage(const char *what, const char *why)
{
    say_error("bake: %s: %s (megabuddy bake --help says more)", what, why);
    return EXIT_USAGE;
}

static bool parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
    char *end = NULL;
    if (*text < '0' || *text > '9') { /* strtoul would take a sign or a blank */
        return false;
    }
    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < least || value > most) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

/* ---- formats ---- */

/* "zstd:19" in two: the word, and a level that is 0 where there is none. */
static bool split_level(const char *text, char word[16], uint32_t most, int *level)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    uint32_t value = 0;
    if (length >= 16 || (colon != NULL && !parse_number(colon + 1, 1, most, &value))) {
        return false;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    *level = (int)value;
    return true;
}

static bool parse_packing(const char *text, pagewriter_packing *out)
{
    enum { LZ4HC_LEVEL = 9 };
    char word[16];
    int level = 0;
    if (strcmp(text, "none") == 0) {
        *out = (pagewriter_packing){PAGE_STORED, 0};
    } else if (strcmp(text, "lz4") == 0) {
        *out = (pagewriter_packing){PAGE_LZ4, 0};
    } else if (split_level(text, word, 12, &level) && strcmp(word, "lz4hc") == 0) {
        *out = (pagewriter_packing){PAGE_LZ4, level > 0 ? level : LZ4HC_LEVEL};
    } else if (split_level(text, word, 19, &level) && strcmp(word, "zstd") == 0) {
        *out = (pagewriter_packing){PAGE_ZSTD, level};
    } else {
        return false;
    }
    return true;
}

/* "bc1", "bc1+zstd:19", "jpeg:80". */
static bool parse_format(const char *text, layer_format *out)
{
    static const vt_texel_format FORMATS[] = {VT_TEXEL_RGBA8, VT_TEXEL_BC1, VT_TEXEL_BC3,
                                              VT_TEXEL_BC4, VT_TEXEL_BC5};
    char word[32];
    const char *plus = strchr(text, '+');
    const size_t length = plus != NULL ? (size_t)(plus - text) : strlen(text);
    int quality = 0;
    if (length >= sizeof word) {
        return false;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    if (split_level(text, word, 100, &quality) && strcmp(word, "jpeg") == 0) {
        *out = (layer_format){VT_TEXEL_RGBA8, {PAGE_JPEG, quality}};
        return true;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        if (strcmp(word, texel_format_name(FORMATS[i])) == 0) {
            *out = (layer_format){FORMATS[i], {PAGE_LZ4, 0}};
            return plus == NULL || parse_packing(plus + 1, &out->packing);
        }
    }
    return false;
}

/* ---- options ---- */

enum { OPT_EARTH = 256, OPT_COLOUR, OPT_HEIGHTS, OPT_RANGE, OPT_NORMALS, OPT_SYNTHETIC, OPT_WIDTH };
enum { OPT_BORDER = 512, OPT_FORMAT, OPT_NO_LZ4, OPT_WRAP, OPT_THREADS, OPT_CHECKPOINT };

static const struct option LONG_OPTIONS[] = {
    {"output", required_argument, NULL, 'o'},
    {"earth", no_argument, NULL, OPT_EARTH},
    {"colour", required_argument, NULL, OPT_COLOUR},
    {"heights", required_argument, NULL, OPT_HEIGHTS},
    {"height-range", required_argument, NULL, OPT_RANGE},
    {"normals", optional_argument, NULL, OPT_NORMALS},
    {"synthetic", no_argument, NULL, OPT_SYNTHETIC},
    {"width", required_argument, NULL, OPT_WIDTH},
    {"border", required_argument, NULL, OPT_BORDER},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"no-lz4", no_argument, NULL, OPT_NO_LZ4},
    {"wrap", no_argument, NULL, OPT_WRAP},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"checkpoint", required_argument, NULL, OPT_CHECKPOINT},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool parse_range(const char *text, heights_range *out)
{
    char *end = NULL;
    out->low = strtof(text, &end);
    if (end == text || *end != ',') {
        return false;
    }
    const char *second = end + 1;
    out->high = strtof(second, &end);
    return end != second && *end == '\0' && fabsf(out->low) <= 32000 && fabsf(out->high) <= 32000 &&
           out->low < out->high;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end = NULL;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out <= 86400;
}

static int take_normals(const char *value, options *o)
{
    o->normals = true;
    o->normals_format = (layer_format){VT_TEXEL_BC5, {PAGE_LZ4, 0}};
    if (value != NULL &&
        (!parse_format(value, &o->normals_format) ||
         (o->normals_format.format != VT_TEXEL_BC5 && o->normals_format.format != VT_TEXEL_RGBA8) ||
         o->normals_format.packing.codec == PAGE_JPEG)) {
        return fail_usage("--normals", "must be bc5 or rgba8, and +none, +lz4, +lz4hc or +zstd");
    }
    return EXIT_DONE;
}

/* Options with a value that can be wrong. Returns EXIT_DONE when it is right. */
static int take_value(int option, const char *value, options *o)
{
    switch (option) {
    case OPT_WIDTH:
        if (!parse_number(value, 256, 131072, &o->width) || o->width % 64 != 0) {
            return fail_usage("--width", "must be a multiple of 64 from 256 to 131072");
        }
        return EXIT_DONE;
    case OPT_BORDER:
        if (!parse_number(value, 4, 8, &o->border) || (o->border != 4 && o->border != 8)) {
            return fail_usage("--border", "must be 4 or 8");
        }
        return EXIT_DONE;
    case OPT_THREADS:
        if (!parse_number(value, 1, MAX_THREADS, &o->threads)) {
            return fail_usage("--threads", "must be from 1 to 256");
        }
        return EXIT_DONE;
    case OPT_FORMAT:
        return parse_format(value, &o->colour_format)
                   ? EXIT_DONE
                   : fail_usage("--format",
                                "must be rgba8, bc1, bc3, bc4 or bc5, then +none, +lz4, "
                                "+lz4hc or +zstd; or jpeg");
    case OPT_NORMALS:
        return take_normals(value, o);
    case OPT_RANGE:
        return parse_range(value, &o->range)
                   ? EXIT_DONE
                   : fail_usage("--height-range", "must be LOW,HIGH in metres");
    case OPT_CHECKPOINT:
        return parse_seconds(value, &o->checkpoint_s)
                   ? EXIT_DONE
                   : fail_usage("--checkpoint", "must be from 0 to 86400 seconds");
    default:
        return EXIT_USAGE; /* not reached: take_option has dealt with it */
    }
}

static int take_option(int option, const char *value, options *o)
{
    switch (option) {
    case 'o':
        o->output = value;
        return EXIT_DONE;
    case 'q':
        o->quiet = true;
        return EXIT_DONE;
    case OPT_EARTH:
        o->earth = true;
        return EXIT_DONE;
    case OPT_COLOUR:
        o->colour = value;
        return EXIT_DONE;
    case OPT_HEIGHTS:
        o->heights = value;
        return EXIT_DONE;
    case OPT_SYNTHETIC:
        o->synthetic = true;
        return EXIT_DONE;
    case OPT_NO_LZ4:
        o->colour_format.packing = (pagewriter_packing){PAGE_STORED, 0};
        return EXIT_DONE;
    case OPT_WRAP:
        o->wrap = true;
        return EXIT_DONE;
    default:
        return take_value(option, value, o);
    }
}

/* Whether the options go together. */
static int check_options(const options *o, int inputs)
{
    const bool made = o->earth || o->synthetic;
    if (o->earth && o->synthetic) {
        return fail_usage("--earth", "does not go with --synthetic");
    }
    if (made && inputs > 0) {
        return fail_usage(o->input, "an input picture does not go with --earth or --synthetic");
    }
    if (!made && inputs == 0) {
        return fail_usage("input", "no picture given");
    }
    if (inputs > 1) {
        return fail_usage("input", "more than one picture given; one world is baked from one, or "
                                   "from a mosaic");
    }
    if (o->output == NULL || *o->output == '\0') {
        return fail_usage("output", "no page file given; -o WORLD.mega");
    }
    if (!o->earth && o->colour != NULL) {
        return fail_usage("--colour", "goes with --earth only");
    }
    if (o->synthetic && o->heights != NULL) {
        return fail_usage("--heights", "does not go with --synthetic");
    }
    if (o->normals && !made && o->heights == NULL) {
        return fail_usage("--normals", "needs --heights");
    }
    if (!made && o->width != 0) {
        return fail_usage("--width", "goes with --earth or --synthetic only");
    }
    return EXIT_DONE;
}

int bake_options_parse(int argc, char **argv, options *o, bool *asked_help)
{
    int option = 0;
    *o = (options){
        .colour_format = {VT_TEXEL_NONE, {PAGE_LZ4, 0}},
        .range = {0, 8848},
        .border = DEFAULT_BORDER,
        .checkpoint_s = DEFAULT_CHECKPOINT_S,
    };
    *asked_help = false;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:qh", LONG_OPTIONS, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return fail_usage(argv[optind - 1], option == ':' ? "needs a value" : "no such option");
        }
        if (option == 'h') {
            fputs(USAGE, stdout);
            *asked_help = true;
            return EXIT_DONE;
        }
        const int status = take_option(option, optarg, o);
        if (status != EXIT_DONE) {
            return status;
        }
    }
    o->input = argv[optind]; /* NULL when there is none */
    const int status = check_options(o, argc - optind);
    if (status == EXIT_DONE && o->width == 0) {
        o->width = DEFAULT_WIDTH;
    }
    return status;
}
