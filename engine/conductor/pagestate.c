/* pagestate.c: see pagestate.h. */
#include "engine/conductor/pagestate.h"

#include <stdlib.h>
#include <string.h>

bool pagestate_init(pagestate *s, const vt_shape *shape)
{
    memset(s, 0, sizeof *s);
    s->shape = *shape;
    s->states = calloc(page_count(shape), 1);
    return s->states != NULL;
}

void pagestate_finish(pagestate *s)
{
    free(s->states);
    s->states = NULL;
}

uint64_t pagestate_memory_bytes(const vt_shape *shape)
{
    return page_count(shape);
}

page_state pagestate_get(const pagestate *s, vt_page p)
{
    return (page_state)s->states[page_index(&s->shape, p)];
}

void pagestate_set(pagestate *s, vt_page p, page_state state)
{
    s->states[page_index(&s->shape, p)] = (uint8_t)state;
}

/* Ends the wait of the page that failed first. */
static void retry_first(pagestate *s)
{
    const vt_page p = s->retries[s->retry_first].page;
    if (pagestate_get(s, p) == PAGE_FAILED) { /* else it has come, or is damaged */
        pagestate_set(s, p, PAGE_ABSENT);
    }
    s->retry_first = (s->retry_first + 1) % PAGESTATE_RETRIES;
    s->retry_count--;
}

void pagestate_fail(pagestate *s, vt_page p, uint64_t when)
{
    if (s->retry_count == PAGESTATE_RETRIES) {
        retry_first(s);
    }
    const uint32_t last = (s->retry_first + s->retry_count) % PAGESTATE_RETRIES;
    s->retries[last].page = p;
    s->retries[last].when = when;
    s->retry_count++;
    pagestate_set(s, p, PAGE_FAILED);
}

void pagestate_retry(pagestate *s, uint64_t now)
{
    while (s->retry_count > 0 && s->retries[s->retry_first].when <= now) {
        retry_first(s);
    }
}
