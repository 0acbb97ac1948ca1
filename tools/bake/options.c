/* options.c: the table of the options of megabuddy bake, the functions that read their values, and
 * which options go together. */
#include "tools/bake/options.h"

#include "tools/base/options.h"
#include "tools/base/units.h"
#include "tools/commands.h"

#include <string.h>

enum {
    DEFAULT_BORDER = 4,
    DEFAULT_WIDTH = 16384, /* of --earth and --synthetic */
};

#define DEFAULT_CHECKPOINT_S 20.0

/* ---- formats ---- */

/* Splits "zstd:19" into the word and the level, which is 0 where there is none. False: the word is
 * too long, or the level is not from 1 to `most`. */
static bool split_level(const char *text, char word[16], uint32_t most, int *level)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    uint64_t value = 0;
    if (length >= 16 || (colon != NULL && !units_parse_count(colon + 1, 1, most, &value))) {
        return false;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    *level = (int)value;
    return true;
}

#define LZ4HC_LEVEL 9 /* where the text names none */

/* "none", "lz4", "lz4hc:9", "zstd:19". */
static bool parse_packing(const char *text, pagewriter_packing *out)
{
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

/* "bc1", "bc1+zstd:19", "jpeg:80": a texel format and how its pages are packed. */
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

/* Functions take_… read the value of one option into `into`, which is the options struct. False:
 * the value is wrong, and the table's row says what it must be. */
static bool take_width(void *into, const char *value)
{
    options *o = into;
    uint64_t width;
    if (!units_parse_count(value, 256, 131072, &width) || width % 64 != 0) {
        return false;
    }
    o->width = (uint32_t)width;
    return true;
}

static bool take_border(void *into, const char *value)
{
    options *o = into;
    uint64_t border;
    if (!units_parse_count(value, 4, 8, &border) || (border != 4 && border != 8)) {
        return false;
    }
    o->border = (uint32_t)border;
    return true;
}

static bool take_range(void *into, const char *value)
{
    options *o = into;
    double metres[2];
    if (!units_parse_reals(value, ',', 2, -32000, 32000, metres)) {
        return false;
    }
    o->range = (heights_range){(float)metres[0], (float)metres[1]};
    return o->range.low < o->range.high;
}

static bool take_format(void *into, const char *value)
{
    options *o = into;
    return parse_format(value, &o->colour_format);
}

static bool take_no_lz4(void *into, const char *value)
{
    options *o = into;
    (void)value;
    o->colour_format.packing = (pagewriter_packing){PAGE_STORED, 0};
    return true;
}

static bool take_normals(void *into, const char *value)
{
    options *o = into;
    o->normals = true;
    o->normals_format = (layer_format){VT_TEXEL_BC5, {PAGE_LZ4, 0}};
    return value == NULL || (parse_format(value, &o->normals_format) &&
                             (o->normals_format.format == VT_TEXEL_BC5 ||
                              o->normals_format.format == VT_TEXEL_RGBA8) &&
                             o->normals_format.packing.codec != PAGE_JPEG);
}

static const option_row ROWS[] = {
    {'o', "output", "FILE", OPTION_TEXT, offsetof(options, output),
     .help = "the page file; replaced only when the new one is complete; a symbolic link is "
             "followed"},
    {0, "earth", NULL, OPTION_FLAG, offsetof(options, earth),
     .help = "the Earth: a world map, and below what it shows detail made from its colours, "
             "heights and noise"},
    {0, "colour", "FILE", OPTION_TEXT, offsetof(options, colour),
     .help = "… its picture: equirectangular, -180 degrees at the left; default: the one of "
             "Debian's gpredict, where tools/demo has put it"},
    {0, "heights", "FILE", OPTION_TEXT, offsetof(options, heights),
     .help = "… its heights: ETOPO5 as netCDF; default: of Debian's ferret-datasets\n"
             "With a picture: makes it a terrain; a grey PNG or TIFF of 8 or 16 bits, or netCDF. "
             "Where the file says that it has none, holes are filled from around them, and what "
             "reaches its edge is sea, at 0"},
    {0, "height-range", "A,B", OPTION_TAKEN, .take = take_range,
     .wrong = "must be LOW,HIGH in metres",
     .help = "metres of black and white in a PNG or TIFF; default 0,8848"},
    {0, "normals", "[=F]", OPTION_TAKEN, .take = take_normals,
     .wrong = "must be bc5 or rgba8, and +none, +lz4, +lz4hc or +zstd",
     .help = "a second layer, of normals made from the heights; default bc5+lz4"},
    {0, "synthetic", NULL, OPTION_FLAG, offsetof(options, synthetic),
     .help = "a made-up world, for which nothing is needed"},
    {0, "width", "N", OPTION_TAKEN, .take = take_width,
     .wrong = "must be a multiple of 64 from 256 to 131072",
     .help = "texels across of --earth and --synthetic, twice the height; a multiple of 64 from "
             "256 to 131072; default 16384"},
    {0, "format", "F[+P]", OPTION_TAKEN, .take = take_format,
     .wrong = "must be rgba8, bc1, bc3, bc4 or bc5, then +none, +lz4, +lz4hc or +zstd; or jpeg",
     .help = "how texels are stored: rgba8, bc1, bc3 (with alpha), bc4 (red), bc5 (red and "
             "green), or jpeg[:QUALITY]; and packed: none, lz4, lz4hc[:LEVEL] or zstd[:LEVEL]; "
             "default bc1+lz4, bc3+lz4 for a picture with alpha"},
    {0, "no-lz4", NULL, OPTION_TAKEN, .take = take_no_lz4, .help = "the same as +none"},
    {0, "border", "N", OPTION_TAKEN, .take = take_border, .wrong = "must be 4 or 8",
     .help = "texels round a page, 4 or 8; default 4"},
    {0, "wrap", NULL, OPTION_FLAG, offsetof(options, wrap),
     .help = "the picture's left edge continues at its right one"},
    {0, "threads", "N", OPTION_COUNT, offsetof(options, threads), .least = 1, .most = 256,
     .help = "threads to work on; default: one a processor"},
    {0, "checkpoint", "S", OPTION_REAL, offsetof(options, checkpoint_s), .most = 86400,
     .wrong = "must be from 0 to 86400 seconds", .help = "seconds between checkpoints; default 20"},
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(options, quiet), .help = "no progress, no summary"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "bake",
    .usage = {"PICTURE -o WORLD.mega [OPTION]…", "--earth -o WORLD.mega [OPTION]…",
              "--synthetic -o WORLD.mega [OPTION]…"},
    .about =
        "Makes a page file: every mip of the picture, cut into pages with their neighbours' "
        "border.\n"
        "PICTURE is read row by row where it is a JPEG, PNG or TIFF (BigTIFF, 8 and 16 bits), so "
        "that it may be larger than memory, and as a whole where it is a BMP, TGA, PSD, GIF, HDR "
        "or PNM. It may be a mosaic: a name with {x} and {y}, as in tiles/tile_{x}_{y}.png, or a "
        "folder of tile_{x}_{y}.png, .jpg or .tif. Up to 245760 texels a side. What lies turned "
        "in its file (Exif, TIFF) comes as it is to be seen.",
    .rows = ROWS,
    .end = "The file is the same byte for byte whatever the number of threads. A bake that is "
           "killed leaves what it has done in WORLD.mega.part, and the same command goes on from "
           "the last checkpoint. Ctrl-C keeps such work too once there is a checkpoint of it, and "
           "before that leaves nothing behind.\nExit codes: 0 done, 1 failed or interrupted, 2 "
           "wrong usage.",
    .surplus = "more than one picture given; one world is baked from one, or from a mosaic",
    .operand_at = offsetof(options, input),
};

static int refuse(const char *what, const char *why)
{
    return options_refuse(&TABLE, what, why);
}

/* Prints what is wrong with options that do not go together; returns the exit code. */
static int check_options(const options *o)
{
    const bool made = o->earth || o->synthetic;
    if (o->earth && o->synthetic) {
        return refuse("--earth", "does not go with --synthetic");
    }
    if (made && o->input != NULL) {
        return refuse(o->input, "an input picture does not go with --earth or --synthetic");
    }
    if (!made && o->input == NULL) {
        return refuse("input", "no picture given");
    }
    if (o->output == NULL || *o->output == '\0') {
        return refuse("output", "no page file given; -o WORLD.mega");
    }
    if (!o->earth && o->colour != NULL) {
        return refuse("--colour", "goes with --earth only");
    }
    if (o->synthetic && o->heights != NULL) {
        return refuse("--heights", "does not go with --synthetic");
    }
    if (o->normals && !made && o->heights == NULL) {
        return refuse("--normals", "needs --heights");
    }
    if (!made && o->width != 0) {
        return refuse("--width", "goes with --earth or --synthetic only");
    }
    return EXIT_DONE;
}

bool bake_options_read(int argc, char **argv, options *o, int *code)
{
    *o = (options){
        .colour_format = {VT_TEXEL_NONE, {PAGE_LZ4, 0}},
        .range = {0, 8848},
        .border = DEFAULT_BORDER,
        .checkpoint_s = DEFAULT_CHECKPOINT_S,
    };
    if (!options_read(&TABLE, argc, argv, o, code)) {
        return false;
    }
    *code = check_options(o);
    if (o->width == 0) {
        o->width = DEFAULT_WIDTH;
    }
    return *code == EXIT_DONE;
}
