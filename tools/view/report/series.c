#include "tools/view/report/series.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define UNKNOWN (-1.0)

static const struct {
    const char *name;
    int digits; /* after the point */
} KINDS[SERIES_KINDS] = {
    [SERIES_FRAME_MS] = {"frame_ms", 3},         [SERIES_PLAIN_MS] = {"plain_frame_ms", 3},
    [SERIES_WANTED_SHARE] = {"wanted_share", 6}, [SERIES_UPLOADED] = {"uploaded", 0},
    [SERIES_READ_BYTES] = {"read_bytes", 0},     [SERIES_MIP_BIAS] = {"mip_bias", 3},
    [SERIES_RAM_BYTES] = {"ram_bytes", 0},       [SERIES_VRAM_BYTES] = {"vram_bytes", 0},
};

bool series_init(series *s, uint32_t capacity)
{
    *s = (series){0};
    double *all = malloc((size_t)capacity * SERIES_KINDS * sizeof *all);
    if (all == NULL) {
        return false;
    }
    s->capacity = capacity;
    for (int kind = 0; kind < SERIES_KINDS; kind++) {
        s->values[kind] = all + (size_t)kind * capacity;
    }
    return true;
}

void series_finish(series *s)
{
    free(s->values[0]);
    *s = (series){0};
}

void series_begin(series *s, const vt_stats *stats)
{
    s->uploaded = stats->pages.uploaded;
    s->read = stats->bytes.disk_read;
}

void series_add(series *s, const vt_stats *stats)
{
    assert(s->count < s->capacity);
    const uint32_t at = s->count++;
    s->values[SERIES_FRAME_MS][at] = UNKNOWN;
    s->values[SERIES_PLAIN_MS][at] = UNKNOWN;
    s->values[SERIES_WANTED_SHARE][at] = UNKNOWN;
    s->values[SERIES_UPLOADED][at] = (double)(stats->pages.uploaded - s->uploaded);
    s->values[SERIES_READ_BYTES][at] = (double)(stats->bytes.disk_read - s->read);
    s->values[SERIES_MIP_BIAS][at] = stats->mip_bias;
    s->values[SERIES_RAM_BYTES][at] = (double)stats->ram.used_bytes;
    s->values[SERIES_VRAM_BYTES][at] = (double)stats->vram.used_bytes;
    series_begin(s, stats);
}

const char *series_name(series_kind kind)
{
    return KINDS[kind].name;
}

bool series_knows(const series *s, series_kind kind)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->values[kind][i] >= 0) {
            return true;
        }
    }
    return false;
}

void series_write_json(const series *s, series_kind kind, FILE *out)
{
    (void)fputc('[', out);
    for (uint32_t i = 0; i < s->count; i++) {
        const double value = s->values[kind][i];
        (void)fputs(i > 0 ? "," : "", out);
        if (value >= 0 && isfinite(value)) {
            (void)fprintf(out, "%.*f", KINDS[kind].digits, value);
        } else {
            (void)fputs("null", out);
        }
    }
    (void)fputc(']', out);
}
