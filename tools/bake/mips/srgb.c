/* srgb.c: the tables are made once with pow(). Its errors in the last bit are far too small to
 * change a value that is rounded to 22 bits (a test checks the margin), so the tables are the same
 * with any libm. */
#include "tools/bake/mips/srgb.h"

#include <math.h>
#include <pthread.h>
#include <stddef.h>

enum {
    /* Thresholds between neighbouring bytes are at least 2^24 / (255 * 12.92) = 5092 apart, so a
     * bin of 4096 holds one at most, and encoding is one look-up and one comparison. */
    BIN_SHIFT = 12,
    BINS = 4 * SRGB_ONE >> BIN_SHIFT,
};

static struct {
    uint32_t linear[256];
    uint32_t threshold[257];  /* the smallest sum that encodes to this byte; [256]: never reached */
    uint8_t at_bin[BINS + 1]; /* the byte at the bin's beginning */
} tables;

static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static double decode(double encoded)
{
    return encoded <= 0.04045 ? encoded / 12.92 : pow((encoded + 0.055) / 1.055, 2.4);
}

static void make_tables(void)
{
    for (int i = 0; i < 256; i++) {
        tables.linear[i] = (uint32_t)floor(decode(i / 255.0) * SRGB_ONE + 0.5);
        tables.threshold[i] =
            i == 0 ? 0 : (uint32_t)ceil(decode((i - 0.5) / 255.0) * (4.0 * SRGB_ONE));
    }
    tables.threshold[256] = UINT32_MAX;
    uint32_t byte = 0;
    for (uint32_t bin = 0; bin <= BINS; bin++) {
        while (tables.threshold[byte + 1] <= bin << BIN_SHIFT) {
            byte++;
        }
        tables.at_bin[bin] = (uint8_t)byte;
    }
}

static uint8_t encode(uint32_t sum)
{
    const uint32_t byte = tables.at_bin[sum >> BIN_SHIFT];
    return (uint8_t)(byte + (sum >= tables.threshold[byte + 1]));
}

uint32_t srgb_decode(uint8_t value)
{
    pthread_once(&tables_once, make_tables);
    return tables.linear[value];
}

uint8_t srgb_encode_sum(uint32_t sum_of_four)
{
    pthread_once(&tables_once, make_tables);
    return encode(sum_of_four);
}

static void halve_opaque(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d,
                         uint8_t *out)
{
    const uint32_t *linear = tables.linear;
    for (int i = 0; i < 3; i++) {
        out[i] = encode(linear[a[i]] + linear[b[i]] + linear[c[i]] + linear[d[i]]);
    }
    out[3] = a[3];
}

/* Averages by alpha: invisible texels do not colour visible ones. */
static void halve_by_alpha(const uint8_t *four[4], uint8_t *out)
{
    const uint32_t alpha = four[0][3] + four[1][3] + four[2][3] + four[3][3];
    for (int i = 0; i < 3; i++) {
        uint64_t sum = 0;
        for (int k = 0; k < 4; k++) {
            sum += (uint64_t)tables.linear[four[k][i]] * four[k][3];
        }
        out[i] = encode((uint32_t)((4 * sum + alpha / 2) / alpha));
    }
    out[3] = (uint8_t)((alpha + 2u) / 4u);
}

static void halve_texel(const uint8_t *a, const uint8_t *b, const uint8_t *c, const uint8_t *d,
                        uint8_t *out)
{
    if (a[3] == b[3] && a[3] == c[3] && a[3] == d[3]) {
        halve_opaque(a, b, c, d, out);
    } else {
        halve_by_alpha((const uint8_t *[4]){a, b, c, d}, out);
    }
}

void srgb_halve_rows(const uint8_t *above, const uint8_t *below, uint32_t width, uint8_t *out)
{
    pthread_once(&tables_once, make_tables);
    for (uint32_t x = 0; x + 1 < width; x += 2) {
        const size_t at = (size_t)x * 4;
        halve_texel(above + at, above + at + 4, below + at, below + at + 4, out + at / 2);
    }
    if (width % 2 == 1) {
        const size_t at = (size_t)(width - 1) * 4;
        halve_texel(above + at, above + at, below + at, below + at, out + at / 2);
    }
}
