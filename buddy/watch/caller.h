/* watch/caller.h: threads by number, in the order in which they first ask. Private to buddy/; any
 * thread. */
#ifndef BUDDY_CALLER_H
#define BUDDY_CALLER_H

#include <stdint.h>

/* The calling thread's number in this process, from 1; never given to another one. */
uint32_t caller_number(void);

#endif
