/* rowband.h: makes a source of a picture that a reader gives as rows: a ring of the rows that are
 * wanted now.
 *
 *     reader ─ read(first, count) ─▶ ring of rows [begin, end) ─▶ fill
 *
 * It does once what every reader would otherwise do itself: forget, grow, skip, wrap. Memory is the
 * width times the rows asked for, rounded up to the reader's chunks. Threads are those of
 * source.h. */
#ifndef MEGABUDDY_TOOLS_BAKE_ROWBAND_H
#define MEGABUDDY_TOOLS_BAKE_ROWBAND_H

#include "tools/bake/source.h"

typedef struct rowband_reader {
    uint32_t chunk; /* rows are read in multiples of this, but for the last; at least 1 */
    bool in_order;  /* the reader gives rows only in order: skipped ones are read too */
    /* Writes rows [first, first + count), width * 4 bytes each, without gaps. `first` is a multiple
     * of chunk; `count` is one too, or reaches to the last row. false: *why says what is wrong, in
     * the reader's own memory; read is not called again. */
    bool (*read)(void *context, uint32_t first, uint32_t count, uint8_t *rgba, const char **why);
    /* Called once: after the last row has been read, so that no file stays open for rows that are
     * in memory, or else when the source closes. */
    void (*close)(void *context);
    void *context;
} rowband_reader;

/* Makes `out`, whose width, height, wrap_x and has_alpha are set, a source of the reader's rows.
 * The reader belongs to it. False: no memory, and the reader has been closed. */
bool rowband_open(const rowband_reader *reader, source *out);

/* Whether the invariants of such a source hold; for tests. */
bool rowband_check(const source *s);

#endif
