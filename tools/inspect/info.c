/* info.c: megabuddy info: what a page file holds, as a table; or a page of it, or a mip, as a PNG.
 */
#include "engine/files/regular.h"
#include "tools/base/options.h"
#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/commands.h"
#include "tools/inspect/info_codecs.h"
#include "tools/picture/pageload.h"
#include "tools/picture/picture.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIP_MAX_TEXELS = 1 << 28, /* of --mip: 1 GiB unpacked */
    CODECS = PAGE_JPEG + 1,
};

typedef struct options {
    const char *path, *output;
    bool page_wanted, mip_wanted, codecs_wanted;
    uint32_t mip, layer;
    uint16_t x, y;  /* of the page */
    uint32_t pages; /* of the sample */
} options;

/* Bytes and pages of one mip. */
typedef struct mip_sum {
    uint64_t bytes;
    uint32_t entries, bad;
    uint32_t codecs[CODECS]; /* entries with each */
} mip_sum;

static int fail(const char *what, pagefile_status status)
{
    const bool system = status == PAGEFILE_CANNOT_OPEN || status == PAGEFILE_READ_FAILED;
    say_error("info: %s: %s%s%s", what, pagefile_status_text(status), system ? ": " : "",
              system ? strerror(errno) : "");
    return EXIT_FAILED;
}

/* ---- the table ---- */

static mip_sum sum_mip(const pagefile *file, uint32_t mip, uint32_t layer)
{
    const vt_shape *shape = &pagefile_get_info(file)->shape;
    const uint32_t columns = page_columns(shape, mip);
    mip_sum sum = {.entries = columns * page_rows(shape, mip)};
    for (uint32_t i = 0; i < sum.entries; i++) {
        const vt_page p = {0, (uint8_t)mip, (uint16_t)(i % columns), (uint16_t)(i / columns)};
        pagefile_entry entry;
        if (pagefile_find(file, p, layer, &entry) != PAGEFILE_OK) {
            sum.bad++;
            continue;
        }
        sum.bytes += entry.bytes;
        sum.codecs[entry.codec]++;
    }
    return sum;
}

static void print_shape(const options *o, const vt_info *info)
{
    const vt_shape *s = &info->shape;
    char file_size[UNITS_TEXT], index_size[UNITS_TEXT];
    say_line(stdout, "%s: %s of %" PRIu32 " x %" PRIu32 " texels%s", o->path,
             info->kind == VT_TERRAIN ? "terrain" : "picture", s->width, s->height,
             info->wrap_x ? ", wraps in x" : "");
    printf("file     version %" PRIu32 ", %s, of which index %s\n", info->version,
           units_format_bytes(info->file_bytes, file_size),
           units_format_bytes(info->index_bytes, index_size));
    printf("pages    %" PRIu32 " in %" PRIu32 " mips, each %d x %d texels: payload %" PRIu32
           ", border %" PRIu32 "; grid %" PRIu32 " x %" PRIu32 "\n",
           page_count(s), s->mips, VT_PAGE_TEXELS, VT_PAGE_TEXELS, s->payload, s->border, s->grid_x,
           s->grid_y);
}

typedef struct heights_range {
    uint32_t width;
    int low, high; /* metres */
} heights_range;

static void widen_range(void *context, uint32_t row, const int16_t *metres)
{
    heights_range *range = context;
    (void)row;
    for (uint32_t i = 0; i < range->width; i++) {
        range->low = metres[i] < range->low ? metres[i] : range->low;
        range->high = metres[i] > range->high ? metres[i] : range->high;
    }
}

static int print_heights(const options *o, const pagefile *file)
{
    const vt_info *info = pagefile_get_info(file);
    heights_range range = {info->heights_width, INT16_MAX, INT16_MIN};
    if (info->heights_width == 0) {
        printf("heights  none\n");
        return EXIT_DONE;
    }
    const pagefile_status status = pagefile_scan_heights(file, widen_range, &range);
    if (status != PAGEFILE_OK) {
        return fail(o->path, status);
    }
    printf("heights  %" PRIu32 " x %" PRIu32 ", from %d to %d metres\n", info->heights_width,
           info->heights_height, range.low, range.high);
    return EXIT_DONE;
}

static void print_mip(const vt_shape *s, uint32_t mip, const mip_sum *sum)
{
    char texels[32], grid[32], bytes[UNITS_TEXT], mean[UNITS_TEXT];
    const uint32_t packed = sum->entries - sum->bad - sum->codecs[PAGE_STORED];
    snprintf(texels, sizeof texels, "%" PRIu32 " x %" PRIu32, page_mip_width(s, mip),
             page_mip_height(s, mip));
    snprintf(grid, sizeof grid, "%" PRIu32 " x %" PRIu32, page_columns(s, mip), page_rows(s, mip));
    printf("  %3" PRIu32 "  %15s  %11s  %8" PRIu32 "  %10s  %10s  %4.0f %%\n", mip, texels, grid,
           sum->entries, units_format_bytes(sum->bytes, bytes),
           units_format_bytes(sum->bytes / sum->entries, mean), 100.0 * packed / sum->entries);
}

/* Prints one layer's mips. Returns how many entries are bad. */
static uint32_t print_layer(const pagefile *file, uint32_t layer)
{
    const vt_info *info = pagefile_get_info(file);
    const vt_layer *l = &info->layers[layer];
    char stored[UNITS_TEXT], unpacked[UNITS_TEXT];
    mip_sum sums[VT_MAX_MIPS], all = {0};
    for (uint32_t mip = 0; mip < info->shape.mips; mip++) {
        sums[mip] = sum_mip(file, mip, layer);
        all.bytes += sums[mip].bytes;
        for (uint32_t i = 0; i < CODECS; i++) {
            all.codecs[i] += sums[mip].codecs[i];
        }
        all.bad += sums[mip].bad;
        all.entries += sums[mip].entries;
    }
    const uint64_t raw = (uint64_t)all.entries * texel_page_bytes(l->format);
    say_line(stdout,
             "layer %" PRIu32 "  %s, %s, %s%s; %s stored, %s unpacked (%.0f %%); pages: %" PRIu32
             " lz4, %" PRIu32 " zstd, %" PRIu32 " jpeg, %" PRIu32 " plain",
             layer, l->name, texel_format_name(l->format), l->srgb ? "sRGB" : "linear",
             l->lossy ? ", lossy" : "", units_format_bytes(all.bytes, stored),
             units_format_bytes(raw, unpacked), 100.0 * (double)all.bytes / (double)raw,
             all.codecs[PAGE_LZ4], all.codecs[PAGE_ZSTD], all.codecs[PAGE_JPEG],
             all.codecs[PAGE_STORED]);
    printf("\n  %3s  %15s  %11s  %8s  %10s  %10s  %6s\n", "mip", "texels", "grid", "pages", "bytes",
           "a page", "packed");
    for (uint32_t mip = 0; mip < info->shape.mips; mip++) {
        print_mip(&info->shape, mip, &sums[mip]);
    }
    return all.bad;
}

static int print_table(const options *o, const pagefile *file)
{
    const vt_info *info = pagefile_get_info(file);
    uint32_t bad = 0;
    print_shape(o, info);
    const int status = print_heights(o, file);
    for (uint32_t layer = 0; layer < info->layer_count; layer++) {
        bad += print_layer(file, layer);
    }
    if (bad > 0) {
        say_error("info: %s: %" PRIu32 " pages lie outside the file", o->path, bad);
        return EXIT_FAILED;
    }
    return status;
}

/* ---- pictures ---- */

static int write_png(const options *o, uint32_t width, uint32_t height, const uint8_t *rgba)
{
    if (!picture_write_png(o->output, width, height, rgba)) {
        say_error("info: %s: %s", o->output, file_text(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static int write_page(const options *o, const pagefile *file)
{
    static uint8_t rgba[TEXEL_PAGE_MAX_BYTES];
    const vt_page page = {0, (uint8_t)o->mip, o->x, o->y};
    const pagefile_status status = pageload_shown(file, page, o->layer, rgba);
    if (status != PAGEFILE_OK) {
        return fail(o->path, status);
    }
    return write_png(o, VT_PAGE_TEXELS, VT_PAGE_TEXELS, rgba);
}

/* Copies the payload of a page to its place in the picture of its mip. */
static void place_page(const vt_shape *s, vt_page p, const uint8_t *page, uint8_t *whole)
{
    const uint32_t width = page_mip_width(s, p.mip), height = page_mip_height(s, p.mip);
    const uint32_t left = p.x * s->payload, top = p.y * s->payload;
    const uint32_t columns = width - left < s->payload ? width - left : s->payload;
    for (uint32_t row = 0; row < s->payload && top + row < height; row++) {
        const size_t from = ((size_t)(row + s->border) * VT_PAGE_TEXELS + s->border) * 4;
        memcpy(whole + ((size_t)(top + row) * width + left) * 4, page + from, (size_t)columns * 4);
    }
}

static int write_mip(const options *o, const pagefile *file)
{
    static uint8_t page[TEXEL_PAGE_MAX_BYTES];
    const vt_shape *s = &pagefile_get_info(file)->shape;
    const uint32_t mip = o->mip;
    const uint64_t texels = (uint64_t)page_mip_width(s, mip) * page_mip_height(s, mip);
    uint8_t *whole = texels <= MIP_MAX_TEXELS ? calloc((size_t)texels, 4) : NULL;
    pagefile_status status = whole != NULL ? PAGEFILE_OK : PAGEFILE_NO_MEMORY;
    const uint32_t columns = page_columns(s, mip), count = columns * page_rows(s, mip);
    for (uint32_t i = 0; i < count && status == PAGEFILE_OK; i++) {
        const vt_page p = {0, (uint8_t)mip, (uint16_t)(i % columns), (uint16_t)(i / columns)};
        status = pageload_shown(file, p, o->layer, page);
        if (status == PAGEFILE_OK) {
            place_page(s, p, page, whole);
        }
    }
    const int done = status != PAGEFILE_OK
                         ? fail(o->path, status)
                         : write_png(o, page_mip_width(s, mip), page_mip_height(s, mip), whole);
    free(whole);
    return done;
}

static int compare_codecs(const options *o, const pagefile *file)
{
    const pagefile_status status =
        info_codecs_print(file, o->layer, o->pages > 0 ? o->pages : INFO_CODECS_PAGES);
    return status == PAGEFILE_OK ? EXIT_DONE : fail(o->path, status);
}

/* ---- what was asked for, and what there is ---- */

/* Says what the world has instead of number `asked` of `most` + 1. */
static int fail_beyond(const options *o, const char *what, uint32_t asked, uint32_t most)
{
    say_error("info: %s: has no %s %" PRIu32 "; the last is %" PRIu32, o->path, what, asked, most);
    return EXIT_FAILED;
}

/* Whether the world has the mip, the page and the layer. */
static int check_asked(const options *o, const pagefile *file)
{
    const vt_info *info = pagefile_get_info(file);
    const vt_shape *s = &info->shape;
    if (o->layer >= info->layer_count) {
        return fail_beyond(o, "layer", o->layer, info->layer_count - 1);
    }
    if ((o->page_wanted || o->mip_wanted) && o->mip >= s->mips) {
        return fail_beyond(o, "mip", o->mip, s->mips - 1);
    }
    if (o->page_wanted && o->x >= page_columns(s, o->mip)) {
        return fail_beyond(o, "column", o->x, page_columns(s, o->mip) - 1);
    }
    if (o->page_wanted && o->y >= page_rows(s, o->mip)) {
        return fail_beyond(o, "row", o->y, page_rows(s, o->mip) - 1);
    }
    return EXIT_DONE;
}

/* ---- the command line ---- */

static bool take_page(void *into, const char *value)
{
    options *o = into;
    uint32_t place[3];
    if (!units_parse_counts(value, ',', 3, 0, UINT16_MAX, place)) {
        return false;
    }
    o->page_wanted = true;
    o->mip = place[0];
    o->x = (uint16_t)place[1];
    o->y = (uint16_t)place[2];
    return true;
}

static bool take_mip(void *into, const char *value)
{
    options *o = into;
    o->mip_wanted = true;
    return units_parse_counts(value, ',', 1, 0, UINT16_MAX, &o->mip);
}

static const option_row ROWS[] = {
    {'p', "page", "M,X,Y", OPTION_TAKEN, .take = take_page, .wrong = "must be MIP,X,Y",
     .help = "the page in column X and row Y of mip M; mip 0 is the finest"},
    {'m', "mip", "M", OPTION_TAKEN, .take = take_mip,
     .wrong = "must be a number; 0 is the finest mip", .help = "all pages of mip M, put together"},
    {'c', "codecs", NULL, OPTION_FLAG, offsetof(options, codecs_wanted),
     .help = "compare formats and codecs over a sample of pages"},
    {'n', "pages", "N", OPTION_COUNT, offsetof(options, pages), .least = 2, .most = UINT16_MAX,
     .help = "how many; default 256"},
    {'l', "layer", "N", OPTION_COUNT, offsetof(options, layer), .most = UINT16_MAX,
     .wrong = "must be a number; 0 is the first layer", .help = "the layer; default 0"},
    {'o', "output", "FILE", OPTION_TEXT, offsetof(options, output), .help = "the PNG"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "info",
    .usage = {"WORLD.mega", "WORLD.mega --page MIP,X,Y -o PAGE.png [--layer N]",
              "WORLD.mega --mip MIP -o MIP.png [--layer N]",
              "WORLD.mega --codecs [--pages N] [--layer N]"},
    .about = "Says what a page file holds; or writes one page, border and all, or a whole mip, as "
             "a PNG; or compares what the formats and codecs would make of it: bytes, decibels, "
             "rates.",
    .rows = ROWS,
    .end = "Exit codes: 0 done, 1 failed, 2 wrong usage.",
    .surplus = "give one page file",
    .operand_at = offsetof(options, path),
};

/* Whether the options go together. */
static int check_options(const options *o)
{
    if (o->path == NULL) {
        return options_refuse(&TABLE, "input", "give one page file");
    }
    if (o->page_wanted + o->mip_wanted + o->codecs_wanted > 1) {
        return options_refuse(&TABLE, "--page, --mip and --codecs", "do not go together");
    }
    if (o->pages > 0 && !o->codecs_wanted) {
        return options_refuse(&TABLE, "--pages", "goes with --codecs");
    }
    if ((o->page_wanted || o->mip_wanted) != (o->output != NULL)) {
        return options_refuse(&TABLE, "--output", "goes with --page or --mip, and they with it");
    }
    return EXIT_DONE;
}

int info_main(int argc, char **argv)
{
    options o = {0};
    pagefile *file = NULL;
    int done;
    if (!options_read(&TABLE, argc, argv, &o, &done)) {
        return done;
    }
    done = check_options(&o);
    if (done != EXIT_DONE) {
        return done;
    }
    const pagefile_status status = pagefile_open(o.path, &file);
    if (status != PAGEFILE_OK) {
        return fail(o.path, status);
    }
    done = check_asked(&o, file);
    if (done != EXIT_DONE) {
        /* said */
    } else if (o.page_wanted) {
        done = write_page(&o, file);
    } else if (o.codecs_wanted) {
        done = compare_codecs(&o, file);
    } else {
        done = o.mip_wanted ? write_mip(&o, file) : print_table(&o, file);
    }
    pagefile_close(file);
    return done;
}
