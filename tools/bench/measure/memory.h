/* memory.h: the harness' own memory: straight from the system, so that it leaves no trace in the
 * heap of the malloc that is measured. Never given back: a trial is a process. Where there is none
 * the trial is given up. Any thread. */
#ifndef MEGABUDDY_TOOLS_BENCH_MEMORY_H
#define MEGABUDDY_TOOLS_BENCH_MEMORY_H

#include <stddef.h>

/* Zeroed and at page bounds; touched: no access will fault. */
void *memory_touched(size_t bytes);
void *memory_untouched(size_t bytes);

/* As memory_untouched, but NULL, with errno, where the system would not promise so much. */
void *memory_ask(size_t bytes);

/* Touches each page of what memory_untouched or memory_ask returned. */
void memory_touch(void *start, size_t bytes);

#endif
