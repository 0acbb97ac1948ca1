/* gpu_size.c: the arithmetic of gpu.h. Apart from gpu.c, so that the fake GPU shares it. */
#include "engine/gpu.h"

uint32_t gpu_tile_bytes(const gpu_desc *desc)
{
    uint32_t bytes = 0;
    for (uint32_t layer = 0; layer < desc->layer_count; layer++) {
        bytes += (uint32_t)texel_page_bytes(desc->formats[layer]);
    }
    return bytes;
}

static uint64_t table_bytes(const page_shape *shape)
{
    uint64_t bytes = 0;
    for (uint32_t mip = 0; mip < shape->mips; mip++) {
        bytes += (uint64_t)page_table_width(shape, mip) * page_table_height(shape, mip) *
                 sizeof(uint32_t);
    }
    return bytes;
}

/* The target's ids and depths, and the buffers on their way back. */
static uint64_t feedback_bytes(const gpu_desc *desc)
{
    const uint64_t image =
        (uint64_t)desc->feedback_width * desc->feedback_height * sizeof(uint32_t);
    return image * (2 + GPU_FEEDBACK_BUFFERS);
}

uint64_t gpu_bytes(const gpu_desc *desc)
{
    const uint64_t tile = gpu_tile_bytes(desc);
    return (uint64_t)desc->atlas_columns * desc->atlas_rows * tile + desc->staging_tiles * tile +
           table_bytes(&desc->shape) + feedback_bytes(desc) + GPU_BLOCK_BYTES;
}
