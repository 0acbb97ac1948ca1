#include "tools/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* 9 digits: a fraction of a TiB to the kilobyte, and its numerator times 2^10 stays far below 2^64
 */
#define FRACTION_LIMIT UINT64_C(1000000000)

static const char UNIT_LETTERS[] = "BKMGT"; /* each 2^10 times the one before */

static const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    return text;
}

/* Reads decimal digits into *whole. Returns where they end, or NULL when they do not fit. */
static const char *read_whole(const char *text, uint64_t *whole)
{
    uint64_t value = 0;
    for (; isdigit((unsigned char)*text); text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        value = value * 10 + digit;
    }
    *whole = value;
    return text;
}

/* Reads the digits after a point as numerator / denominator; further digits are too small to
 * matter. */
static const char *read_fraction(const char *text, uint64_t *numerator, uint64_t *denominator)
{
    for (; isdigit((unsigned char)*text); text++) {
        if (*denominator < FRACTION_LIMIT) {
            *numerator = *numerator * 10 + (unsigned)(*text - '0');
            *denominator *= 10;
        }
    }
    return text;
}

/* The power of two that a suffix stands for, or -1 when it is none. */
static int suffix_shift(const char *suffix)
{
    if (*suffix == '\0' || strcasecmp(suffix, "B") == 0) {
        return 0;
    }
    for (int i = 1; UNIT_LETTERS[i] != '\0'; i++) {
        bool letter = toupper((unsigned char)*suffix) == UNIT_LETTERS[i];
        if (letter && (suffix[1] == '\0' || strcasecmp(suffix + 1, "iB") == 0)) {
            return 10 * i;
        }
    }
    return -1;
}

/* numerator / denominator * 2^shift, rounded down, ten bits at a time so that nothing overflows. */
static uint64_t scale_fraction(uint64_t numerator, uint64_t denominator, int shift)
{
    uint64_t scaled = 0;
    for (; shift > 0; shift -= 10) {
        numerator <<= 10;
        scaled = scaled << 10 | numerator / denominator;
        numerator %= denominator;
    }
    return scaled;
}

/* Copies the letters of a suffix. False when there are too many, or when more than blanks follows.
 */
static bool copy_suffix(const char *text, char suffix[4])
{
    int length = 0;
    while (isalpha((unsigned char)*text)) {
        if (length == 3) {
            return false;
        }
        suffix[length++] = *text++;
    }
    suffix[length] = '\0';
    return *skip_blanks(text) == '\0';
}

bool units_parse_bytes(const char *text, uint64_t *out)
{
    uint64_t whole = 0, numerator = 0, denominator = 1;
    text = skip_blanks(text);
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    text = read_whole(text, &whole);
    if (text == NULL) {
        return false;
    }
    if (*text == '.') {
        if (!isdigit((unsigned char)text[1])) {
            return false;
        }
        text = read_fraction(text + 1, &numerator, &denominator);
    }
    char suffix[4];
    if (!copy_suffix(skip_blanks(text), suffix)) {
        return false;
    }
    int shift = suffix_shift(suffix);
    if (shift < 0 || whole > UINT64_MAX >> shift) {
        return false;
    }
    *out = (whole << shift) + scale_fraction(numerator, denominator, shift);
    return true;
}

const char *units_format_bytes(uint64_t bytes, char text[UNITS_TEXT])
{
    static const char names[][4] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned unit = 0, rest = 0; /* rest: 1/1024 of the unit */
    while (bytes >= 1024 && unit + 1 < sizeof names / sizeof names[0]) {
        rest = (unsigned)(bytes % 1024);
        bytes /= 1024;
        unit++;
    }
    unsigned tenths = rest * 10 / 1024;
    if (tenths == 0) {
        (void)snprintf(text, UNITS_TEXT, "%" PRIu64 " %s", bytes, names[unit]);
    } else {
        (void)snprintf(text, UNITS_TEXT, "%" PRIu64 ".%u %s", bytes, tenths, names[unit]);
    }
    return text;
}

/* Reads a decimal number that begins `text`. Returns where it ends; NULL: it is none of these. */
static const char *read_count(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text)) { /* strtoull would take a sign or a blank */
        return NULL;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno == 0 && *out >= least && *out <= most ? end : NULL;
}

bool units_parse_count(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    uint64_t value;
    const char *end = read_count(text, least, most, &value);
    if (end == NULL || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

/* Whether what follows number i of `count` is what has to follow it. */
static bool ends_well(const char *end, char separator, unsigned i, unsigned count)
{
    return end != NULL && *end == (i + 1 < count ? separator : '\0');
}

bool units_parse_counts(const char *text, char separator, unsigned count, uint32_t least,
                        uint32_t most, uint32_t out[])
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t value;
        const char *end = read_count(text, least, most, &value);
        if (!ends_well(end, separator, i, count)) {
            return false;
        }
        out[i] = (uint32_t)value;
        text = end + 1;
    }
    return true;
}

static const char *read_real(const char *text, double least, double most, double *out)
{
    char *end;
    const size_t length = strspn(text, "0123456789.eE+-");
    *out = strtod(text, &end);
    /* strtod would take blanks, "inf", "nan" and hexadecimal */
    return end != text && end <= text + length && *out >= least && *out <= most ? end : NULL;
}

bool units_parse_reals(const char *text, char separator, unsigned count, double least, double most,
                       double out[])
{
    for (unsigned i = 0; i < count; i++) {
        const char *end = read_real(text, least, most, &out[i]);
        if (!ends_well(end, separator, i, count)) {
            return false;
        }
        text = end + 1;
    }
    return true;
}
