#include "tools/view/window/history.h"

#include <math.h>

/* By how much a counter grew since `last`, which becomes its value. */
static double grown(uint64_t now, uint64_t *last)
{
    const uint64_t before = *last;
    *last = now;
    return now >= before ? (double)(now - before) : (double)now;
}

/* The streamer says of how many pixels the page is there that the bias leaves them. Of those a bias
 * of b mips, less than 1, makes about a share of b a mip coarser than they want. */
void history_add(history *h, double ms, const vt_stats *stats)
{
    const uint32_t at = (uint32_t)(h->frames % HISTORY_FRAMES);
    h->values[HISTORY_FRAME_MS][at] = (float)ms;
    h->values[HISTORY_UPLOADS][at] = (float)grown(stats->pages.uploaded, &h->uploaded);
    h->values[HISTORY_READS][at] = (float)(grown(stats->bytes.disk_read, &h->read) / 1024);
    h->values[HISTORY_BIAS][at] = stats->mip_bias;
    h->values[HISTORY_WANTED][at] = 100 * stats->there_share * fmaxf(1 - stats->mip_bias, 0);
    h->frames++;
}

float history_last(const history *h, history_series series)
{
    return h->frames ? h->values[series][(h->frames - 1) % HISTORY_FRAMES] : 0;
}

float history_most(const history *h, history_series series)
{
    float most = 0;
    for (uint32_t i = 0; i < HISTORY_FRAMES && i < h->frames; i++) {
        most = fmaxf(most, h->values[series][i]);
    }
    return most;
}
