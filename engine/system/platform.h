/* platform.h: the little that differs between systems: clocks and threads. Any thread. */
#ifndef MEGABUDDY_ENGINE_PLATFORM_H
#define MEGABUDDY_ENGINE_PLATFORM_H

#include <stdint.h>

/* Nanoseconds of a clock that never goes back. */
uint64_t platform_now_ns(void);

/* Processors that this process may run on; at least 1. */
uint32_t platform_cpu_count(void);

/* Lets the calling thread give way to drawing: lower priority, and a name for debuggers
 * (at most 15 bytes). What the system refuses is left as it was. */
void platform_background_thread(const char *name);

#endif
