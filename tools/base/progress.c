/* progress.c: the progress bar. */
#include "tools/base/progress.h"

#include "tools/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 40, REDRAW_MS = 100 };

void progress_begin(progress *p, const char *label, uint32_t delay_ms, bool quiet)
{
    *p = (progress){
        .label = label,
        .begun_ns = clock_ns(),
        .delay_ns = (uint64_t)delay_ms * NS_PER_MS,
        .visible = !quiet && isatty(STDERR_FILENO),
    };
}

double progress_seconds(const progress *p)
{
    return (double)(clock_ns() - p->begun_ns) * 1e-9;
}

static void draw(const progress *p, uint64_t done, uint64_t total)
{
    char bar[BAR_WIDTH + 1];
    const double share = total > 0 ? (double)done / (double)total : 1.0;
    const int full = (int)(share * BAR_WIDTH);
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', (size_t)full);
    bar[BAR_WIDTH] = '\0';
    const double ours = done > p->before ? (double)(done - p->before) : 0;
    const double left = ours > 0 ? progress_seconds(p) * (double)(total - done) / ours : 0;
    fprintf(stderr, "\r%s [%s] %3d %%  %4.0f s left ", p->label, bar, (int)(share * 100), left);
    fflush(stderr);
}

void progress_skip(progress *p, uint64_t before)
{
    p->before = before;
}

void progress_update(progress *p, uint64_t done, uint64_t total)
{
    const uint64_t now = clock_ns();
    if (!p->visible || now - p->begun_ns < p->delay_ns ||
        (p->drawn && now - p->drawn_ns < (uint64_t)REDRAW_MS * NS_PER_MS)) {
        return;
    }
    p->drawn = true;
    p->drawn_ns = now;
    draw(p, done < total ? done : total, total);
}

void progress_end(progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        p->drawn = false;
    }
}
