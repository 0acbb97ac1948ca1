/* vt_watch.c: see vt_watch.h. */
#include "engine/vt_watch.h"

#include "engine/conductor/stream.h"

#include <fcntl.h>

/* ---- disk ---- */

void vt_get_disk_map(const vt *v, uint32_t kib[VT_DISK_CELLS])
{
    static_assert((int)VT_DISK_CELLS == (int)DISKMAP_CELLS, "the same cells");
    fetch_get_disk_map(v->fetch, kib);
}

/* ---- the atlas ---- */

void vt_atlas_size(const vt *v, uint32_t *columns, uint32_t *rows)
{
    *columns = v->gpu_desc.atlas_columns;
    *rows = v->gpu_desc.atlas_rows;
}

/* The atlas numbers slots in Morton order; viewers want rows. */
void vt_get_slots(const vt *v, vt_slot slots[])
{
    const uint32_t columns = v->gpu_desc.atlas_columns, rows = v->gpu_desc.atlas_rows;
    for (uint32_t slot = 0; slot < columns * columns; slot++) {
        const uint32_t x = atlas_slot_x(slot), y = atlas_slot_y(slot);
        if (y < rows) {
            const atlas_use use = atlas_get_use(v->atlas, slot);
            slots[y * columns + x] = (vt_slot){
                .page_id = atlas_page(v->atlas, slot),
                .unused_for = v->image > use.period ? (uint32_t)(v->image - use.period) : 0,
                .pinned = use.pinned};
        }
    }
}

/* ---- RAM ---- */

uint32_t vt_ram_units(const vt *v, uint32_t *unit_bytes)
{
    ramtier_stats stats;
    ramtier_get_stats(v->ram, &stats);
    *unit_bytes = RAMTIER_UNIT_BYTES;
    return (uint32_t)(stats.arena_bytes / RAMTIER_UNIT_BYTES);
}

typedef struct ram_walk {
    void (*visit)(void *context, const vt_held_page *page);
    void *context;
} ram_walk;

static void visit_held(void *context, const ramtier_held *held)
{
    const ram_walk *walk = context;
    vt_held_page page = {.page_id = held->page_id,
                         .bytes = held->bytes,
                         .piece_count = held->piece_count,
                         .pinned = held->pinned};
    for (uint32_t i = 0; i < held->piece_count; i++) {
        page.pieces[i] = held->pieces[i];
    }
    walk->visit(walk->context, &page);
}

void vt_walk_ram(vt *v, void (*visit)(void *context, const vt_held_page *page), void *context)
{
    ram_walk walk = {visit, context};
    ramtier_walk(v->ram, visit_held, &walk);
}

/* ---- why is this pixel blurry? ---- */

const char *vt_reason_text(vt_reason reason)
{
    static const char *const TEXTS[] = {
        [VT_SHARP] = "it is sharp: the page that it wants is there",
        [VT_MAGNIFIED] = "the picture has no finer mip: its texels are larger than pixels here",
        [VT_BIASED] = "the frame wants more than video memory holds, so all is kept coarser",
        [VT_FADING] = "the page has just come, and is fading in",
        [VT_UNSEEN] = "no feedback image has asked for the page yet",
        [VT_FROZEN] = "streaming is frozen",
        [VT_NO_SLOT] = "every slot of the atlas holds a page that is wanted, too",
        [VT_WAITING] = "there is no room in staging: it waits for what is on its way",
        [VT_QUEUED] = "it waits to be read from disk",
        [VT_READING] = "it is being read from disk",
        [VT_UNPACKING] = "it is in RAM, and waits to be unpacked",
        [VT_STAGED] = "it is unpacked, and waits for a frame with time to upload it",
        [VT_FAILED] = "it could not be read, and will be tried again",
        [VT_CORRUPT] = "it is damaged in the file; a coarser one stands in for good",
    };
    return TEXTS[reason];
}

/* Where a page that has been sent for is on its way. */
static vt_reason find_on_way(vt *v, vt_page p, uint32_t *ahead)
{
    if (fetch_place(v->fetch, p, ahead)) {
        return VT_QUEUED;
    }
    if (decode_place(v->decode, p, ahead)) {
        return VT_UNPACKING;
    }
    if (arrivals_have(&v->arrivals, p)) {
        return VT_STAGED;
    }
    *ahead = 0;
    return ramtier_has(v->ram, page_pack(p)) ? VT_UNPACKING : VT_READING;
}

/* Finds an absent page among those that the last image missed: how many are more urgent, and for
 * how many images it has waited. False: it is not among them. */
static bool find_missing(vt *v, uint32_t page_id, vt_why *why)
{
    const request *missing;
    const uint32_t count = requests_missing(v->requests, &missing);
    for (uint32_t i = 0; i < count; i++) {
        if (missing[i].page_id == page_id) {
            why->ahead = i;
            why->waited = missing[i].images;
            return true;
        }
    }
    return false;
}

/* Why an absent page has not been sent for. */
static vt_reason explain_absent(vt *v, uint32_t page_id, vt_why *why)
{
    if (v->settings.frozen) {
        return VT_FROZEN;
    }
    if (!find_missing(v, page_id, why)) {
        return VT_UNSEEN;
    }
    return stream_has_open_slots(v) ? VT_WAITING : VT_NO_SLOT;
}

/* Why a page that the streamer would show is not shown, by its state. */
static vt_reason explain_missing(vt *v, vt_page p, vt_why *why)
{
    const uint32_t id = page_pack(p);
    switch (pagestate_get(&stream_texture_of(v, p)->states, p)) {
    case PAGE_ABSENT:
        return explain_absent(v, id, why);
    case PAGE_QUEUED:
        (void)find_missing(v, id, why);
        return find_on_way(v, p, &why->ahead);
    case PAGE_RESIDENT:
        return VT_FADING; /* or the frame was drawn before the table said so */
    case PAGE_FAILED:
        return VT_FAILED;
    case PAGE_CORRUPT:
        return VT_CORRUPT;
    }
    return VT_UNSEEN;
}

/* The page that the streamer asks for where p is wanted: under the bias, one of its ancestors. */
static vt_page biased(vt *v, vt_page p)
{
    const stream_texture *t = stream_texture_of(v, p);
    for (uint32_t i = (uint32_t)t->bias.value; i > 0 && p.mip + 1u < t->info->shape.mips; i--) {
        p = page_parent(p);
    }
    return p;
}

/* Of a pixel that shows the mip it wants. */
static vt_reason explain_sharp(const vt_pixel *pixel)
{
    return !pixel->arrived ? VT_FADING : pixel->lod < 0 ? VT_MAGNIFIED : VT_SHARP;
}

vt_why vt_explain(vt *v, const vt_pixel *pixel)
{
    const vt_page wanted = page_unpack(pixel->wanted_id);
    vt_why why = {.reason = VT_UNSEEN, .wanted = wanted, .shown_mip = pixel->shown_mip};
    if (wanted.texture == 0 || wanted.texture > v->texture_count ||
        !page_exists(&stream_texture_of(v, wanted)->info->shape, wanted)) {
        return why;
    }
    why.in_ram = ramtier_has(v->ram, pixel->wanted_id);
    const vt_page asked = biased(v, wanted);
    if (pixel->shown_mip <= wanted.mip) {
        why.reason = explain_sharp(pixel);
    } else if (asked.mip > wanted.mip && pixel->shown_mip <= asked.mip) {
        why.reason = VT_BIASED;
    } else {
        why.reason = explain_missing(v, asked, &why);
    }
    return why;
}

/* ---- emptying a tier ---- */

void vt_flush_ram(vt *v)
{
    ramtier_flush(v->ram);
}

void vt_flush_atlas(vt *v)
{
    stream_flush(v);
}

void vt_flush_disk(vt *v)
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        /* advice only: nothing depends on whether the system takes it */
        (void)posix_fadvise(pagefile_descriptor(v->textures[i].file), 0, 0, POSIX_FADV_DONTNEED);
    }
}
