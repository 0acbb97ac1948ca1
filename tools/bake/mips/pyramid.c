/* pyramid.c: the bake goes in steps of two rows of pages of mip 0, and each step carries what it
 * has made as far up the mips as it goes:
 *
 *     make_step   prepare the source ─▶ crew: make_chunk, each 4 x 2 pages of mip 0
 *                                         fill ─▶ halve into the band of mip 1 ─▶ cut, pack, put
 *       climb     for each mip from 1 up: halve its new rows into the next band
 *                                         ─▶ cut, pack and put each row of pages that is complete
 *                                         ─▶ drop rows that nobody needs any more
 *     keep        now and then, a checkpoint: the numbers and the rows of all bands */
#include "tools/bake/mips/pyramid.h"

#include "engine/texels/convert.h"
#include "tools/bake/mips/band.h"
#include "tools/bake/mips/chunk.h"
#include "tools/base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_COLUMNS = 4, /* pages of a chunk: half a megabyte, which fits a core's cache */
    CHUNK_ROWS = 2,
    SHARE_ROWS = 8, /* rows of a coarser mip that a worker makes at a time */
    TEXEL_BYTES = 4,
};

/* A worker's own. */
typedef struct workbench {
    packer *pack;
    uint8_t *rgba;                        /* a chunk of mip 0 */
    uint8_t page[TEXEL_PAGE_MAX_BYTES];   /* cut out of it */
    uint8_t texels[TEXEL_PAGE_MAX_BYTES]; /* in the layer's format */
    pagefile_status status;               /* the first that is not PAGEFILE_OK */
    int error;                            /* errno of it */
} workbench;

typedef struct pyramid {
    const pyramid_desc *desc;
    band bands[VT_MAX_MIPS]; /* from mip 1 on; of mip 0 only the numbers */
    workbench *workbenches;  /* one a worker */
    uint32_t step, steps;    /* steps done, and of the whole bake */
    uint64_t pages_done, pages_total;
    double kept_at; /* when the last checkpoint was made, seconds */
    bool has_kept;  /* a checkpoint of this bake exists */
} pyramid;

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* ---- pages, on a worker ---- */

static void fail_at(workbench *b, pagefile_status status)
{
    if (b->status == PAGEFILE_OK) {
        b->status = status;
        b->error = errno;
    }
}

/* Converts and packs the page in b->page. */
static bool pack_page(workbench *b, const pyramid_layer *layer, pagewriter_packed *packed)
{
    const uint8_t *texels = b->page;
    if (layer->format != VT_TEXEL_RGBA8) {
        texels_convert(VT_TEXEL_RGBA8, b->page, layer->format, b->texels,
                       texel_row_bytes(layer->format));
        texels = b->texels;
    }
    *packed = pagewriter_pack(b->pack, layer->format, texels, layer->packing);
    return packed->data != NULL;
}

/* Gives the packed layers of a page to the writer, and frees them. */
static void put_page(const pyramid *p, workbench *b, vt_page page, pagewriter_packed packed[])
{
    bool whole = true;
    for (uint32_t i = 0; i < p->desc->layer_count; i++) {
        whole = whole && packed[i].data != NULL;
    }
    const pagefile_status status =
        whole ? pagewriter_put(p->desc->writer, page, packed) : PAGEFILE_NO_MEMORY;
    if (status != PAGEFILE_OK) {
        fail_at(b, status);
    }
    for (uint32_t i = 0; i < p->desc->layer_count; i++) {
        free(packed[i].data);
    }
}

/* ---- mip 0 ---- */

/* The chunk of pages from `column` on in this step, with its border. */
static chunk chunk_of(const pyramid *p, uint32_t column, uint8_t *rgba)
{
    const vt_shape *s = &p->desc->shape;
    const uint32_t columns = smaller(CHUNK_COLUMNS, page_columns(s, 0) - column);
    const uint32_t row = p->step * CHUNK_ROWS, rows = smaller(CHUNK_ROWS, page_rows(s, 0) - row);
    return (chunk){
        .left = (int64_t)column * s->payload - s->border,
        .top = (int64_t)row * s->payload - s->border,
        .width = columns * s->payload + 2 * s->border,
        .height = rows * s->payload + 2 * s->border,
        .rgba = rgba,
        .row_bytes = ((size_t)CHUNK_COLUMNS * s->payload + 2 * s->border) * TEXEL_BYTES,
    };
}

/* Halves what a chunk has of the picture, without its border, into the band of mip 1. Payloads are
 * even, so chunks begin at even texels. */
static void halve_chunk(const pyramid *p, uint32_t layer, const chunk *b)
{
    const vt_shape *s = &p->desc->shape;
    const band *to = &p->bands[1];
    const uint32_t x = (uint32_t)(b->left + s->border), y = (uint32_t)(b->top + s->border);
    const uint32_t width = smaller(b->width - 2 * s->border, s->width - x);
    const uint32_t height = smaller(b->height - 2 * s->border, s->height - y);
    const uint8_t *inside = b->rgba + s->border * b->row_bytes + (size_t)s->border * TEXEL_BYTES;
    for (uint32_t row = 0; row < height; row += 2) {
        const uint8_t *above = inside + row * b->row_bytes;
        const uint8_t *below = row + 1 < height ? above + b->row_bytes : above;
        halve_rows(p->desc->layers[layer].kind, above, below, width,
                   band_row(to, layer, (y + row) / 2) + (size_t)(x / 2) * TEXEL_BYTES);
    }
}

static void make_chunk(void *context, uint32_t worker, uint32_t index)
{
    const pyramid *p = context;
    const vt_shape *s = &p->desc->shape;
    workbench *own = &p->workbenches[worker];
    pagewriter_packed packed[CHUNK_ROWS * CHUNK_COLUMNS][VT_MAX_LAYERS] = {{{0}}};
    const uint32_t column = index * CHUNK_COLUMNS, row = p->step * CHUNK_ROWS;
    const chunk b = chunk_of(p, column, own->rgba);
    const uint32_t columns = b.width / s->payload, pages = columns * (b.height / s->payload);
    for (uint32_t layer = 0; layer < p->desc->layer_count; layer++) {
        chunk_fill(&p->desc->layers[layer].input, worker, &b);
        if (s->mips > 1) {
            halve_chunk(p, layer, &b);
        }
        for (uint32_t i = 0; i < pages; i++) {
            const uint32_t x = column + i % columns, y = row + i / columns;
            chunk_cut(&b, s, (int64_t)x * s->payload, (int64_t)y * s->payload, own->page);
            pack_page(own, &p->desc->layers[layer], &packed[i][layer]);
        }
    }
    for (uint32_t i = 0; i < pages; i++) {
        const vt_page page = {0, 0, (uint16_t)(column + i % columns),
                              (uint16_t)(row + i / columns)};
        put_page(p, own, page, packed[i]);
    }
}

/* ---- coarser mips ---- */

typedef struct halve_job {
    const pyramid *p;
    const band *from, *to;
    uint32_t first, end; /* rows of `to` to be made */
} halve_job;

static void halve_share(void *context, uint32_t worker, uint32_t index)
{
    const halve_job *job = context;
    const uint32_t first = job->first + index * SHARE_ROWS;
    (void)worker;
    for (uint32_t y = first; y < smaller(first + SHARE_ROWS, job->end); y++) {
        const uint32_t below =
            smaller(2 * y + 1, job->from->height - 1); /* an odd last row counts twice */
        for (uint32_t layer = 0; layer < job->p->desc->layer_count; layer++) {
            halve_rows(job->p->desc->layers[layer].kind, band_row(job->from, layer, 2 * y),
                       band_row(job->from, layer, below), job->from->width,
                       band_row(job->to, layer, y));
        }
    }
}

/* Rows of a mip that can be made from the first `finer_end` rows of the next finer one. */
static uint32_t rows_after(const band *b, const band *finer, uint32_t finer_end)
{
    return finer_end == finer->height ? b->height : finer_end / 2;
}

static void halve_band(pyramid *p, const band *from, band *to)
{
    halve_job job = {p, from, to, to->end, rows_after(to, from, from->end)};
    assert(job.end - to->first <= to->capacity);
    to->end = job.end;
    crew_run(p->desc->workers, (job.end - job.first + SHARE_ROWS - 1) / SHARE_ROWS, halve_share,
             &job);
}

typedef struct row_job {
    const pyramid *p;
    const band *from;
} row_job;

static void make_page(void *context, uint32_t worker, uint32_t index)
{
    const row_job *job = context;
    const pyramid *p = job->p;
    const band *b = job->from;
    workbench *own = &p->workbenches[worker];
    pagewriter_packed packed[VT_MAX_LAYERS] = {{0}};
    for (uint32_t layer = 0; layer < p->desc->layer_count; layer++) {
        const pyramid_layer *l = &p->desc->layers[layer];
        band_cut(b, &p->desc->shape, l->input.wrap_x, layer, index, own->page);
        pack_page(own, l, &packed[layer]);
    }
    put_page(p, own, (vt_page){0, (uint8_t)b->mip, (uint16_t)index, (uint16_t)b->next_page_row},
             packed);
}

static void emit_page_rows(pyramid *p, band *b)
{
    while (band_has_page_row(b, &p->desc->shape)) {
        row_job job = {p, b};
        crew_run(p->desc->workers, b->columns, make_page, &job);
        b->next_page_row++;
        p->pages_done += b->columns;
    }
}

/* Carries the new rows of mip 1 up through all mips. */
static void climb(pyramid *p)
{
    const vt_shape *s = &p->desc->shape;
    for (uint32_t mip = 1; mip < s->mips; mip++) {
        band *b = &p->bands[mip];
        if (mip + 1 < s->mips) {
            halve_band(p, b, b + 1);
        }
        emit_page_rows(p, b);
        band_drop(b, s, mip + 1 < s->mips ? b[1].end : b->height);
    }
}

/* ---- the pass ---- */

/* Bakes the rows of pages of one step, and all that they complete in coarser mips. */
static pyramid_failure make_step(pyramid *p)
{
    const vt_shape *s = &p->desc->shape;
    band *finest = &p->bands[0];
    const uint32_t rows = smaller(CHUNK_ROWS, finest->page_rows - finest->next_page_row);
    const uint32_t top = finest->next_page_row * s->payload;
    const uint32_t end = smaller(finest->height, top + rows * s->payload);
    for (uint32_t i = 0; i < p->desc->layer_count; i++) {
        const source *in = &p->desc->layers[i].input;
        const char *why = NULL;
        if (in->prepare != NULL && !in->prepare(in->context, top > s->border ? top - s->border : 0,
                                                smaller(finest->height, end + s->border), &why)) {
            return (pyramid_failure){PAGEFILE_READ_FAILED, why, false};
        }
    }
    finest->end = end;
    if (s->mips > 1) {
        p->bands[1].end = rows_after(&p->bands[1], finest, end);
    }
    crew_run(p->desc->workers, (finest->columns + CHUNK_COLUMNS - 1) / CHUNK_COLUMNS, make_chunk,
             p);
    finest->next_page_row += rows;
    p->pages_done += (uint64_t)rows * finest->columns;
    p->step++;
    climb(p);
    for (uint32_t i = 0; i < crew_threads(p->desc->workers); i++) {
        if (p->workbenches[i].status != PAGEFILE_OK) {
            errno = p->workbenches[i].error;
            return (pyramid_failure){p->workbenches[i].status, NULL, false};
        }
    }
    return (pyramid_failure){PAGEFILE_OK, NULL, false};
}

/* ---- checkpoints ---- */

/* The numbers of a checkpoint; the rows of all bands from mip 1 on come after them. */
typedef struct kept {
    uint32_t step, zero;
    uint64_t pages_done;
    struct {
        uint32_t first, end, next_page_row;
    } bands[VT_MAX_MIPS];
} kept;

static pagefile_status keep(pyramid *p)
{
    pagewriter_part parts[1 + VT_MAX_MIPS * VT_MAX_LAYERS];
    kept k = {.step = p->step, .pages_done = p->pages_done};
    uint32_t count = 1;
    parts[0] = (pagewriter_part){&k, sizeof k};
    for (uint32_t mip = 0; mip < p->desc->shape.mips; mip++) {
        const band *b = &p->bands[mip];
        k.bands[mip].first = b->first;
        k.bands[mip].end = b->end;
        k.bands[mip].next_page_row = b->next_page_row;
        for (uint32_t i = 0; i < p->desc->layer_count && mip > 0; i++) {
            parts[count++] = (pagewriter_part){b->texels[i], (size_t)(b->end - b->first) *
                                                                 b->width * TEXEL_BYTES};
        }
    }
    p->kept_at = clock_s();
    p->has_kept = true;
    return pagewriter_checkpoint(p->desc->writer, parts, count);
}

/* Goes on from the writer's checkpoint. It has a checksum and belongs to this very bake; numbers
 * that do not fit all the same would be a bug, and must not make us write outside of a band. */
static bool restore(pyramid *p)
{
    pagewriter *w = p->desc->writer;
    kept k;
    if (!pagewriter_restore(w, &k, sizeof k) || k.step > p->steps) {
        return false;
    }
    p->step = k.step;
    p->pages_done = k.pages_done;
    p->has_kept = true;
    for (uint32_t mip = 0; mip < p->desc->shape.mips; mip++) {
        band *b = &p->bands[mip];
        b->first = k.bands[mip].first;
        b->end = k.bands[mip].end;
        b->next_page_row = k.bands[mip].next_page_row;
        const uint32_t rows = b->end - b->first;
        if (b->first > b->end || b->end > b->height || b->next_page_row > b->page_rows ||
            (mip > 0 && rows > b->capacity)) {
            return false;
        }
        for (uint32_t i = 0; i < p->desc->layer_count && mip > 0; i++) {
            if (!pagewriter_restore(w, b->texels[i], (size_t)rows * b->width * TEXEL_BYTES)) {
                return false;
            }
        }
    }
    return true;
}

/* Ends the bake early, keeping the work if it may be gone on with. Where the disk has no room for a
 * new checkpoint, the last one is still there. */
static pyramid_failure cancel(pyramid *p, int how)
{
    const bool had = p->has_kept;
    const bool keeps = p->desc->keeps && (how == PYRAMID_PAUSE || had);
    const bool done = keeps && (keep(p) == PAGEFILE_OK || had);
    errno = ECANCELED;
    return (pyramid_failure){PAGEFILE_WRITE_FAILED, NULL, done};
}

static pyramid_failure run(pyramid *p)
{
    const pyramid_desc *d = p->desc;
    pyramid_failure failure = {PAGEFILE_OK, NULL, false};
    p->kept_at = clock_s();
    if (d->bar != NULL) {
        progress_skip(d->bar, p->pages_done);
    }
    while (p->step < p->steps && failure.status == PAGEFILE_OK) {
        const int cancelled = d->cancelled != NULL ? *d->cancelled : 0;
        if (cancelled) {
            return cancel(p, cancelled);
        }
        failure = make_step(p);
        if (failure.status == PAGEFILE_OK && d->keeps && p->step < p->steps &&
            clock_s() - p->kept_at >= d->checkpoint_s) {
            failure.status = keep(p);
        }
        if (d->bar != NULL) {
            progress_update(d->bar, p->pages_done, p->pages_total);
        }
    }
    return failure;
}

/* ---- memory ---- */

static bool open_workbenches(pyramid *p)
{
    const vt_shape *s = &p->desc->shape;
    const uint32_t threads = crew_threads(p->desc->workers);
    const size_t bytes = ((size_t)CHUNK_COLUMNS * s->payload + 2 * s->border) *
                         ((size_t)CHUNK_ROWS * s->payload + 2 * s->border) * TEXEL_BYTES;
    p->workbenches = calloc(threads, sizeof *p->workbenches);
    bool enough = p->workbenches != NULL;
    for (uint32_t i = 0; i < threads && enough; i++) {
        p->workbenches[i].pack = packer_create();
        p->workbenches[i].rgba = malloc(bytes);
        enough = p->workbenches[i].pack != NULL && p->workbenches[i].rgba != NULL;
    }
    return enough;
}

static bool open_bands(pyramid *p)
{
    const pyramid_desc *d = p->desc;
    bool enough = true;
    for (uint32_t mip = 0; mip < d->shape.mips; mip++) {
        const uint32_t step = page_shift_up(CHUNK_ROWS * d->shape.payload, mip);
        enough =
            band_open(&d->shape, mip, mip > 0 ? d->layer_count : 0, step, &p->bands[mip]) && enough;
    }
    p->steps = (p->bands[0].page_rows + CHUNK_ROWS - 1) / CHUNK_ROWS;
    return enough;
}

static void close_all(pyramid *p)
{
    const int why = errno;
    for (uint32_t mip = 0; mip < p->desc->shape.mips; mip++) {
        band_close(&p->bands[mip]);
    }
    for (uint32_t i = 0; i < crew_threads(p->desc->workers) && p->workbenches != NULL; i++) {
        packer_destroy(p->workbenches[i].pack);
        free(p->workbenches[i].rgba);
    }
    free(p->workbenches);
    errno = why;
}

pyramid_failure pyramid_bake(const pyramid_desc *desc)
{
    pyramid p = {.desc = desc, .pages_total = page_count(&desc->shape)};
    pyramid_failure failure = {PAGEFILE_NO_MEMORY, NULL, false};
    if (open_bands(&p) && open_workbenches(&p)) {
        failure.status = PAGEFILE_OK;
        if (pagewriter_goes_on(desc->writer) && !restore(&p)) {
            failure.status = PAGEFILE_BAD_CHECKSUM;
        }
    }
    if (failure.status == PAGEFILE_OK) {
        failure = run(&p);
    }
    close_all(&p);
    return failure;
}
