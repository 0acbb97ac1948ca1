/* figures.h: what one trial found, and how that goes through a pipe: a line of text.
 *
 *     ok ns_per_op ns 51.25 bytes_per_s B/s 1.9e+10 …
 *     failed the system gives no more threads */
#ifndef MEGABUDDY_TOOLS_BENCH_FIGURES_H
#define MEGABUDDY_TOOLS_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIGURES_MOST  64u /* 32 levels and the rest */
#define FIGURES_LINE  8192u
#define FIGURES_CAUSE 160u

typedef struct figure {
    char metric[32], unit[16]; /* no blanks */
    double value;
} figure;

typedef struct figures {
    figure all[FIGURES_MOST];
    uint32_t count;
} figures;

/* Adds one. What is no number says nothing and is left out. */
void figures_put(figures *f, const char *metric, const char *unit, double value);

/* Writes them as one line with its end. Returns its length. */
size_t figures_format(const figures *f, char line[FIGURES_LINE]);

/* Reads such a line. False with a cause, when it tells one or is no such line. */
bool figures_parse(char *line, figures *out, char cause[FIGURES_CAUSE]);

#endif
