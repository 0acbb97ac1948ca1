/* ramtier_saved.c: a page as entry and as blob; and the pages of an earlier run: listed at its end,
 * put back at the start of the next, read when they are first pinned. */
#include "engine/ram/ramtier_private.h"

#include "engine/files/regular.h"
#include "engine/page/crc32c.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define AROUND_BYTES (256 << 10) /* read of an earlier run's file at once */

/* ---- a page, as entry and as blob ---- */

void ramtier_describe(ramindex_entry *e, uint32_t page_id, uint32_t layer_count,
                      const ramtier_layer layers[])
{
    *e = (ramindex_entry){.page_id = page_id, .layer_count = (uint8_t)layer_count};
    for (uint32_t i = 0; i < layer_count; i++) {
        assert(layers[i].bytes <= TEXEL_PAGE_MAX_BYTES);
        e->bytes += layers[i].bytes;
        e->layers[i] = layers[i].bytes | (uint32_t)layers[i].codec << RAMINDEX_CODEC_SHIFT;
    }
}

void ramtier_fill_blob(const ramtier *rt, uint32_t index, ramtier_blob *out)
{
    const ramindex_entry *e = &rt->index.entries[index];
    *out = (ramtier_blob){.entry = index, .bytes = e->bytes, .layer_count = e->layer_count};
    for (uint32_t i = 0; i < e->layer_count; i++) {
        out->layers[i].bytes = e->layers[i] & ((1u << RAMINDEX_CODEC_SHIFT) - 1);
        out->layers[i].codec = (page_codec)(e->layers[i] >> RAMINDEX_CODEC_SHIFT);
    }
    uint32_t rest = e->bytes;
    for (uint32_t i = 0; i < e->piece_count && rest > 0; i++) { /* the last may be all slack */
        const uint32_t block_bytes = RAMTIER_UNIT_BYTES << e->orders[i];
        const uint32_t bytes = rest < block_bytes ? rest : block_bytes;
        out->pieces[i].data = rt->base + (size_t)e->offsets[i] * RAMTIER_UNIT_BYTES;
        out->pieces[i].bytes = bytes;
        out->piece_count++;
        rest -= bytes;
    }
    assert(rest == 0);
}

/* crc32c of its bytes */
static uint32_t checksum_of(const ramtier_blob *blob)
{
    uint32_t crc = 0;
    for (uint32_t i = 0; i < blob->piece_count; i++) {
        crc = crc32c(crc, blob->pieces[i].data, blob->pieces[i].bytes);
    }
    return crc;
}

/* ---- reading ---- */

/* The file is read and not mapped: if it is cut short, or its disk fails, a page is lost and no
 * signal comes. */
bool ramtier_load(ramtier *rt, const ramtier_blob *blob)
{
    for (uint32_t i = 0; i < blob->piece_count; i++) {
        const size_t offset = (size_t)(blob->pieces[i].data - rt->base);
        const off_t at = (off_t)(rt->saved_at + offset);
        /* What lies near it was wanted at about the same time: one request for all. Only a hint. */
        (void)posix_fadvise(rt->saved_fd, at / AROUND_BYTES * AROUND_BYTES, AROUND_BYTES,
                            POSIX_FADV_WILLNEED);
        if (!regular_read_at(rt->saved_fd, rt->base + offset, blob->pieces[i].bytes,
                             rt->saved_at + offset)) {
            return false;
        }
    }
    return checksum_of(blob) == rt->checksums[blob->entry];
}

/* ---- putting back ---- */

static bool is_sound(const ramtier *rt, const ramtier_saved *s)
{
    uint64_t bytes = 0, room = 0;
    if (s->page_id == 0 || s->layer_count == 0 || s->layer_count > VT_MAX_LAYERS ||
        s->piece_count == 0 || s->piece_count > BUDDY_PIECES) {
        return false;
    }
    for (uint32_t i = 0; i < s->layer_count; i++) {
        if (s->layers[i].bytes > TEXEL_PAGE_MAX_BYTES || (uint32_t)s->layers[i].codec > UINT8_MAX) {
            return false;
        }
        bytes += s->layers[i].bytes;
    }
    for (uint32_t i = 0; i < s->piece_count; i++) {
        if (s->pieces[i].order >= BUDDY_ORDERS) {
            return false;
        }
        room += (uint64_t)RAMTIER_UNIT_BYTES << s->pieces[i].order;
    }
    return bytes > 0 && bytes <= room && ramindex_find(&rt->index, s->page_id) == RAMINDEX_NONE;
}

/* Puts a page back as it was, as the most recently used. */
static bool put_back(ramtier *rt, const ramtier_saved *s)
{
    if (!is_sound(rt, s) || !arena_take_all(rt->arena, s->pieces, s->piece_count)) {
        return false;
    }
    const uint32_t index = ramindex_take(&rt->index);
    if (index == RAMINDEX_NONE) {
        return false;
    }
    ramindex_entry *e = &rt->index.entries[index];
    ramtier_describe(e, s->page_id, s->layer_count, s->layers);
    e->piece_count = (uint8_t)s->piece_count;
    e->unverified = true;
    for (uint32_t i = 0; i < s->piece_count; i++) {
        e->offsets[i] = s->pieces[i].offset;
        e->orders[i] = (uint8_t)s->pieces[i].order;
    }
    rt->checksums[index] = s->checksum;
    rt->used_units += ramindex_units(e);
    ramindex_add(&rt->index, index);
    ramindex_unpin(&rt->index, index);
    return rt->used_units <= rt->limit_units;
}

bool ramtier_restore(ramtier *rt, const ramtier_desc *desc)
{
    for (uint32_t i = desc->saved_count; i-- > 0;) { /* the most recently used one last */
        if (!put_back(rt, &desc->saved[i])) {
            return false;
        }
    }
    rt->peak_units = rt->used_units;
    return true;
}

/* ---- listing ---- */

typedef struct listing {
    ramtier *rt;
    ramtier_saved *rows;
    uint32_t count;
} listing;

static void list_entry(void *context, const ramindex_entry *e)
{
    listing *l = context;
    const uint32_t index = (uint32_t)(e - l->rt->index.entries);
    ramtier_blob blob;
    ramtier_fill_blob(l->rt, index, &blob);
    if (e->unverified && !ramtier_load(l->rt, &blob)) {
        return;
    }
    ramtier_saved *row = &l->rows[l->count++];
    memset(row, 0, sizeof *row); /* the gaps too: they are written to a file */
    row->page_id = e->page_id;
    row->layer_count = e->layer_count;
    row->piece_count = e->piece_count;
    row->checksum = e->unverified ? l->rt->checksums[index] : checksum_of(&blob);
    memcpy(row->layers, blob.layers, sizeof row->layers);
    for (uint32_t i = 0; i < e->piece_count; i++) {
        row->pieces[i] = (buddy_block){e->offsets[i], e->orders[i]};
    }
}

ramtier_saved *ramtier_list(ramtier *rt, uint32_t *count)
{
    pthread_mutex_lock(&rt->mutex);
    listing l = {rt, malloc(rt->index.pages * sizeof *l.rows + 1), 0};
    if (l.rows != NULL) {
        ramindex_walk_by_use(&rt->index, list_entry, &l);
    }
    pthread_mutex_unlock(&rt->mutex);
    *count = l.count;
    return l.rows;
}
