/* crew.h: a crew of threads that shares out a counted piece of work and comes back when all is
 * done.
 *
 *     crew *c = crew_create(0);
 *     crew_run(c, rows, halve_row, &job);     // halve_row(&job, worker, 0 … rows - 1)
 *     crew_destroy(c);
 *
 * Which thread does which index is chance; work that writes only to its own index' place therefore
 * gives the same result for any number of threads. */
#ifndef MEGABUDDY_TOOLS_CREW_H
#define MEGABUDDY_TOOLS_CREW_H

#include <stdint.h>

typedef struct crew crew;

/* `worker`, below crew_threads, is no other thread's at the same time: it names scratch memory. */
typedef void crew_work(void *context, uint32_t worker, uint32_t index);

/* A crew of `threads`, the caller's own included; 0: one a processor. Fewer when the system gives
 * no more threads. Returns NULL without memory. */
crew *crew_create(uint32_t threads);
void crew_destroy(crew *c); /* NULL does nothing */

/* Calls work(context, worker, i) for each i below count, each once, on all threads, and returns
 * when the last call has returned; what the calls wrote is then visible. One caller at a time. */
void crew_run(crew *c, uint32_t count, crew_work *work, void *context);

uint32_t crew_threads(const crew *c);

#endif
