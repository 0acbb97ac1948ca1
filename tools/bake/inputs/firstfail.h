/* firstfail.h: which of the many pieces of work that a crew shares failed first by number, and why.
 * The answer does not depend on how chance has shared them out, since each worker gets its pieces
 * in order.
 *
 * One firstfail a worker, zero at first; each writes to its own. */
#ifndef MEGABUDDY_TOOLS_BAKE_FIRSTFAIL_H
#define MEGABUDDY_TOOLS_BAKE_FIRSTFAIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct firstfail {
    bool failed;
    uint32_t index; /* of the piece, when failed */
    char why[512];
} firstfail;

/* Notes "WHAT: WHY", or WHY alone, of piece `index`, unless an earlier piece has failed. */
static inline void firstfail_note(firstfail *mine, uint32_t index, const char *what,
                                  const char *why)
{
    if (!mine->failed) {
        mine->failed = true;
        mine->index = index;
        snprintf(mine->why, sizeof mine->why, "%s%s%s", what != NULL ? what : "",
                 what != NULL ? ": " : "", why);
    }
}

/* The one of `count` workers with the lowest piece; NULL: none has failed. */
static inline const firstfail *firstfail_of(const firstfail *all, uint32_t count)
{
    const firstfail *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].failed && (first == NULL || all[i].index < first->index)) {
            first = &all[i];
        }
    }
    return first;
}

#endif
