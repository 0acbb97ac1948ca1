/* orders_memory.h: the memory of orders.h, between orders_memory.c and orders_run.c. */
#ifndef MEGABUDDY_TESTS_ORDERS_MEMORY_H
#define MEGABUDDY_TESTS_ORDERS_MEMORY_H

#include "tests/orders/orders.h"

#define MEMORY_NOBODY UINT32_MAX /* no thread: what is done is seen by all */

/* Begins a try: no stores, nothing watched, nothing seen. */
void memory_forget(void);

/* One step of the thread `thread`. `order` is what is in effect. */
uint64_t memory_load(uint32_t thread, orders_object object, int order);
void memory_store(uint32_t thread, orders_object object, uint64_t value, int order);
uint64_t memory_modify(uint32_t thread, orders_object object, orders_change change,
                       uint64_t operand, int order);
bool memory_change_if(uint32_t thread, orders_object object, orders_exchange *exchange);
void memory_barrier_of_all(void);

/* Which store the last load read, so that one which reads the same again can be told. */
uint32_t memory_last_read(void);

/* ---- asked by the memory, answered by the runner ---- */

/* A number below `count`: 0 is what most often happens. */
uint32_t run_choose_stale(uint32_t count); /* how many stores before the last to read */
bool run_choose_failure(void);             /* whether a weak exchange fails for no reason */
uint32_t run_thread(void);                 /* at work now, or MEMORY_NOBODY */

#endif
