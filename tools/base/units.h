/* units.h: sizes as people write them, "64 MiB", to bytes and back; and numbers, one or some with a
 * separator between them, "1280x720". Pure; any thread. */
#ifndef MEGABUDDY_TOOLS_UNITS_H
#define MEGABUDDY_TOOLS_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UNITS_KNOWN "B, KiB, MiB, GiB or TiB" /* for those who wrote another one */

#define UNITS_TEXT 40u /* bytes that units_format_bytes writes at most, the end included */

/* Reads a size: a decimal number, with a fraction if you like ("1.5 GiB"), then B, KiB, MiB, GiB or
 * TiB; upper or lower case, the blank and the letters "iB" may be left out, no suffix means bytes.
 * KB, MB and GB are refused, since people disagree about what they mean. What is left of a fraction
 * below one byte is dropped. Returns false, and leaves *out alone, when the text is not a size, is
 * negative, or does not fit into 64 bits. */
bool units_parse_bytes(const char *text, uint64_t *out);

/* Writes `bytes` in the largest unit of which there is at least one, with one decimal where it is
 * not 0: "64 MiB", "1.5 GiB", "17 B". Returns `text`. */
const char *units_format_bytes(uint64_t bytes, char text[UNITS_TEXT]);

/* Reads all of `text` as a decimal number from least to most. False, and *out is left alone, when
 * it is none. */
bool units_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* Reads all of `text` as `count` such numbers with `separator` between them, into out[count]. False:
 * it is something else, and nobody should look at `out`. */
bool units_parse_counts(const char *text, char separator, unsigned count, uint32_t least,
                        uint32_t most, uint32_t out[]);

/* The same of decimal numbers with signs, fractions and exponents as they like. */
bool units_parse_reals(const char *text, char separator, unsigned count, double least, double most,
                       double out[]);

#ifdef __cplusplus
}
#endif

#endif
