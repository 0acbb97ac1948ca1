/* vt_trace.h: a timeline of what each thread did and when, for Perfetto or chrome://tracing.
 *
 *     row "decode 1"      ──[decode]───[decode]───────────      spans: a name, a beginning, an end
 *     row "conductor"     ───[ vt_update [arrivals][table] ]    spans of a row nest or lie apart
 *     counter "missing"   ▁▂▅▇▅▂▁                               counters: a name, a moment, a value
 *
 * A trace is a table of rows, as those programs draw it (they say track): most threads have one.
 * Events go into memory that was allocated at create; when it is full, further ones are dropped and
 * counted. Every function takes NULL for "no trace", and then costs a call and a branch:
 *
 *     const uint64_t from_ns = vt_trace_now(t);
 *     unpack(page);
 *     vt_trace_span(t, row, "decode", from_ns, page, 1);
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
    VT_TRACE_MAX_ROWS = 128,    /* 32 readers with two each, 8 decoders, and room to spare */
    VT_TRACE_NAME_BYTES = 24,   /* of a row, NUL included: a longer one is cut */
    VT_TRACE_NO_ROW = 0xffffff, /* of no trace, or one too many: its spans are dropped */
};

/* The row of the thread that runs the frame. */
#define VT_TRACE_CONDUCTOR "conductor"

/* NULL: no memory. */
vt_trace *vt_trace_create(uint32_t max_events);
void vt_trace_destroy(vt_trace *t); /* no other thread may use it any more; NULL does nothing */

/* The row of that name, made when there is none yet; VT_TRACE_NO_ROW when there are too many.
 * Takes a lock: ask once. */
uint32_t vt_trace_row(vt_trace *t, const char *name);

/* Now, for the beginning of a span; 0 without a trace. */
uint64_t vt_trace_now(const vt_trace *t);

/* Writes down a span of this name that began at from_ns and ends now. It is about the packed page
 * (0: about none), and has a number to show beside it (bytes, pages). Returns when it ended, which
 * is where the next one begins; 0 without a trace. */
uint64_t vt_trace_span(vt_trace *t, uint32_t row, const char *name, uint64_t from_ns,
                       uint32_t page_id, uint64_t number);

/* Writes down that a counter has this value from now_ns on. */
void vt_trace_counter(vt_trace *t, const char *name, uint64_t now_ns, double value);

uint64_t vt_trace_count(const vt_trace *t);   /* events kept; 0 without a trace */
uint64_t vt_trace_dropped(const vt_trace *t); /* events that found no room or no row */

/* Writes all events as a JSON object in Chrome's trace event format; times count from create. Events
 * that another thread is just writing down are left out. Without a trace the object has no events.
 * False: `out` did not take all of it. */
bool vt_trace_write(vt_trace *t, FILE *out);

const char *vt_trace_check(const vt_trace *t); /* NULL when every invariant holds; nobody writes */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
