/* The timeline: many writers, a full one, and what is written of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/page/page.h"
#include "engine/system/platform.h"
#include "engine/vt_trace.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, EVENTS_EACH = 2000 };

/* The trace as it is written, parsed; to be deleted. */
static cJSON *written(vt_trace *t)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    assert_true(vt_trace_write(t, out));
    assert_int_equal(fclose(out), 0);
    cJSON *json = cJSON_ParseWithLength(text, bytes);
    assert_non_null(json);
    free(text);
    return json;
}

static const char *string_of(const cJSON *event, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(event, key));
    return text != NULL ? text : "";
}

static double number_of(const cJSON *event, const char *key)
{
    const cJSON *number = cJSON_GetObjectItem(event, key);
    assert_true(cJSON_IsNumber(number));
    return cJSON_GetNumberValue(number);
}

/* The n-th event of that kind and name; NULL: there are fewer. */
static const cJSON *find(const cJSON *json, const char *ph, const char *name, uint32_t n)
{
    const cJSON *event;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(json, "traceEvents"))
    {
        if (strcmp(string_of(event, "ph"), ph) == 0 &&
            strcmp(string_of(event, "name"), name) == 0 && n-- == 0) {
            return event;
        }
    }
    return NULL;
}

static double dropped_in(const cJSON *json)
{
    return number_of(cJSON_GetObjectItem(json, "otherData"), "dropped");
}

static void no_trace_takes_everything_and_keeps_nothing(void **state)
{
    (void)state;
    assert_int_equal(vt_trace_row(NULL, "nobody"), VT_TRACE_NO_ROW);
    assert_int_equal(vt_trace_now(NULL), 0);
    assert_int_equal(vt_trace_span(NULL, 3, "nothing", 0, 0, 0), 0);
    vt_trace_counter(NULL, "nothing", 0, 1);
    assert_int_equal(vt_trace_count(NULL) + vt_trace_dropped(NULL), 0);
    assert_null(vt_trace_check(NULL));
    cJSON *json = written(NULL);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "traceEvents")), 1);
    cJSON_Delete(json);
    vt_trace_destroy(NULL);
}

static void spans_say_where_when_and_of_which_page(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(10);
    const uint32_t row = vt_trace_row(t, "decode 1");
    assert_int_equal(vt_trace_row(t, "another"), row + 1);
    assert_int_equal(vt_trace_row(t, "decode 1"), row);
    const vt_page page = {1, 2, 30, 40};
    const uint64_t from_ns = platform_now_ns() + 1234;
    while (platform_now_ns() < from_ns + 5000) {
    }
    const uint64_t to_ns = vt_trace_span(t, row, "decode", from_ns, page_pack(page), 64);
    vt_trace_span(t, row, "insert", 1, 0, 5); /* began before the trace did */
    vt_trace_counter(t, "mip bias", to_ns, 0.25);
    vt_trace_counter(t, "mip bias", to_ns, (double)INFINITY);
    assert_null(vt_trace_check(t));

    cJSON *json = written(t);
    const cJSON *span = find(json, "X", "decode", 0), *args = cJSON_GetObjectItem(span, "args");
    assert_non_null(span);
    assert_true(number_of(span, "ts") >= 1.234);
    assert_float_equal(number_of(span, "dur"), (double)(to_ns - from_ns) / 1000, 0.002);
    assert_int_equal(number_of(args, "mip"), 2);
    assert_int_equal(number_of(args, "x"), 30);
    assert_int_equal(number_of(args, "y"), 40);
    assert_int_equal(number_of(args, "number"), 64);
    assert_int_equal(number_of(find(json, "X", "insert", 0), "ts"), 0);
    const cJSON *name = find(json, "M", "thread_name", 0);
    assert_string_equal(string_of(cJSON_GetObjectItem(name, "args"), "name"), "decode 1");
    assert_int_equal(number_of(name, "tid"), number_of(span, "tid"));
    const cJSON *counter = find(json, "C", "mip bias", 0);
    assert_float_equal(number_of(cJSON_GetObjectItem(counter, "args"), "value"), 0.25, 0);
    assert_non_null(find(json, "C", "mip bias", 1)); /* what JSON cannot say does not break it */
    cJSON_Delete(json);
    vt_trace_destroy(t);
}

static void names_of_any_bytes_are_written_as_json(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(4);
    const uint32_t row = vt_trace_row(t, "\"quoted\\\n\x01");
    vt_trace_span(t, row, "a \"b\" \\ \t", vt_trace_now(t), 0, 0);
    char longer[100];
    memset(longer, 'l', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(vt_trace_row(t, longer), row + 1);
    assert_int_equal(vt_trace_row(t, longer), row + 1);
    cJSON *json = written(t);
    assert_non_null(find(json, "X", "a \"b\" \\ \t", 0));
    const cJSON *args = cJSON_GetObjectItem(find(json, "M", "thread_name", 0), "args");
    assert_string_equal(string_of(args, "name"), "\"quoted\\\n\x01");
    cJSON_Delete(json);
    vt_trace_destroy(t);
}

static void a_full_trace_drops_what_comes_later_and_counts_it(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(3);
    const uint32_t row = vt_trace_row(t, "one");
    for (uint32_t i = 0; i < 5; i++) {
        assert_true(vt_trace_span(t, row, "span", vt_trace_now(t), 0, i) > 0);
    }
    vt_trace_counter(t, "counter", vt_trace_now(t), 1);
    assert_int_equal(vt_trace_count(t), 3);
    assert_int_equal(vt_trace_dropped(t), 3);
    assert_null(vt_trace_check(t));
    cJSON *json = written(t);
    assert_int_equal(number_of(cJSON_GetObjectItem(find(json, "X", "span", 2), "args"), "number"),
                     2);
    assert_null(find(json, "X", "span", 3));
    assert_null(find(json, "C", "counter", 0));
    assert_int_equal(dropped_in(json), 3);
    cJSON_Delete(json);
    vt_trace_destroy(t);

    t = vt_trace_create(0);
    vt_trace_counter(t, "counter", 0, 1);
    assert_int_equal(vt_trace_dropped(t), 1);
    vt_trace_destroy(t);
}

static void too_many_rows_lose_their_spans_only(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(VT_TRACE_MAX_ROWS + 8);
    for (uint32_t i = 0; i < VT_TRACE_MAX_ROWS + 2; i++) {
        char name[VT_TRACE_NAME_BYTES];
        (void)snprintf(name, sizeof name, "row %u", i);
        const uint32_t row = vt_trace_row(t, name);
        assert_int_equal(row, i < VT_TRACE_MAX_ROWS ? i : VT_TRACE_NO_ROW);
        vt_trace_span(t, row, "span", vt_trace_now(t), 0, i);
    }
    assert_int_equal(vt_trace_count(t), VT_TRACE_MAX_ROWS);
    assert_int_equal(vt_trace_dropped(t), 2);
    assert_null(vt_trace_check(t));
    vt_trace_destroy(t);
}

/* A thread of those that write at once. */
typedef struct writer {
    vt_trace *trace;
    uint32_t index;
    pthread_t thread;
} writer;

static void *write_events(void *argument)
{
    const writer *w = argument;
    char name[VT_TRACE_NAME_BYTES];
    (void)snprintf(name, sizeof name, "writer %u", w->index);
    const uint32_t row = vt_trace_row(w->trace, name);
    for (uint32_t i = 0; i < EVENTS_EACH; i++) {
        const uint64_t to_ns = vt_trace_span(w->trace, row, "work", vt_trace_now(w->trace), 0,
                                             w->index * EVENTS_EACH + i);
        vt_trace_counter(w->trace, "done", to_ns, i);
    }
    return NULL;
}

/* Every number of every thread is there exactly once, on its thread's row. */
static void assert_all_there(const cJSON *json)
{
    static uint8_t seen[THREADS * EVENTS_EACH];
    uint32_t tids[THREADS] = {0}, counters = 0;
    memset(seen, 0, sizeof seen);
    const cJSON *event;
    cJSON_ArrayForEach(event, cJSON_GetObjectItem(json, "traceEvents"))
    {
        counters += strcmp(string_of(event, "ph"), "C") == 0;
        if (strcmp(string_of(event, "ph"), "X") != 0) {
            continue;
        }
        const uint32_t n = (uint32_t)number_of(cJSON_GetObjectItem(event, "args"), "number");
        const uint32_t tid = (uint32_t)number_of(event, "tid");
        assert_true(n < THREADS * EVENTS_EACH && seen[n]++ == 0);
        assert_true(tids[n / EVENTS_EACH] == 0 || tids[n / EVENTS_EACH] == tid);
        tids[n / EVENTS_EACH] = tid;
    }
    for (uint32_t i = 0; i < sizeof seen; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_int_equal(counters, THREADS * EVENTS_EACH);
}

static void threads_that_write_at_once_lose_nothing(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(2 * THREADS * EVENTS_EACH);
    writer writers[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        writers[i] = (writer){.trace = t, .index = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_events, &writers[i]), 0);
    }
    cJSON_Delete(written(t)); /* while they write: what is whole by then, and valid */
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(writers[i].thread, NULL);
    }
    assert_int_equal(vt_trace_count(t), 2 * THREADS * EVENTS_EACH);
    assert_int_equal(vt_trace_dropped(t), 0);
    assert_null(vt_trace_check(t));
    cJSON *json = written(t);
    assert_all_there(json);
    cJSON_Delete(json);
    vt_trace_destroy(t);
}

static void a_file_that_takes_no_more_is_reported(void **state)
{
    (void)state;
    vt_trace *t = vt_trace_create(1);
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL) {
        vt_trace_destroy(t);
        skip();
    }
    assert_false(vt_trace_write(t, full));
    (void)fclose(full);
    vt_trace_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_trace_takes_everything_and_keeps_nothing),
        cmocka_unit_test(spans_say_where_when_and_of_which_page),
        cmocka_unit_test(names_of_any_bytes_are_written_as_json),
        cmocka_unit_test(a_full_trace_drops_what_comes_later_and_counts_it),
        cmocka_unit_test(too_many_rows_lose_their_spans_only),
        cmocka_unit_test(threads_that_write_at_once_lose_nothing),
        cmocka_unit_test(a_file_that_takes_no_more_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
