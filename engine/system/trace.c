/* trace.c: one array of events. A writer claims the next index by one addition and fills the event
 * in; a flag in the event then says that it is complete. Events are never removed, so no more than
 * that is needed. */
#include "engine/vt_trace.h"

#include "engine/page/page.h"
#include "engine/system/platform.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define COUNTER (VT_TRACE_NO_ROW + 1) /* in place of a row */

/* Written once, by the thread that claimed it. from_ns <= to_ns; row is one that exists, or
 * COUNTER. */
typedef struct event {
    const char *name;
    uint64_t from_ns;
    uint64_t to_ns; /* a counter's: from_ns */
    union {
        uint64_t number; /* of a span */
        double value;    /* of a counter */
    };
    uint32_t page_id; /* 0: none */
    uint32_t row;
    atomic_bool ready; /* the event is complete: release by the writer, acquire by the reader */
} event;

static_assert(sizeof(event) <= 48, "a million events take 48 MiB");

/* Rows are added under the mutex and never change, so a thread that has a row's number needs no
 * lock. */
struct vt_trace {
    uint64_t began_ns; /* create */
    uint64_t max_events;
    event *events; /* those below claimed belong to their writers until they are ready */
    atomic_uint_fast64_t claimed; /* events, those included that found no room */
    atomic_uint_fast64_t rowless; /* spans dropped for want of a row */
    pthread_mutex_t mutex;
    uint32_t row_count;
    char rows[VT_TRACE_MAX_ROWS][VT_TRACE_NAME_BYTES];
};

/* ---- making, and rows ---- */

vt_trace *vt_trace_create(uint32_t max_events)
{
    vt_trace *t = calloc(1, sizeof *t);
    event *events = calloc(max_events ? max_events : 1, sizeof *events);
    if (t == NULL || events == NULL) {
        free(events);
        free(t);
        return NULL;
    }
    t->began_ns = platform_now_ns();
    t->max_events = max_events;
    t->events = events;
    pthread_mutex_init(&t->mutex, NULL); /* does not fail on Linux with default traits */
    return t;
}

void vt_trace_destroy(vt_trace *t)
{
    if (t != NULL) {
        pthread_mutex_destroy(&t->mutex);
        free(t->events);
        free(t);
    }
}

/* The row of that name, or the next free one. Needs the mutex. */
static uint32_t find_row(const vt_trace *t, const char *name)
{
    uint32_t i = 0;
    while (i < t->row_count && strncmp(t->rows[i], name, VT_TRACE_NAME_BYTES - 1) != 0) {
        i++;
    }
    return i;
}

uint32_t vt_trace_row(vt_trace *t, const char *name)
{
    if (t == NULL) {
        return VT_TRACE_NO_ROW;
    }
    pthread_mutex_lock(&t->mutex);
    const uint32_t row = find_row(t, name);
    if (row == t->row_count && row < VT_TRACE_MAX_ROWS) {
        (void)snprintf(t->rows[row], VT_TRACE_NAME_BYTES, "%s", name);
        t->row_count++;
    }
    pthread_mutex_unlock(&t->mutex);
    return row < VT_TRACE_MAX_ROWS ? row : VT_TRACE_NO_ROW;
}

/* ---- writing events ---- */

uint64_t vt_trace_now(const vt_trace *t)
{
    return t != NULL ? platform_now_ns() : 0;
}

/* free -> claimed; NULL: full. Relaxed: the addition only gives each index to one thread; what the
 * thread then writes is published by `ready`. */
static event *claim(vt_trace *t)
{
    const uint64_t i = atomic_fetch_add_explicit(&t->claimed, 1, memory_order_relaxed);
    return i < t->max_events ? &t->events[i] : NULL;
}

/* claimed -> ready. Release: a reader that sees the flag sees the event. */
static void publish(event *e)
{
    atomic_store_explicit(&e->ready, true, memory_order_release);
}

static bool is_ready(const event *e)
{
    return atomic_load_explicit(&e->ready, memory_order_acquire); /* pairs with publish */
}

uint64_t vt_trace_span(vt_trace *t, uint32_t row, const char *name, uint64_t from_ns,
                       uint32_t page_id, uint64_t number)
{
    if (t == NULL) {
        return 0;
    }
    const uint64_t to_ns = platform_now_ns();
    assert(from_ns <= to_ns && (row < VT_TRACE_MAX_ROWS || row == VT_TRACE_NO_ROW));
    if (row == VT_TRACE_NO_ROW) {
        /* relaxed: a figure to look at */
        atomic_fetch_add_explicit(&t->rowless, 1, memory_order_relaxed);
        return to_ns;
    }
    event *e = claim(t);
    if (e != NULL) {
        e->name = name;
        e->from_ns = from_ns;
        e->to_ns = to_ns;
        e->number = number;
        e->page_id = page_id;
        e->row = row;
        publish(e);
    }
    return to_ns;
}

void vt_trace_counter(vt_trace *t, const char *name, uint64_t now_ns, double value)
{
    event *e = t != NULL ? claim(t) : NULL;
    if (e != NULL) {
        e->name = name;
        e->from_ns = now_ns;
        e->to_ns = now_ns;
        e->value = value;
        e->row = COUNTER;
        publish(e);
    }
}

/* ---- what there is ---- */

static uint64_t claimed_of(const vt_trace *t)
{
    /* relaxed: an event whose index is missed is just being written */
    return atomic_load_explicit(&t->claimed, memory_order_relaxed);
}

uint64_t vt_trace_count(const vt_trace *t)
{
    const uint64_t claimed = t != NULL ? claimed_of(t) : 0;
    return t != NULL && claimed > t->max_events ? t->max_events : claimed;
}

uint64_t vt_trace_dropped(const vt_trace *t)
{
    return t == NULL ? 0
                     : claimed_of(t) - vt_trace_count(t) +
                           /* relaxed: a figure to look at */
                           atomic_load_explicit(&t->rowless, memory_order_relaxed);
}

const char *vt_trace_check(const vt_trace *t)
{
    const uint64_t count = vt_trace_count(t);
    for (uint64_t i = 0; t != NULL && i < t->max_events; i++) {
        const event *e = &t->events[i];
        if (is_ready(e) != (i < count)) {
            return i < count ? "an event was claimed and not written"
                             : "an event was written and not claimed";
        }
        if (i < count && e->from_ns > e->to_ns) {
            return "a span ends before it begins";
        }
        if (i < count && e->row != COUNTER && e->row >= t->row_count) {
            return "a span has no row";
        }
    }
    return NULL;
}

/* ---- JSON ---- */

/* A name as a JSON string. Bytes above 127 are passed on: names are UTF-8. */
static void write_string(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c < 0x20) {
            (void)fprintf(out, "\\u%04x", c);
        } else {
            (void)fprintf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
        }
    }
    (void)fputc('"', out);
}

/* Microseconds with three decimals, in integers: a double does not have enough digits for days. */
static void write_us(FILE *out, const char *key, uint64_t ns)
{
    (void)fprintf(out, ",\"%s\":%" PRIu64 ".%03u", key, ns / 1000, (unsigned)(ns % 1000));
}

/* Nanoseconds since the trace began; 0 for what began before it. */
static uint64_t since_began(const vt_trace *t, uint64_t ns)
{
    return ns > t->began_ns ? ns - t->began_ns : 0;
}

static void write_span(const vt_trace *t, const event *e, FILE *out)
{
    (void)fprintf(out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%" PRIu32 ",\"name\":", e->row + 1);
    write_string(out, e->name);
    write_us(out, "ts", since_began(t, e->from_ns));
    write_us(out, "dur", since_began(t, e->to_ns) - since_began(t, e->from_ns));
    (void)fprintf(out, ",\"args\":{\"number\":%" PRIu64, e->number);
    if (e->page_id != 0) {
        const vt_page p = page_unpack(e->page_id);
        (void)fprintf(out, ",\"texture\":%u,\"mip\":%u,\"x\":%u,\"y\":%u", p.texture, p.mip, p.x,
                      p.y);
    }
    (void)fputs("}}", out);
}

static void write_counter(const vt_trace *t, const event *e, FILE *out)
{
    (void)fputs(",\n{\"ph\":\"C\",\"pid\":1,\"name\":", out);
    write_string(out, e->name);
    write_us(out, "ts", since_began(t, e->from_ns));
    /* JSON has no infinity */
    (void)fprintf(out, ",\"args\":{\"value\":%.9g}}", isfinite(e->value) ? e->value : 0.0);
}

static void write_rows(vt_trace *t, FILE *out)
{
    pthread_mutex_lock(&t->mutex);
    for (uint32_t i = 0; i < t->row_count; i++) {
        (void)fprintf(out,
                      ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%" PRIu32
                      ",\"name\":\"thread_name\",\"args\":{\"name\":",
                      i + 1);
        write_string(out, t->rows[i]);
        (void)fputs("}}", out);
    }
    pthread_mutex_unlock(&t->mutex);
}

bool vt_trace_write(vt_trace *t, FILE *out)
{
    (void)fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
                "{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":"
                "\"megabuddy\"}}",
                out);
    if (t != NULL) {
        write_rows(t, out);
    }
    const uint64_t count = vt_trace_count(t);
    for (uint64_t i = 0; i < count; i++) {
        const event *e = &t->events[i];
        if (is_ready(e)) {
            (e->row == COUNTER ? write_counter : write_span)(t, e, out);
        }
    }
    (void)fprintf(out, "\n],\"otherData\":{\"dropped\":%" PRIu64 "}}\n", vt_trace_dropped(t));
    return fflush(out) == 0 && !ferror(out);
}
