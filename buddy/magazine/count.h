/* magazine/count.h: what a magazine counts as taken from its core. For the files of buddy/magazine,
 * and for buddy/snapshot, which takes blocks of the core past the magazine and has them counted as
 * if it had not. Private to buddy/; any thread. */
#ifndef BUDDY_MAGAZINE_COUNT_H
#define BUDDY_MAGAZINE_COUNT_H

#include "buddy/magazine.h"

/* Counts units as taken from, or given to, the core: after taking and before giving, so that no
 * unit is ever counted twice. */
void magazine_count_taken(buddy_magazine *m, uint64_t units);
void magazine_count_given(buddy_magazine *m, uint64_t units);

#endif
