#include "tools/view/headless/heat.h"

#include "engine/vt_shared.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STOPS = 6, STOP_APART = 51 };
_Static_assert((STOPS - 1) * STOP_APART == 255, "the last stop is the hottest");

/* Lightness grows evenly, so that it reads in grey print too. */
static const uint8_t COLOURS[STOPS][3] = {
    {0, 0, 4}, {66, 12, 100}, {147, 38, 103}, {221, 81, 58}, {252, 165, 10}, {252, 255, 210},
};
static const uint8_t NOT_COMPARED[3] = {58, 64, 72};

void heat_colour(uint8_t heat, uint8_t rgb[3])
{
    const int stop = heat == 255 ? STOPS - 2 : heat / STOP_APART;
    const int past = heat - stop * STOP_APART;
    for (int k = 0; k < 3; k++) {
        const int from = COLOURS[stop][k], to = COLOURS[stop + 1][k];
        rgb[k] = (uint8_t)(from + (to - from) * past / STOP_APART);
    }
}

static uint32_t difference(const uint8_t *a, const uint8_t *b)
{
    uint32_t most = 0;
    for (int k = 0; k < 3; k++) {
        const uint32_t apart = (uint32_t)abs(a[k] - b[k]);
        most = apart > most ? apart : most;
    }
    return most;
}

/* The largest power of two that leaves 999 in 1000 of what differs within 255. */
static uint32_t amplification(const uint64_t counts[256])
{
    uint64_t differing = 0, beyond = 0;
    for (int i = 1; i < 256; i++) {
        differing += counts[i];
    }
    if (differing == 0) {
        return 0;
    }
    uint32_t highest = 255; /* difference that is to be shown */
    while (highest > 1 && (beyond + counts[highest]) * 1000 <= differing) {
        beyond += counts[highest--];
    }
    uint32_t amplified = HEAT_AMPLIFIED_MOST;
    while (amplified > 1 && highest * amplified > 255) {
        amplified /= 2;
    }
    return amplified;
}

uint32_t heat_draw(const uint8_t *a, const uint8_t *b, const uint8_t *verdicts, size_t pixels,
                   uint8_t *out)
{
    uint64_t counts[256] = {0};
    for (size_t i = 0; i < pixels; i++) {
        counts[verdicts[i] != VT_AUDIT_NOTHING ? difference(a + 4 * i, b + 4 * i) : 0]++;
    }
    const uint32_t amplified = amplification(counts);
    for (size_t i = 0; i < pixels; i++) {
        const uint32_t heat = difference(a + 4 * i, b + 4 * i) * amplified;
        if (verdicts[i] == VT_AUDIT_NOTHING) {
            memcpy(out + 4 * i, NOT_COMPARED, 3);
        } else {
            heat_colour((uint8_t)(heat < 255 ? heat : 255), out + 4 * i);
        }
        out[4 * i + 3] = 255;
    }
    return amplified;
}
