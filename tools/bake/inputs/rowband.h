/* rowband.h: the rows of a picture that comes as a stream: a ring of those that are wanted now.
 *
 *     reader ─ read(first, count) ─▶ ring of rows [begin, end) ─▶ fill
 *
 * What every reader of files would otherwise do by itself: forget, grow, skip, wrap. Memory is the
 * width times the rows asked for, rounded up to the reader's chunks. Threads are those of source.h.
 */
#ifndef MEGABUDDY_TOOLS_BAKE_ROWBAND_H
#define MEGABUDDY_TOOLS_BAKE_ROWBAND_H

#include "tools/bake/source.h"

typedef struct rowband_reader {
    uint32_t chunk; /* rows are read in multiples of this, but for the last; at least 1 */
    bool in_order;  /* rows come from the top down only: those before the first are read as well */
    /* Writes rows [first, first + count), width * 4 bytes each, without gaps. first is a multiple
     * of chunk, and count is one or reaches to the last row. false: *why says what is wrong, in the
     * reader's own memory; nothing is read after that. */
    bool (*read)(void *context, uint32_t first, uint32_t count, uint8_t *rgba, const char **why);
    /* Called once: when the last row has been read, so that no file stays open for rows that are
     * here, or when the source closes. */
    void (*close)(void *context);
    void *context;
} rowband_reader;

/* Makes `out`, whose width, height, wrap_x and has_alpha are set, a source of the reader's rows.
 * The reader belongs to it then. Returns false without memory; the reader is closed then. */
bool rowband_open(const rowband_reader *reader, source *out);

/* Whether the band of a source of rowband_open is as it should be; for tests. */
bool rowband_check(const source *s);

#endif
