/* feedback.c: runs of equal pixels, then a small map of the pages seen in this image. The map is
 * sized by the pages listed, not by the world's, and only what an image touched is cleared. */
#include "engine/conductor/feedback.h"

#include "engine/page/pagemap.h"

#include <assert.h>
#include <stdlib.h>

#define DEFAULT_MAX_WANTS 16384

/* Pages of a texture that exist, mip by mip: what page_exists() says without its divisions. */
typedef struct extent {
    uint16_t columns[1 << VT_ID_MIP_BITS]; /* 0 for mips that the texture has not */
    uint16_t rows[1 << VT_ID_MIP_BITS];
} extent;

/* want_count <= max_wants. Between calls the map holds the wants that are listed, want i at
 * places[i], and nothing else. */
struct feedback {
    uint32_t shape_count;
    uint32_t max_wants;
    uint32_t want_count;
    feedback_want *wants;
    pagemap map;      /* from page to want */
    uint32_t *places; /* in the map, of each want */
    uint64_t garbage, dropped;
    extent extents[]; /* by texture - 1 */
};

static uint32_t max_wants_of(const feedback_desc *desc)
{
    return desc->max_wants ? desc->max_wants : DEFAULT_MAX_WANTS;
}

uint64_t feedback_memory_bytes(const feedback_desc *desc)
{
    return sizeof(feedback) + desc->shape_count * sizeof(extent) +
           max_wants_of(desc) * (sizeof(feedback_want) + sizeof(uint32_t)) +
           pagemap_bytes(max_wants_of(desc));
}

static extent extent_of(const vt_shape *shape)
{
    extent e = {.columns = {0}};
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        e.columns[mip] = (uint16_t)page_columns(shape, mip);
        e.rows[mip] = (uint16_t)page_rows(shape, mip);
    }
    return e;
}

feedback *feedback_create(const feedback_desc *desc)
{
    assert(desc->shape_count <= PAGE_MAX_TEXTURES && max_wants_of(desc) < 1u << 30);
    feedback *f = calloc(1, sizeof *f + desc->shape_count * sizeof(extent));
    if (f == NULL) {
        return NULL;
    }
    f->shape_count = desc->shape_count;
    f->max_wants = max_wants_of(desc);
    f->wants = calloc(f->max_wants, sizeof *f->wants);
    f->places = calloc(f->max_wants, sizeof *f->places);
    for (uint32_t i = 0; i < desc->shape_count; i++) {
        f->extents[i] = extent_of(&desc->shapes[i]);
    }
    if (f->wants == NULL || f->places == NULL ||
        !pagemap_init(&f->map, f->max_wants, &f->wants[0].page_id, sizeof *f->wants)) {
        feedback_destroy(f);
        return NULL;
    }
    return f;
}

void feedback_destroy(feedback *f)
{
    if (f != NULL) {
        free(f->wants);
        free(f->places);
        pagemap_finish(&f->map);
        free(f);
    }
}

static void forget_wants(feedback *f)
{
    for (uint32_t i = 0; i < f->want_count; i++) {
        pagemap_drop(&f->map, f->places[i]);
    }
    f->want_count = 0;
}

static bool is_a_page(const feedback *f, uint32_t id)
{
    const vt_page p = page_unpack(id);
    if (p.texture == 0 || p.texture > f->shape_count) {
        return false;
    }
    const extent *e = &f->extents[p.texture - 1];
    return p.x < e->columns[p.mip] && p.y < e->rows[p.mip];
}

/* Counts `pixels` more for a page that exists, listing it if it is new. */
static void want(feedback *f, uint32_t id, uint32_t pixels)
{
    const uint32_t place = pagemap_place(&f->map, id);
    const uint32_t listed = pagemap_at(&f->map, place);
    if (listed != PAGEMAP_NONE) {
        f->wants[listed].pixels += pixels;
        return;
    }
    if (f->want_count == f->max_wants) {
        f->dropped += pixels;
        return;
    }
    f->wants[f->want_count] = (feedback_want){id, pixels};
    f->places[f->want_count] = place;
    pagemap_put(&f->map, place, f->want_count++);
}

uint32_t feedback_analyze(feedback *f, const uint32_t *ids, uint32_t count,
                          const feedback_want **out)
{
    forget_wants(f);
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        const uint32_t id = ids[begin];
        end = begin + 1;
        while (end < count && ids[end] == id) {
            end++;
        }
        if (id == 0) {
            continue;
        }
        if (is_a_page(f, id)) {
            want(f, id, end - begin);
        } else {
            f->garbage += end - begin;
        }
    }
    *out = f->wants;
    return f->want_count;
}

uint64_t feedback_garbage(const feedback *f)
{
    return f->garbage;
}

uint64_t feedback_dropped(const feedback *f)
{
    return f->dropped;
}
