/* figures.c: figures to text and back. */
#include "tools/bench/measure/figures.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest figure as text: its names, 17 digits, blanks. */
_Static_assert(FIGURES_MOST *(32 + 16 + 32) + 8 <= FIGURES_LINE, "a line holds all figures");

void figures_put(figures *f, const char *metric, const char *unit, double value)
{
    assert(f->count < FIGURES_MOST);
    if (!isfinite(value)) {
        return;
    }
    figure *one = &f->all[f->count++];
    (void)snprintf(one->metric, sizeof one->metric, "%s", metric);
    (void)snprintf(one->unit, sizeof one->unit, "%s", unit);
    one->value = value;
}

size_t figures_format(const figures *f, char line[FIGURES_LINE])
{
    size_t length = (size_t)snprintf(line, FIGURES_LINE, "ok");
    for (uint32_t i = 0; i < f->count; i++) {
        const figure *one = &f->all[i];
        length += (size_t)snprintf(line + length, FIGURES_LINE - length, " %s %s %.17g",
                                   one->metric, one->unit, one->value);
    }
    line[length++] = '\n';
    return length;
}

/* The next three words as a figure. False when they are none. */
static bool parse_figure(const char *metric, char **rest, figures *out)
{
    const char *unit = strtok_r(NULL, " ", rest), *text = strtok_r(NULL, " ", rest);
    if (unit == NULL || text == NULL || out->count == FIGURES_MOST) {
        return false;
    }
    char *end;
    double value = strtod(text, &end);
    figures_put(out, metric, unit, value);
    return *end == '\0' && end != text;
}

static bool refuse(char cause[FIGURES_CAUSE], const char *why)
{
    (void)snprintf(cause, FIGURES_CAUSE, "%s", why);
    return false;
}

bool figures_parse(char *line, figures *out, char cause[FIGURES_CAUSE])
{
    char *end = strchr(line, '\n'), *rest;
    *out = (figures){0};
    if (end == NULL) {
        return refuse(cause, "ended without an answer");
    }
    *end = '\0';
    if (strncmp(line, "failed ", 7) == 0) {
        return refuse(cause, line + 7);
    }
    const char *word = strtok_r(line, " ", &rest);
    if (word == NULL || strcmp(word, "ok") != 0) {
        return refuse(cause, "answered something else");
    }
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        if (!parse_figure(word, &rest, out)) {
            return refuse(cause, "answered something else");
        }
    }
    return true;
}
