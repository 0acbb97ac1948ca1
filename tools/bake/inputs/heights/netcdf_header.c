/* netcdf_header.c: reads the header from front to back, by its grammar:
 *
 *     magic numrecs  dimensions: name length …  attributes: name type count values …
 *     variables: name count dimensions … attributes type size begin …
 *
 * All numbers have the high byte first; names and values are padded to multiples of 4 bytes. */
#include "tools/bake/inputs/heights/netcdf_header.h"

#include "engine/files/regular.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    TAG_DIMENSIONS = 10,
    TAG_VARIABLES = 11,
    TAG_ATTRIBUTES = 12,
    /* libnetcdf's own limits */
    MAX_NAME = 256,
    MAX_DIMENSIONS = 1024,
    MAX_ITEMS = 8192, /* variables, attributes */
};

typedef struct walk {
    FILE *file;
    uint64_t file_bytes, at;
    int version;   /* 1: offsets of 32 bits; 2: of 64; 5: numbers too */
    bool is_short; /* the file ended */
    bool is_damaged;
    uint64_t records;
    uint32_t dimensions;
    uint64_t lengths[MAX_DIMENSIONS]; /* 0: of `records` */
    uint64_t fixed_end;               /* of the data of variables without records, in the file */
    uint64_t record_end;              /* the same of the first record */
    uint64_t record_bytes;            /* of all variables with records, in each */
} walk;

static bool is_good(const walk *w)
{
    return !w->is_short && !w->is_damaged;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A number of so many bytes; 0 when there is none. */
static uint64_t take(walk *w, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < bytes && is_good(w); i++) {
        const int c = getc(w->file);
        w->is_short = c == EOF;
        value = value << 8 | (uint64_t)(c & 255);
    }
    w->at += bytes;
    return is_good(w) ? value : 0;
}

static uint64_t take_number(walk *w)
{
    return take(w, w->version == 5 ? 8 : 4);
}

/* A number that may not be above `most`. */
static uint64_t take_count(walk *w, uint64_t most)
{
    const uint64_t count = take_number(w);
    w->is_damaged = w->is_damaged || count > most;
    return is_good(w) ? count : 0;
}

/* Skips bytes, up to a multiple of 4. */
static void skip(walk *w, uint64_t bytes)
{
    const uint64_t padded = add(bytes, 3) / 4 * 4;
    if (padded > w->file_bytes || w->at > w->file_bytes - padded) {
        w->is_short = true;
    } else if (is_good(w)) {
        w->is_damaged = fseek(w->file, (long)padded, SEEK_CUR) != 0;
        w->at += padded;
    }
}

static void skip_name(walk *w)
{
    const uint64_t length = take_count(w, MAX_NAME);
    w->is_damaged = w->is_damaged || length == 0;
    skip(w, length);
}

/* How many items a list of this tag has. */
static uint64_t take_list(walk *w, uint32_t tag, uint64_t most)
{
    const uint64_t found = take(w, 4);
    const uint64_t count = take_count(w, most);
    w->is_damaged = w->is_damaged || (found != tag && (found != 0 || count != 0));
    return is_good(w) ? count : 0;
}

/* Reads a type: the bytes of a value of it; 0 if there is no such type. */
static uint64_t take_type(walk *w)
{
    static const uint8_t BYTES[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
    const uint64_t type = take(w, 4);
    w->is_damaged = w->is_damaged || type == 0 || type > (w->version == 5 ? 11 : 6);
    return is_good(w) ? BYTES[type] : 0;
}

static void walk_attributes(walk *w)
{
    const uint64_t count = take_list(w, TAG_ATTRIBUTES, MAX_ITEMS);
    for (uint64_t i = 0; i < count && is_good(w); i++) {
        skip_name(w);
        const uint64_t each = take_type(w);
        skip(w, multiply(each, take_number(w)));
    }
}

static void walk_dimensions(walk *w)
{
    w->dimensions = (uint32_t)take_list(w, TAG_DIMENSIONS, MAX_DIMENSIONS);
    for (uint32_t i = 0; i < w->dimensions && is_good(w); i++) {
        skip_name(w);
        w->lengths[i] = take_number(w);
    }
}

/* Values of a variable, or of one record of it. */
static uint64_t walk_shape(walk *w, bool *has_records)
{
    const uint64_t count = take_count(w, MAX_DIMENSIONS);
    uint64_t values = 1;
    *has_records = false;
    for (uint64_t i = 0; i < count && is_good(w); i++) {
        const uint64_t dimension = take_number(w);
        if (dimension >= w->dimensions || (w->lengths[dimension] == 0 && i > 0)) {
            w->is_damaged = true; /* only the first dimension may be the one of records */
        } else if (w->lengths[dimension] == 0) {
            *has_records = true;
        } else {
            values = multiply(values, w->lengths[dimension]);
        }
    }
    return values;
}

static void walk_variable(walk *w)
{
    bool has_records = false;
    skip_name(w);
    const uint64_t values = walk_shape(w, &has_records);
    walk_attributes(w);
    const uint64_t bytes = multiply(values, take_type(w));
    (void)take_number(w); /* its size: it cannot hold large ones, and libnetcdf does not use it */
    const uint64_t end = add(take(w, w->version == 1 ? 4 : 8), bytes);
    if (has_records) {
        w->record_end = end > w->record_end ? end : w->record_end;
        w->record_bytes = add(w->record_bytes, bytes);
    } else {
        w->fixed_end = end > w->fixed_end ? end : w->fixed_end;
    }
}

static void walk_header(walk *w)
{
    w->records = take_number(w);
    walk_dimensions(w);
    walk_attributes(w);
    const uint64_t count = take_list(w, TAG_VARIABLES, MAX_ITEMS);
    for (uint64_t i = 0; i < count && is_good(w); i++) {
        walk_variable(w);
    }
    const uint64_t more = w->records > 1 ? multiply(w->records - 1, w->record_bytes) : 0;
    const uint64_t end = w->records > 0 ? add(w->record_end, more) : 0;
    w->is_short = w->is_short || w->fixed_end > w->file_bytes || end > w->file_bytes;
}

bool netcdf_header_check(const char *path, char *why, size_t why_bytes)
{
    uint8_t magic[4];
    walk w = {0};
    if (!regular_check(path, &w.file_bytes, why, why_bytes)) {
        return false;
    }
    w.file = regular_open(path, why, why_bytes);
    if (w.file == NULL) {
        return false;
    }
    const size_t got = fread(magic, 1, sizeof magic, w.file);
    if (got == sizeof magic && memcmp(magic, "CDF", 3) == 0) {
        w.version = magic[3];
        w.at = sizeof magic;
        w.is_damaged = w.version != 1 && w.version != 2 && w.version != 5;
        walk_header(&w);
    }
    fclose(w.file);
    if (!is_good(&w)) {
        snprintf(why, why_bytes, "%s",
                 w.is_damaged ? "is a damaged netCDF file" : "ends too early: truncated");
    }
    return is_good(&w);
}
