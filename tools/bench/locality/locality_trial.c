/* locality_trial.c: the process of a trial, and how far neighbours are apart. */
#include "tools/bench/locality/locality_trial.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/measure/memory.h"
#include "tools/bench/results.h"

#define LINE_SHIFT 6u
#define PAGE_SHIFT 12u
#define SAMPLES    10000u /* distances of which the median is taken */

/* ---- neighbours ---- */

typedef struct survey {
    double apart[SAMPLES];
    uint64_t pairs, every; /* each that many is a sample */
    uint64_t same_line, same_page;
    uint32_t samples;
} survey;

static void add_pair(void *context, const node *a, const node *b)
{
    survey *v = context;
    uintptr_t from = (uintptr_t)a, to = (uintptr_t)b;
    v->same_line += from >> LINE_SHIFT == to >> LINE_SHIFT;
    v->same_page += from >> PAGE_SHIFT == to >> PAGE_SHIFT;
    if (v->pairs++ % v->every == 0 && v->samples < SAMPLES) {
        v->apart[v->samples++] = (double)(from > to ? from - to : to - from);
    }
}

static double span_of(const shape_state *s)
{
    uintptr_t first = UINTPTR_MAX, last = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uintptr_t at = (uintptr_t)s->nodes[i];
        first = at < first ? at : first;
        last = at > last ? at : last;
    }
    return (double)(last - first) / s->count;
}

static void look_at_neighbours(shape_state *s, const locality_shape *shape)
{
    survey *v = memory_touched(sizeof *v);
    v->every = s->count / SAMPLES + 1;
    shape->neighbours(s, add_pair, v);
    s->found.same_line = 100.0 * (double)v->same_line / (double)v->pairs;
    s->found.same_page = 100.0 * (double)v->same_page / (double)v->pairs;
    s->found.apart_bytes = bench_median(v->apart, v->samples);
    s->found.span_bytes = span_of(s);
}

/* ---- the process ---- */

static bool work(const locality_spec *spec, locality_figures *out)
{
    shape_state *s = memory_touched(sizeof *s);
    s->source = spec->source;
    s->self = spec->source->open(spec->nodes);
    s->capacity = spec->nodes;
    s->nodes = memory_touched(spec->nodes * (sizeof(node *) + sizeof(uint64_t)));
    s->random = spec->seed;
    s->time_ns = spec->time_ns;
    if (s->self == NULL || !spec->shape->work(s)) {
        return false;
    }
    look_at_neighbours(s, spec->shape);
    *out = s->found;
    return true;
}

/* Works and writes the figures to the pipe. Does not come back. */
static void be_child(const locality_spec *spec, int pipe_end)
{
    locality_figures found;
    bool good = work(spec, &found);
    good = good && write(pipe_end, &found, sizeof(found)) == (ssize_t)sizeof(found);
    _exit(good ? 0 : 1);
}

/* Whether the child ended well. */
static bool wait_for(pid_t child)
{
    int status = 0;
    pid_t ended;
    do {
        ended = waitpid(child, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool locality_run(const locality_spec *spec, locality_figures *out)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        be_child(spec, ends[1]);
    }
    close(ends[1]);
    /* what is in the pipe fits into it, so it may be waited for first */
    bool good = child > 0 && wait_for(child);
    good = good && read(ends[0], out, sizeof *out) == (ssize_t)sizeof *out;
    close(ends[0]);
    return good;
}
