/* trace.h: a timeline of what each thread did and when, for Perfetto or chrome://tracing.
 *
 *     track "decode 1"    ──[decode]───[decode]───────────      spans: a name, a beginning, an end
 *     track "conductor"   ───[ vt_update [arrivals][table] ]    spans of a track nest or lie apart
 *     counter "missing"   ▁▂▅▇▅▂▁                               counters: a name, a moment, a value
 *
 * Events go into memory that was allocated at create: what comes when it is full is dropped and
 * counted. Every function takes NULL for "no trace", and then costs a call and a branch:
 *
 *     const uint64_t from_ns = vt_trace_now(t);
 *     unpack(page);
 *     vt_trace_span(t, track, "decode", from_ns, page, 1);
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
#pragma GCC visibility push(default)

typedef struct vt_trace vt_trace;

enum {
    VT_TRACE_MAX_TRACKS = 128,    /* 32 readers with two each, 8 decoders, and room to spare */
    VT_TRACE_NAME_BYTES = 24,     /* of a track, NUL included: a longer one is cut */
    VT_TRACE_NO_TRACK = 0xffffff, /* of no trace, or one too many: its spans are dropped */
};

/* The track of the thread that runs the frame. */
#define VT_TRACE_CONDUCTOR "conductor"

/* NULL: no memory. */
vt_trace *vt_trace_create(uint32_t max_events);
void vt_trace_destroy(vt_trace *t); /* no other thread may use it any more; NULL does nothing */

/* The track of that name, made when there is none yet; VT_TRACE_NO_TRACK when there are too many.
 * Takes a lock: ask once. */
uint32_t vt_trace_track(vt_trace *t, const char *name);

/* Now, for the beginning of a span; 0 without a trace. */
uint64_t vt_trace_now(const vt_trace *t);

/* Writes down a span of this name that began at from_ns and ends now, of the packed page (0: of
 * none), with a number to show beside it (bytes, pages). Returns when it ended: where the next one
 * begins. Without a trace 0. */
uint64_t vt_trace_span(vt_trace *t, uint32_t track, const char *name, uint64_t from_ns,
                       uint32_t page_id, uint64_t number);

/* Writes down what something counted is from now_ns on. */
void vt_trace_counter(vt_trace *t, const char *name, uint64_t now_ns, double value);

uint64_t vt_trace_count(const vt_trace *t);   /* events kept; 0 without a trace */
uint64_t vt_trace_dropped(const vt_trace *t); /* events that found no room or no track */

/* Writes all as a JSON object in Chrome's trace event format; times count from create. Events that
 * are just being written are left out. False: the file took not all of it. Without a trace it is
 * an empty one. */
bool vt_trace_write(vt_trace *t, FILE *out);

const char *vt_trace_check(const vt_trace *t); /* NULL when every invariant holds; nobody writes */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
