/* trace.h: a timeline of what each thread did and when, for Perfetto or chrome://tracing.
 *
 *     track "decode 1"    ──[decode]───[decode]───────────      spans: a name, a beginning, an end
 *     track "conductor"   ───[ vt_update [arrivals][table] ]    spans of a track nest or lie apart
 *     counter "missing"   ▁▂▅▇▅▂▁                               counters: a name, a moment, a value
 *
 * Events go into memory that was allocated at create: what comes when it is full is dropped and
 * counted. Every function takes NULL for "no trace", and then costs a call and a branch:
 *
 *     const uint64_t from_ns = trace_now(t);
 *     unpack(page);
 *     trace_span(t, track, "decode", from_ns, page, 1);
 *
 * Threads: any, at once, but for create, destroy, write and check. Writers of events are lock-free.
 * Names of spans and counters are kept as pointers and have to outlive the trace: literals. */
#ifndef MEGABUDDY_ENGINE_TRACE_H
#define MEGABUDDY_ENGINE_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct trace trace;

enum {
    TRACE_MAX_TRACKS = 128,    /* 32 readers with two each, 8 decoders, and room to spare */
    TRACE_NAME_BYTES = 24,     /* of a track, NUL included: a longer one is cut */
    TRACE_NO_TRACK = 0xffffff, /* of no trace, or one too many: its spans are dropped */
};

/* The track of the thread that runs the frame. */
#define TRACE_CONDUCTOR "conductor"

/* NULL: no memory. */
trace *trace_create(uint32_t max_events);
void trace_destroy(trace *t); /* no other thread may use it any more; NULL does nothing */

/* The track of that name, made when there is none yet; TRACE_NO_TRACK when there are too many.
 * Takes a lock: ask once. */
uint32_t trace_track(trace *t, const char *name);

/* Now, for the beginning of a span; 0 without a trace. */
uint64_t trace_now(const trace *t);

/* Writes down a span of this name that began at from_ns and ends now, of the packed page (0: of
 * none), with a number to show beside it (bytes, pages). Returns when it ended: where the next one
 * begins. Without a trace 0. */
uint64_t trace_span(trace *t, uint32_t track, const char *name, uint64_t from_ns, uint32_t page_id,
                    uint64_t number);

/* Writes down what something counted is from now_ns on. */
void trace_counter(trace *t, const char *name, uint64_t now_ns, double value);

uint64_t trace_count(const trace *t);   /* events kept; 0 without a trace */
uint64_t trace_dropped(const trace *t); /* events that found no room or no track */

/* Writes all as a JSON object in Chrome's trace event format; times count from create. Events that
 * are just being written are left out. False: the file took not all of it. Without a trace it is
 * an empty one. */
bool trace_write(trace *t, FILE *out);

const char *trace_check(const trace *t); /* NULL when every invariant holds; nobody writes */

#ifdef __cplusplus
}
#endif

#endif
