/* pyramid.c: bands of rows, one a mip. */
#include "tools/bake/pyramid.h"

#include "engine/bc1.h"
#include "tools/bake/srgb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_ROWS = 128, /* rows of mip 0 made at a time: work for many threads, 8 MiB at 16384 */
    CHUNK_ROWS = 8,   /* rows that one thread makes in one go */
    TEXEL_BYTES = 4,
    PAGE_ROW_BYTES = VT_PAGE_TEXELS * TEXEL_BYTES,
};

/* first <= end <= height; end - first <= capacity. */
typedef struct band {
    uint32_t mip;
    uint32_t width, height; /* texels of this mip */
    uint32_t capacity;      /* rows that fit */
    uint32_t first, end;    /* rows held: [first, end) */
    uint32_t next_page_row; /* to be emitted */
    uint32_t page_rows;
    uint32_t columns; /* pages */
    uint8_t *texels;
} band;

typedef struct pyramid {
    const pyramid_desc *desc;
    band bands[PAGE_MAX_MIPS];
    pagewriter_packed *packed; /* one row of pages of mip 0 */
    uint64_t pages_done, pages_total;
} pyramid;

static uint8_t *band_row(const band *b, uint32_t y)
{
    return b->texels + (size_t)(y - b->first) * b->width * TEXEL_BYTES;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- making rows ---- */

typedef struct rows_job {
    const source *input;
    const band *from; /* of halving: the finer band; NULL: rows come from the source */
    const band *to;
    uint32_t first, end; /* rows of `to` to be made */
} rows_job;

static void halve_one(const rows_job *job, uint32_t y)
{
    const uint32_t above = 2 * y;
    const uint32_t below = min_u32(above + 1, job->from->height - 1); /* an odd last row twice */
    srgb_halve_rows(band_row(job->from, above), band_row(job->from, below), job->from->width,
                    band_row(job->to, y));
}

static void make_chunk(void *context, uint32_t worker, uint32_t index)
{
    const rows_job *job = context;
    const uint32_t first = job->first + index * CHUNK_ROWS;
    const uint32_t end = min_u32(first + CHUNK_ROWS, job->end);
    if (job->from == NULL) {
        job->input->rows(job->input->context, worker, first, end - first, band_row(job->to, first));
        return;
    }
    for (uint32_t y = first; y < end; y++) {
        halve_one(job, y);
    }
}

static void make_rows(pyramid *p, const band *from, band *to, uint32_t end)
{
    assert(end - to->first <= to->capacity);
    rows_job job = {&p->desc->input, from, to, to->end, end};
    const uint32_t count = end - to->end;
    to->end = end;
    crew_run(p->desc->workers, (count + CHUNK_ROWS - 1) / CHUNK_ROWS, make_chunk, &job);
}

/* ---- cutting pages ---- */

/* The column that stands at x, which may lie outside: wrapped, or the nearest. */
static uint32_t column_at(int64_t x, uint32_t width, bool wrap)
{
    if (wrap) {
        const int64_t rest = x % (int64_t)width;
        return (uint32_t)(rest < 0 ? rest + (int64_t)width : rest);
    }
    return x < 0 ? 0 : x < (int64_t)width ? (uint32_t)x : width - 1;
}

static void cut_row(const uint8_t *row, uint32_t width, int64_t left, bool wrap, uint8_t *out)
{
    if (left >= 0 && left + VT_PAGE_TEXELS <= (int64_t)width) {
        memcpy(out, row + left * TEXEL_BYTES, PAGE_ROW_BYTES);
        return;
    }
    for (int i = 0; i < VT_PAGE_TEXELS; i++) {
        const uint32_t x = column_at(left + i, width, wrap);
        memcpy(out + i * TEXEL_BYTES, row + (size_t)x * TEXEL_BYTES, TEXEL_BYTES);
    }
}

/* Copies page (x, y) of the band with its border: true neighbours, the nearest texel beyond top and
 * bottom. */
static void cut_page(const band *b, const page_shape *shape, bool wrap, uint32_t x, uint32_t y,
                     uint8_t *out)
{
    const int64_t left = (int64_t)x * shape->payload - shape->border;
    const int64_t top = (int64_t)y * shape->payload - shape->border;
    for (int i = 0; i < VT_PAGE_TEXELS; i++) {
        const uint32_t row = column_at(top + i, b->height, false);
        cut_row(band_row(b, row), b->width, left, wrap, out + i * PAGE_ROW_BYTES);
    }
}

typedef struct page_job {
    const pyramid_desc *desc;
    const band *from;
    uint32_t y; /* of the row of pages */
    pagewriter_packed *packed;
} page_job;

static void make_page(void *context, uint32_t worker, uint32_t index)
{
    (void)worker;
    const page_job *job = context;
    const pyramid_desc *desc = job->desc;
    uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    uint8_t blocks[VT_PAGE_TEXELS * VT_PAGE_TEXELS / 2];
    const uint8_t *ready = texels;
    cut_page(job->from, &desc->shape, desc->input.wrap_x, index, job->y, texels);
    if (desc->format == TEXEL_BC1) {
        bc1_pack_page(texels, blocks);
        ready = blocks;
    }
    job->packed[index] = pagewriter_pack(desc->format, ready, desc->compress);
}

/* Hands a row of packed pages to the writer, left to right, and frees them. */
static pagefile_status put_pages(pyramid *p, const band *b, uint32_t y)
{
    pagefile_status status = PAGEFILE_OK;
    for (uint32_t x = 0; x < b->columns; x++) {
        const vt_page page = {0, (uint8_t)b->mip, (uint16_t)x, (uint16_t)y};
        if (status == PAGEFILE_OK) {
            status = p->packed[x].data == NULL
                         ? PAGEFILE_NO_MEMORY
                         : pagewriter_put(p->desc->writer, page, &p->packed[x]);
        }
        free(p->packed[x].data);
    }
    return status;
}

static pagefile_status emit_page_rows(pyramid *p, band *b)
{
    const page_shape *shape = &p->desc->shape;
    while (b->next_page_row < b->page_rows) {
        const uint32_t y = b->next_page_row;
        if (b->end < min_u32(b->height, (y + 1) * shape->payload + shape->border)) {
            return PAGEFILE_OK; /* rows are still to come */
        }
        page_job job = {p->desc, b, y, p->packed};
        crew_run(p->desc->workers, b->columns, make_page, &job);
        const pagefile_status status = put_pages(p, b, y);
        if (status != PAGEFILE_OK) {
            return status;
        }
        b->next_page_row++;
        p->pages_done += b->columns;
    }
    return PAGEFILE_OK;
}

/* ---- the pass ---- */

/* Lets go of rows that neither a page nor the next mip needs any more. */
static void drop_rows(const page_shape *shape, band *b, const band *coarser)
{
    uint32_t keep = b->end;
    if (b->next_page_row < b->page_rows) {
        const uint32_t top = b->next_page_row * shape->payload;
        keep = min_u32(keep, top > shape->border ? top - shape->border : 0);
    }
    if (coarser != NULL) {
        keep = min_u32(keep, 2 * coarser->end);
    }
    if (keep > b->first) {
        const size_t bytes = (size_t)(b->end - keep) * b->width * TEXEL_BYTES;
        memmove(b->texels, band_row(b, keep), bytes);
        b->first = keep;
    }
}

/* Carries what mip 0 got just now up through all mips. */
static pagefile_status climb(pyramid *p)
{
    const page_shape *shape = &p->desc->shape;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        band *b = &p->bands[mip];
        band *coarser = mip + 1 < shape->mips ? &p->bands[mip + 1] : NULL;
        if (coarser != NULL) {
            make_rows(p, b, coarser, b->end == b->height ? coarser->height : b->end / 2);
        }
        const pagefile_status status = emit_page_rows(p, b);
        if (status != PAGEFILE_OK) {
            return status;
        }
        drop_rows(shape, b, coarser);
    }
    return PAGEFILE_OK;
}

static bool allocate_band(const page_shape *shape, uint32_t mip, band *b)
{
    const uint32_t batch = page_shift_up(BATCH_ROWS, mip) + 1;
    *b = (band){
        .mip = mip,
        .width = page_mip_width(shape, mip),
        .height = page_mip_height(shape, mip),
        .page_rows = page_rows(shape, mip),
        .columns = page_columns(shape, mip),
    };
    b->capacity = min_u32(b->height, shape->payload + 2 * shape->border + batch + 1);
    b->texels = malloc((size_t)b->capacity * b->width * TEXEL_BYTES);
    return b->texels != NULL;
}

static pagefile_status run(pyramid *p)
{
    band *finest = &p->bands[0];
    while (finest->end < finest->height) {
        if (p->desc->cancelled != NULL && *p->desc->cancelled) {
            errno = ECANCELED;
            return PAGEFILE_WRITE_FAILED;
        }
        make_rows(p, NULL, finest, min_u32(finest->end + BATCH_ROWS, finest->height));
        const pagefile_status status = climb(p);
        if (status != PAGEFILE_OK) {
            return status;
        }
        if (p->desc->bar != NULL) {
            progress_update(p->desc->bar, p->pages_done, p->pages_total);
        }
    }
    return PAGEFILE_OK;
}

pagefile_status pyramid_bake(const pyramid_desc *desc)
{
    assert(desc->input.width == desc->shape.width && desc->input.height == desc->shape.height);
    pyramid p = {.desc = desc, .pages_total = page_count(&desc->shape)};
    p.packed = calloc(page_columns(&desc->shape, 0), sizeof *p.packed);
    bool enough = p.packed != NULL;
    for (uint32_t mip = 0; mip < desc->shape.mips; mip++) {
        enough = allocate_band(&desc->shape, mip, &p.bands[mip]) && enough;
    }
    const pagefile_status status = enough ? run(&p) : PAGEFILE_NO_MEMORY;
    const int why = errno;
    for (uint32_t mip = 0; mip < desc->shape.mips; mip++) {
        free(p.bands[mip].texels);
    }
    free(p.packed);
    errno = why;
    return status;
}
