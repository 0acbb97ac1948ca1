/* info_codecs.c: a sample of pages goes through every format and packing there is.
 *
 *     page ─▶ RGBA8 ─▶ format ─▶ packing ─▶ bytes        dB: RGBA8 again, beside what it was
 */
#include "tools/inspect/info_codecs.h"

#include "tools/base/clock.h"
#include "tools/base/progress.h"
#include "tools/base/units.h"
#include "tools/picture/pageload.h"

#include "engine/texels/convert.h"
#include "engine/texels/unpack.h"
#include "tools/bake/writer/pagewriter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 3, BAR_DELAY_MS = 2000 };

typedef struct packing {
    const char *name;
    pagewriter_packing how;
} packing;

static const packing PACKINGS[] = {
    {"none", {PAGE_STORED, 0}}, {"lz4", {PAGE_LZ4, 0}},       {"lz4hc:9", {PAGE_LZ4, 9}},
    {"zstd:3", {PAGE_ZSTD, 3}}, {"zstd:19", {PAGE_ZSTD, 19}},
};
static const packing JPEGS[] = {{"jpeg:75", {PAGE_JPEG, 75}}, {"jpeg:90", {PAGE_JPEG, 90}}};

enum {
    PACKING_COUNT = sizeof PACKINGS / sizeof PACKINGS[0],
    JPEG_COUNT = sizeof JPEGS / sizeof JPEGS[0],
};

/* A format, and the channels that it keeps. */
typedef struct format {
    vt_texel_format format;
    uint32_t channels;
    const char *kept;
} format;

static const format FORMATS[] = {
    {VT_TEXEL_RGBA8, 4, "rgba"}, {VT_TEXEL_BC1, 3, "rgb"}, {VT_TEXEL_BC3, 4, "rgba"},
    {VT_TEXEL_BC5, 2, "rg"},     {VT_TEXEL_BC4, 1, "r"},
};

#define FORMAT_COUNT ((int)(sizeof FORMATS / sizeof FORMATS[0]))

/* The pages looked at, in each of their shapes. */
typedef struct sample {
    const pagefile *file;
    uint32_t count;
    uint32_t finest; /* how many of them are of mip 0: they come first */
    uint64_t world_pages, finest_pages;
    bool opaque;               /* all of them: then alpha does not count */
    uint8_t *rgba;             /* as the file has them */
    uint8_t *texels;           /* in the format at hand */
    pagewriter_packed *packed; /* in the packing at hand */
    packer *pack;
    unpacker *unpack;
    progress bar;
    uint32_t rows_done, rows;
} sample;

/* What is measured of one row of the table. */
typedef struct figures {
    double bytes, world;   /* a page, and all of them */
    double db;             /* INFINITY: exact */
    double packs, unpacks; /* pages a second; packing includes the way from RGBA8 */
} figures;

static uint8_t *page_at(uint8_t *pages, uint32_t i)
{
    return pages + (size_t)i * TEXEL_PAGE_MAX_BYTES;
}

/* ---- the sample ---- */

static vt_page page_of_number(const vt_shape *s, uint32_t number)
{
    uint32_t mip = 0, first = 0;
    while (number - first >= page_columns(s, mip) * page_rows(s, mip)) {
        first += page_columns(s, mip) * page_rows(s, mip);
        mip++;
    }
    const uint32_t columns = page_columns(s, mip);
    return (vt_page){0, (uint8_t)mip, (uint16_t)((number - first) % columns),
                     (uint16_t)((number - first) / columns)};
}

/* Page i of the sample: all of them, or p->finest of mip 0 and the others from the rest, evenly. */
static vt_page choose(const sample *p, uint32_t i)
{
    const vt_shape *s = &pagefile_get_info(p->file)->shape;
    const uint64_t finest = p->finest_pages, others = p->world_pages - finest;
    const uint64_t number = i < p->finest
                                ? i * finest / p->finest
                                : finest + (i - p->finest) * others / (p->count - p->finest);
    return page_of_number(s, (uint32_t)number);
}

static pagefile_status load(sample *p, uint32_t layer)
{
    for (uint32_t i = 0; i < p->count; i++) {
        const pagefile_status status =
            pageload_rgba(p->file, choose(p, i), layer, page_at(p->rgba, i));
        if (status != PAGEFILE_OK) {
            return status;
        }
    }
    p->opaque = true;
    for (size_t i = 3; i < (size_t)p->count * TEXEL_PAGE_MAX_BYTES; i += 4) {
        p->opaque = p->opaque && p->rgba[i] == 255;
    }
    return PAGEFILE_OK;
}

static pagefile_status open_sample(sample *p, const pagefile *file, uint32_t pages)
{
    const vt_shape *s = &pagefile_get_info(file)->shape;
    const uint32_t all = page_count(s), finest = page_columns(s, 0) * page_rows(s, 0);
    *p = (sample){.file = file,
                  .count = pages < all ? pages : all,
                  .world_pages = all,
                  .finest_pages = finest};
    p->finest = p->count == all || finest == all ? p->count * (uint64_t)finest / all : p->count / 2;
    p->rows = FORMAT_COUNT * PACKING_COUNT + JPEG_COUNT;
    p->rgba = malloc((size_t)p->count * TEXEL_PAGE_MAX_BYTES);
    p->texels = malloc((size_t)p->count * TEXEL_PAGE_MAX_BYTES);
    p->packed = calloc(p->count, sizeof *p->packed);
    p->pack = packer_create();
    p->unpack = unpacker_create();
    return p->rgba != NULL && p->texels != NULL && p->packed != NULL && p->pack != NULL &&
                   p->unpack != NULL
               ? PAGEFILE_OK
               : PAGEFILE_NO_MEMORY;
}

static void drop_packed(sample *p)
{
    for (uint32_t i = 0; i < p->count && p->packed != NULL; i++) {
        free(p->packed[i].data);
        p->packed[i].data = NULL;
    }
}

static void close_sample(sample *p)
{
    drop_packed(p);
    free(p->rgba);
    free(p->texels);
    free(p->packed);
    packer_destroy(p->pack);
    unpacker_destroy(p->unpack);
}

/* ---- measuring ---- */

/* Squares of differences of the payload's texels; *values counts them. */
static double squares_off(const vt_shape *s, const uint8_t *was, const uint8_t *is,
                          uint32_t channels, double *values)
{
    double sum = 0;
    for (uint32_t y = s->border; y < s->border + s->payload; y++) {
        for (uint32_t x = s->border; x < s->border + s->payload; x++) {
            const size_t at = ((size_t)y * VT_PAGE_TEXELS + x) * 4;
            for (uint32_t c = 0; c < channels; c++) {
                const double off = (double)was[at + c] - is[at + c];
                sum += off * off;
            }
        }
    }
    *values += (double)s->payload * s->payload * channels;
    return sum;
}

/* Converts the sample to the format. Returns seconds. */
static double convert_all(sample *p, vt_texel_format to)
{
    const double began = clock_s();
    for (uint32_t i = 0; i < p->count; i++) {
        texels_convert(VT_TEXEL_RGBA8, page_at(p->rgba, i), to, page_at(p->texels, i),
                       texel_row_bytes(to));
    }
    return clock_s() - began;
}

/* Packs all of it. Returns seconds; less than 0: no memory. */
static double pack_all(sample *p, vt_texel_format from, pagewriter_packing how)
{
    const double began = clock_s();
    bool enough = true;
    drop_packed(p);
    for (uint32_t i = 0; i < p->count; i++) {
        p->packed[i] = pagewriter_pack(p->pack, from, page_at(p->texels, i), how);
        enough = enough && p->packed[i].data != NULL;
    }
    return enough ? clock_s() - began : -1;
}

/* Unpacks all of it to texels of the format. Returns seconds. */
static double unpack_all(sample *p, vt_texel_format to, uint8_t *room)
{
    const double began = clock_s();
    for (uint32_t i = 0; i < p->count; i++) {
        (void)unpacker_run(p->unpack, p->packed[i].codec, p->packed[i].data, p->packed[i].bytes, to,
                           room);
    }
    return clock_s() - began;
}

static double decibels(sample *p, const format *f)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES], rgba[TEXEL_PAGE_MAX_BYTES];
    const vt_shape *s = &pagefile_get_info(p->file)->shape;
    const uint32_t channels = f->channels == 4 && p->opaque ? 3 : f->channels;
    double squares = 0, values = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        (void)unpacker_run(p->unpack, p->packed[i].codec, p->packed[i].data, p->packed[i].bytes,
                           f->format, texels);
        texels_convert(f->format, texels, VT_TEXEL_RGBA8, rgba, texel_row_bytes(VT_TEXEL_RGBA8));
        squares += squares_off(s, page_at(p->rgba, i), rgba, channels, &values);
    }
    return squares > 0 ? 10 * log10(255.0 * 255.0 * values / squares) : INFINITY;
}

/* The bytes of all pages: mip 0 by its share of the sample, the others by theirs. */
static double world_bytes(const sample *p)
{
    double finest = 0, rest = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        *(i < p->finest ? &finest : &rest) += p->packed[i].bytes;
    }
    const uint32_t others = p->count - p->finest;
    return (p->finest > 0 ? finest / p->finest * (double)p->finest_pages : 0) +
           (others > 0 ? rest / others * (double)(p->world_pages - p->finest_pages) : 0);
}

static double middle_of_three(double a, double b, double c)
{
    const double low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static bool measure(sample *p, const format *f, const packing *how, double convert_s, figures *out)
{
    static uint8_t room[TEXEL_PAGE_MAX_BYTES];
    double packs[ROUNDS], unpacks[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        /* a slow packer is slow the first time too */
        packs[round] = round > 0 && packs[0] > 0.3 ? packs[0] : pack_all(p, f->format, how->how);
        if (packs[round] < 0) {
            return false;
        }
        unpacks[round] = unpack_all(p, f->format, room);
    }
    const double world = world_bytes(p);
    *out = (figures){
        .bytes = world / (double)p->world_pages,
        .world = world,
        .db = decibels(p, f),
        .packs = p->count / (middle_of_three(packs[0], packs[1], packs[2]) + convert_s),
        .unpacks = p->count / middle_of_three(unpacks[0], unpacks[1], unpacks[2]),
    };
    progress_update(&p->bar, ++p->rows_done, p->rows);
    return true;
}

/* ---- the table ---- */

static void print_row(sample *p, const char *name, const char *packed, const char *kept,
                      const figures *f)
{
    char page[UNITS_TEXT], world[UNITS_TEXT], db[32];
    snprintf(db, sizeof db, isinf(f->db) ? "exact" : "%.1f", f->db);
    progress_end(&p->bar);
    printf("  %-6s %-8s %10s %10s %6.1f %%  %6s %-4s %9.0f %11.0f\n", name, packed,
           units_format_bytes((uint64_t)f->bytes, page),
           units_format_bytes((uint64_t)f->world, world), 100 * f->bytes / TEXEL_PAGE_MAX_BYTES, db,
           kept, f->packs, f->unpacks);
    fflush(stdout);
}

static bool print_packings(sample *p, const format *f, const packing *list, int count)
{
    figures row;
    const double convert_s = convert_all(p, f->format);
    for (int i = 0; i < count; i++) {
        if (!measure(p, f, &list[i], convert_s, &row)) {
            return false;
        }
        print_row(p, i == 0 ? texel_format_name(f->format) : "", list[i].name, f->kept, &row);
    }
    return true;
}

static void print_head(const sample *p, const vt_layer *l)
{
    printf("%" PRIu32 " of %" PRIu64 " pages, one thread; dB against what the file has%s\n\n",
           p->count, p->world_pages,
           l->format == VT_TEXEL_RGBA8 && !l->lossy ? "" : ", which has lost something already");
    printf("  %-6s %-8s %10s %10s %8s  %6s %-4s %9s %11s\n", "format", "packing", "a page", "world",
           "of rgba8", "dB", "of", "packed/s", "unpacked/s");
}

static bool print_table(sample *p)
{
    static const format JPEG_KEEPS = {VT_TEXEL_RGBA8, 3, "rgb"};
    for (int i = 0; i < FORMAT_COUNT; i++) {
        if (!print_packings(p, &FORMATS[i], PACKINGS, PACKING_COUNT)) {
            return false;
        }
    }
    return print_packings(p, &JPEG_KEEPS, JPEGS, JPEG_COUNT);
}

pagefile_status info_codecs_print(const pagefile *file, uint32_t layer, uint32_t pages)
{
    sample p;
    const vt_info *info = pagefile_get_info(file);
    if (layer >= info->layer_count) {
        return PAGEFILE_NO_PAGE;
    }
    pagefile_status status = open_sample(&p, file, pages);
    if (status == PAGEFILE_OK) {
        status = load(&p, layer);
    }
    if (status == PAGEFILE_OK) {
        print_head(&p, &info->layers[layer]);
        progress_begin(&p.bar, "codecs", BAR_DELAY_MS, false);
        status = print_table(&p) ? PAGEFILE_OK : PAGEFILE_NO_MEMORY;
        progress_end(&p.bar);
    }
    close_sample(&p);
    return status;
}
