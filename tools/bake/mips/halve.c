/* halve.c: makes a texel of four, by a 2x2 box filter over what the bytes mean: light (srgb.c has
 * that), numbers, or directions. */
#include "tools/bake/mips/halve.h"

#include "tools/bake/mips/srgb.h"

#include <math.h>
#include <stddef.h>

static void halve_linear(const uint8_t *four[4], uint8_t *out)
{
    for (int c = 0; c < 4; c++) {
        out[c] = (uint8_t)((four[0][c] + four[1][c] + four[2][c] + four[3][c] + 2u) / 4u);
    }
}

static uint8_t component_byte(float v)
{
    return (uint8_t)(v * 127 + 128.5f); /* -1 … 1 to 1 … 255 */
}

void halve_put_normal(float x, float y, float z, uint8_t *texel)
{
    texel[0] = component_byte(x);
    texel[1] = component_byte(y);
    texel[2] = component_byte(z);
    texel[3] = 255;
}

/* Adds four unit vectors and makes the sum a unit vector again. z is not read but follows from x
 * and y, since BC5 does not store it. */
static void halve_normal(const uint8_t *four[4], uint8_t *out)
{
    float x = 0, y = 0, z = 0;
    for (int k = 0; k < 4; k++) {
        const float here_x = ((float)four[k][0] - 128) / 127,
                    here_y = ((float)four[k][1] - 128) / 127;
        const float rest = 1 - here_x * here_x - here_y * here_y;
        x += here_x;
        y += here_y;
        z += rest > 0 ? sqrtf(rest) : 0;
    }
    const float length = sqrtf(x * x + y * y + z * z);
    if (length > 1e-6f) {
        halve_put_normal(x / length, y / length, z / length, out);
    } else { /* four that cancel each other: upright */
        halve_put_normal(0, 0, 1, out);
    }
}

/* Halves two rows of numbers or normals. The last texel of an odd width is its own neighbour. */
static void halve_bytes(halve_kind kind, const uint8_t *above, const uint8_t *below, uint32_t width,
                        uint8_t *out)
{
    for (uint32_t x = 0; x < width; x += 2, out += 4) {
        const size_t left = (size_t)x * 4, right = x + 1 < width ? left + 4 : left;
        const uint8_t *four[4] = {above + left, above + right, below + left, below + right};
        if (kind == HALVE_NORMAL) {
            halve_normal(four, out);
        } else {
            halve_linear(four, out);
        }
    }
}

void halve_rows(halve_kind kind, const uint8_t *above, const uint8_t *below, uint32_t width,
                uint8_t *out)
{
    if (kind == HALVE_SRGB) {
        srgb_halve_rows(above, below, width, out);
    } else {
        halve_bytes(kind, above, below, width, out);
    }
}
