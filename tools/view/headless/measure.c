#include "tools/view/headless/measure.h"

#include "engine/vt_shared.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double measure_percentile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, ascending);
    const double rank = ceil(share * (double)count);
    const size_t at = rank < 1 ? 0 : (size_t)rank - 1;
    return values[at < count ? at : count - 1];
}

measure_audit measure_verdicts(const uint8_t *verdicts, size_t pixels)
{
    uint64_t seen[256] = {0};
    for (size_t i = 0; i < pixels; i++) {
        seen[verdicts[i]]++;
    }
    const measure_audit audit = {pixels - seen[VT_AUDIT_NOTHING], seen[VT_AUDIT_HOLE],
                                 seen[VT_AUDIT_WRONG], seen[VT_AUDIT_COARSER],
                                 seen[VT_AUDIT_SHARP]};
    return audit;
}

double measure_psnr(const uint8_t *a, const uint8_t *b, const uint8_t *verdicts, size_t pixels)
{
    uint64_t squares = 0, samples = 0;
    for (size_t i = 0; i < pixels; i++) {
        if (verdicts[i] == VT_AUDIT_NOTHING) {
            continue;
        }
        for (size_t k = 4 * i; k < 4 * i + 3; k++) {
            const int difference = a[k] - b[k];
            squares += (uint64_t)(difference * difference);
        }
        samples += 3;
    }
    if (squares == 0) {
        return MEASURE_PSNR_CAP;
    }
    return fmin(10 * log10(255.0 * 255.0 * (double)samples / (double)squares), MEASURE_PSNR_CAP);
}
