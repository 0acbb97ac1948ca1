#include "tools/view/window/journal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void journal_init(journal *j)
{
    j->count = j->dropped = 0;
    j->allowed = JOURNAL_BURST;
    j->last = 0;
}

/* A bucket that fills by one a second, up to a burst. */
static bool is_allowed(journal *j, double now)
{
    j->allowed = fmin(j->allowed + fmax(now - j->last, 0), JOURNAL_BURST);
    j->last = now;
    if (j->allowed < 1) {
        return false;
    }
    j->allowed -= 1;
    return true;
}

bool journal_add(journal *j, double now, const char *text)
{
    journal_line *last = j->count ? &j->lines[(j->count - 1) % JOURNAL_LINES] : NULL;
    if (last != NULL && strncmp(last->text, text, sizeof last->text - 1) == 0) {
        last->at = now;
        last->times++;
        return false;
    }
    if (!is_allowed(j, now)) {
        j->dropped++;
        return false;
    }
    journal_line *line = &j->lines[j->count++ % JOURNAL_LINES];
    line->at = now;
    line->times = 1;
    (void)snprintf(line->text, sizeof line->text, "%s", text);
    return true;
}

const journal_line *journal_get(const journal *j, uint32_t i)
{
    return i < j->count && i < JOURNAL_LINES ? &j->lines[(j->count - 1 - i) % JOURNAL_LINES] : NULL;
}
