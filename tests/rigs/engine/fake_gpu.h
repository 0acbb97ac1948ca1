/* fake_gpu.h: gpu.h in plain memory, linked in gpu.c's place, so that all of the streamer is tested
 * without a card. It remembers what a card would hold, and answers as late as a card does.
 *
 * A frame ends with gpu_staging_fence. Tiles come back, and feedback images arrive, `delay` frames
 * after the frame that gave them (1 until set), or at once where the caller waits.
 *
 * Threads: as gpu.h. Staging memory is ordinary memory: ThreadSanitizer sees who touches it. */
#ifndef MEGABUDDY_TESTS_FAKE_GPU_H
#define MEGABUDDY_TESTS_FAKE_GPU_H

#include "engine/vram/gpu.h"

/* The card that gpu_create and its kin find; change it before creating. */
typedef struct fake_gpu_card {
    uint32_t max_slots, max_target_side;
    bool software;
    bool refuses; /* gpu_create fails */
} fake_gpu_card;

extern fake_gpu_card
    fake_gpu_found; /* 128 slots, targets of 16384 texels, software, does not refuse */

/* What has been asked of it since create. */
typedef struct fake_gpu_counts {
    uint64_t uploads; /* calls */
    uint64_t copies, frames, table_writes, table_entries, feedback_passes, surveys, binds;
    uint64_t refused; /* tiles asked for when there was none */
} fake_gpu_counts;

/* The images of passes that begin from now on hold these ids, row by row, then 0. Copied. */
void fake_gpu_feed(gpu *g, const uint32_t *ids, uint32_t count);

/* The same for surveys. */
void fake_gpu_feed_survey(gpu *g, const uint32_t *ids, uint32_t count);

void fake_gpu_set_delay(gpu *g, uint32_t frames);
void fake_gpu_set_exhausted(gpu *g, bool exhausted); /* true: no staging tile is free */

uint32_t fake_gpu_slot_page(const gpu *g, uint32_t x, uint32_t y); /* packed id; 0: never filled */
const uint8_t *fake_gpu_slot_texels(const gpu *g, uint32_t x, uint32_t y); /* gpu_tile_bytes */
uint64_t fake_gpu_entry(const gpu *g, vt_page p); /* of the page table, as the card has it */
const gpu_frame *fake_gpu_frame(const gpu *g);    /* as last bound */
fake_gpu_counts fake_gpu_get_counts(const gpu *g);

/* What a frame drawn now would show: NULL when every table entry of a page that exists points at
 * slots that hold that page or the ancestors the entry names. Entries without a resident page are
 * holes; they are refused when `holes` is false. */
const char *fake_gpu_check_picture(const gpu *g, bool holes);

#endif
