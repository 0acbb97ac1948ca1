/* stream_shared.c: what the frame (stream.c) and its halves (stream_wants.c, stream_arrive.c) all ask:
 * how long ago is stale, whether the camera was just cut. Calls none of them. */
#include "engine/conductor/stream.h"

stream_texture *stream_texture_of(vt *v, vt_page p)
{
    return &v->textures[p.texture - 1];
}

uint64_t stream_stale_before(const vt *v)
{
    const uint64_t keep = 2 * (v->fine ? STREAM_FINE_JITTERS : STREAM_COARSE_JITTERS);
    const uint64_t kept = v->image > keep ? v->image - keep : 0;
    return v->cut_image > kept ? v->cut_image : kept;
}

bool stream_is_after_cut(const vt *v)
{
    return v->cut_epoch > 0 && v->image < v->cut_image + STREAM_CUT_IMAGES;
}

void stream_note(vt *v, stream_event event, uint32_t page_id, uint32_t detail)
{
    /* FNV-1a over whole words: Fowler, Noll and Vo's offset and prime for 64 bits. */
    const uint64_t prime = 0x100000001b3;
    const uint32_t words[] = {(uint32_t)v->image, (uint32_t)event, page_id, detail};
    uint64_t hash = v->stats.events == 0 ? 0xcbf29ce484222325 : v->stats.events_hash;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * prime;
    }
    v->stats.events_hash = hash;
    v->stats.events++;
}
