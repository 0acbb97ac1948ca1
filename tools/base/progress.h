/* progress.h: a progress bar on stderr, with the time that is left. One thread.
 *
 *     bake [==========>                   ]  34 %   5 s left
 *
 * It is drawn only where somebody can see it: on a terminal, not with `quiet`, and not before
 * delay_ms are over, so that what is quick stays silent. */
#ifndef MEGABUDDY_TOOLS_PROGRESS_H
#define MEGABUDDY_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    const char *label;
    uint64_t begun_ns, drawn_ns; /* of a clock that never goes back */
    uint64_t delay_ns;
    uint64_t before; /* done by an earlier process, in no time of ours */
    bool visible;    /* somebody could see it */
    bool drawn;      /* something is on the line */
} progress;

void progress_begin(progress *p, const char *label, uint32_t delay_ms, bool quiet);
void progress_skip(progress *p, uint64_t before); /* that much was done when it began */
void progress_update(progress *p, uint64_t done, uint64_t total);
void progress_end(progress *p); /* clears the line */

double progress_seconds(const progress *p); /* since begin */

#endif
