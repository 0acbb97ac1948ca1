/* noise.c: along a row within one cell, what each corner pulls is linear in x; so a cell is set up
 * once and a texel costs a few multiplications. */
#include "tools/bake/noise.h"

#include <assert.h>

uint32_t noise_hash(uint32_t seed, uint32_t x, uint32_t y)
{
    /* odd constants with evenly spread bits; each step is a bijection of 32 bits */
    uint32_t h = seed * 0x9e3779b1u + x * 0x85ebca77u + y * 0xc2b2ae3du;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

static float smoothstep(float t)
{
    return t * t * t * (t * (t * 6 - 15) + 10); /* its second derivative is 0 at both ends */
}

/* A gradient component of 16 bits, -1 … 1. */
static float component(uint32_t bits)
{
    return (float)((int32_t)(bits & 0xffffu) - 32768) * (1.0f / 32768);
}

/* What the lattice line at x pulls along the row: offset + slope * (distance from the line). */
typedef struct pull {
    float offset, slope;
} pull;

static pull pull_of_line(uint32_t seed, uint32_t x, uint32_t y, float fy, float blend)
{
    const uint32_t above = noise_hash(seed, x, y), below = noise_hash(seed, x, y + 1);
    const float offset_above = component(above >> 16) * fy;
    const float offset_below = component(below >> 16) * (fy - 1);
    return (pull){
        offset_above + blend * (offset_below - offset_above),
        component(above) + blend * (component(below) - component(above)),
    };
}

/* One cell of `size` texels between two lattice lines. */
static void add_cell(pull left, pull right, float gain, uint32_t size, float *sum)
{
    const float step = 1.0f / (float)size;
    for (uint32_t i = 0; i < size; i++) {
        const float fx = ((float)i + 0.5f) * step;
        const float a = left.offset + left.slope * fx;
        const float b = right.offset + right.slope * (fx - 1);
        sum[i] += gain * (a + smoothstep(fx) * (b - a));
    }
}

/* The same for four texels, with the loop and its constants unrolled: it is where the time goes. */
static void add_cell_of_four(pull left, pull right, float gain, float *sum)
{
    add_cell(left, right, gain, 4, sum);
}

void noise_add_row(const noise_octave *octave, uint32_t width, uint32_t y, float *sum)
{
    const uint32_t size = width / octave->cells;
    assert(size > 0 && size * octave->cells == width);
    const uint32_t cell_y = y / size;
    const float fy = ((float)(y % size) + 0.5f) / (float)size;
    const float blend = smoothstep(fy);
    const float gain = octave->gain * 1.5f; /* gradient noise alone stays within about 2/3 */
    const pull first = pull_of_line(octave->seed, 0, cell_y, fy, blend);
    pull left = first;
    for (uint32_t cell = 0; cell < octave->cells; cell++, sum += size) {
        const pull right = cell + 1 < octave->cells
                               ? pull_of_line(octave->seed, cell + 1, cell_y, fy, blend)
                               : first;
        if (size == 4) {
            add_cell_of_four(left, right, gain, sum);
        } else {
            add_cell(left, right, gain, size, sum);
        }
        left = right;
    }
}
