/* gpu_size.c: the arithmetic of gpu.h, apart from gpu.c so that the fake GPU shares it. */
#include "engine/vram/gpu.h"

uint32_t gpu_tile_bytes(const gpu_desc *desc)
{
    uint32_t bytes = 0;
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        bytes += (uint32_t)texel_page_bytes(desc->formats[layer]);
    }
    return bytes;
}

bool gpu_has_rectangles(const gpu_desc *desc)
{
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        if (desc->formats[layer] != VT_TEXEL_RGBA8) { /* compressed texels cannot lie in one */
            return false;
        }
    }
    return true;
}

static uint64_t tables_bytes(const gpu_desc *desc)
{
    uint64_t entries = 0;
    for (uint32_t i = 0; i < desc->table_count; i++) {
        entries += (uint64_t)desc->tables[i].width * desc->tables[i].height;
    }
    return entries * sizeof(uint64_t) + (uint64_t)desc->table_count * GPU_BLOCK_BYTES;
}

/* Ids and depths, and the buffers on their way back. */
uint64_t gpu_target_bytes(uint64_t texels, uint32_t images)
{
    return texels * (2 + images) * sizeof(uint32_t);
}

bool gpu_has_target_buffer(uint64_t texels, uint32_t images)
{
    return texels * images * sizeof(uint32_t) <= INT32_MAX;
}

static uint64_t feedback_bytes(const gpu_desc *desc)
{
    const uint64_t image = (uint64_t)desc->feedback_width * desc->feedback_height;
    const uint64_t survey = (uint64_t)desc->survey_width * desc->survey_height;
    return gpu_target_bytes(image, GPU_FEEDBACK_BUFFERS) + gpu_target_bytes(survey, 1);
}

uint64_t gpu_bytes(const gpu_desc *desc)
{
    const uint64_t tile = gpu_tile_bytes(desc);
    return (uint64_t)desc->atlas_columns * desc->atlas_rows * tile + desc->staging_tiles * tile +
           tables_bytes(desc) + feedback_bytes(desc);
}
