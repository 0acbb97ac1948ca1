/* measure.h: figures from many numbers: percentiles, what an audit pass saw, how alike two pictures
 * are. Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_VIEW_MEASURE_H
#define MEGABUDDY_TOOLS_VIEW_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEASURE_PSNR_CAP 99.0 /* decibels; what equal pictures get */

/* The least of values[0 … count) that at least `share` (0 … 1) of them do not exceed. Sorts them.
 * Precondition: count > 0. */
double measure_percentile(double *values, size_t count, double share);

/* Pixels of an audit picture (VT_AUDIT_* of engine/vt_shared.h).
 * holes + wrong + coarser + sharp == textured */
typedef struct measure_audit {
    uint64_t textured, holes, wrong, coarser, sharp;
} measure_audit;

measure_audit measure_verdicts(const uint8_t *verdicts, size_t pixels);

/* Peak signal-to-noise ratio in decibels of the RGB bytes of two RGBA pictures, over the pixels
 * whose verdict is not VT_AUDIT_NOTHING, at most MEASURE_PSNR_CAP. Where there is no such pixel,
 * MEASURE_PSNR_CAP. */
double measure_psnr(const uint8_t *a, const uint8_t *b, const uint8_t *verdicts, size_t pixels);

#endif
