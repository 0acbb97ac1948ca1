/* tilenames.c: lists and sorts the names that fit the pattern. A missing tile shows as a gap in the
 * list, so nothing is allocated for what a name with a large number promises. */
#include "tools/bake/inputs/tilenames.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 9 /* such numbers fit 32 bits */

/* "before{x}between{y}after", or with y first. Its parts lie in the pattern itself. */
typedef struct pattern {
    const char *before, *between, *after;
    size_t before_length, between_length;
    bool y_first;
} pattern;

typedef struct found {
    uint32_t x, y;
    char *name;
} found;

typedef struct finds {
    found *at;
    size_t count, room;
} finds;

/* ---- names ---- */

/* Finds {x} and {y} in the pattern. False: they are missing, or their digits could not be told
 * apart. */
static bool parse(const char *text, pattern *out)
{
    const char *x = strstr(text, "{x}"), *y = strstr(text, "{y}");
    if (x == NULL || y == NULL) {
        return false;
    }
    out->y_first = y < x;
    const char *first = out->y_first ? y : x, *second = out->y_first ? x : y;
    out->before = text;
    out->before_length = (size_t)(first - text);
    out->between = first + 3;
    out->between_length = (size_t)(second - out->between);
    out->after = second + 3;
    /* what lies between must not be taken for digits */
    return out->between_length > 0 && strchr("0123456789", out->between[0]) == NULL;
}

/* Reads digits at *at and moves behind them. */
static bool take_number(const char **at, uint32_t *out)
{
    const size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > MAX_DIGITS) {
        return false;
    }
    *out = (uint32_t)strtoul(*at, NULL, 10);
    *at += digits;
    return true;
}

/* Whether the name fits the pattern, and if so, which tile it is. */
static bool matches(const pattern *p, const char *name, found *out)
{
    uint32_t *first = p->y_first ? &out->y : &out->x, *second = p->y_first ? &out->x : &out->y;
    if (strncmp(name, p->before, p->before_length) != 0) {
        return false;
    }
    name += p->before_length;
    if (!take_number(&name, first) || strncmp(name, p->between, p->between_length) != 0) {
        return false;
    }
    name += p->between_length;
    return take_number(&name, second) && strcmp(name, p->after) == 0;
}

/* The name of a tile that is not there, as the pattern would have it. */
static void say_missing(const pattern *p, uint32_t x, uint32_t y, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "%.*s%" PRIu32 "%.*s%" PRIu32 "%s: is missing", (int)p->before_length,
             p->before, p->y_first ? y : x, (int)p->between_length, p->between, p->y_first ? x : y,
             p->after);
}

/* ---- the list ---- */

static void free_finds(finds *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->at[i].name);
    }
    free(f->at);
    *f = (finds){0};
}

/* Appends a copy of the name. False: no memory. */
static bool add(finds *f, found tile, const char *name)
{
    if (f->count == f->room) {
        const size_t room = f->room == 0 ? 64 : f->room * 2;
        found *more = realloc(f->at, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        f->at = more;
        f->room = room;
    }
    tile.name = strdup(name);
    if (tile.name == NULL) {
        return false;
    }
    f->at[f->count++] = tile;
    return true;
}

static int by_place(const void *a, const void *b)
{
    const found *f = a, *g = b;
    if (f->y != g->y) {
        return f->y < g->y ? -1 : 1;
    }
    return f->x < g->x ? -1 : f->x > g->x;
}

/* Lists the names in the folder that fit the pattern, sorted row by row. Returns NULL, or what is
 * wrong. */
static const char *list(const char *folder, const pattern *p, finds *out)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        return strerror(errno);
    }
    bool kept = true;
    for (const struct dirent *e = readdir(d); e != NULL && kept; e = readdir(d)) {
        found tile = {0};
        kept = !matches(p, e->d_name, &tile) || add(out, tile, e->d_name);
    }
    closedir(d);
    if (!kept || out->count > UINT32_MAX) {
        return "holds more tiles than there is memory";
    }
    if (out->count > 1) {
        qsort(out->at, out->count, sizeof *out->at, by_place);
    }
    return NULL;
}

/* Whether the sorted list is a complete grid; *columns is its width. */
static bool is_whole(const finds *f, const pattern *p, uint32_t *columns, char *why,
                     size_t why_bytes)
{
    uint32_t widest = 0;
    for (size_t i = 0; i < f->count; i++) {
        widest = f->at[i].x > widest ? f->at[i].x : widest;
    }
    *columns = widest + 1;
    for (size_t i = 0; i < f->count; i++) {
        const found *tile = &f->at[i];
        if (i > 0 && by_place(tile - 1, tile) == 0) {
            snprintf(why, why_bytes, "%s: has the place of %s", tile->name, tile[-1].name);
            return false;
        }
        if (tile->x != i % *columns || tile->y != i / *columns) {
            say_missing(p, (uint32_t)(i % *columns), (uint32_t)(i / *columns), why, why_bytes);
            return false;
        }
    }
    if (f->count % *columns != 0) {
        const size_t i = f->count;
        say_missing(p, (uint32_t)(i % *columns), (uint32_t)(i / *columns), why, why_bytes);
        return false;
    }
    return true;
}

/* Moves the names from the list to *out. */
static bool take_names(finds *f, uint32_t columns, tilenames *out)
{
    out->names = malloc(f->count * sizeof *out->names);
    if (out->names == NULL) {
        return false;
    }
    for (size_t i = 0; i < f->count; i++) {
        out->names[i] = f->at[i].name;
        f->at[i].name = NULL;
    }
    out->columns = columns;
    out->rows = (uint32_t)(f->count / columns);
    return true;
}

/* Finds the tiles of out->folder. */
static bool find(const pattern *p, tilenames *out, char *why, size_t why_bytes)
{
    finds f = {0};
    uint32_t columns = 0;
    const char *wrong = list(out->folder, p, &f);
    bool found_all = wrong == NULL;
    if (found_all && f.count == 0) {
        wrong = "no file fits the pattern";
        found_all = false;
    } else if (found_all) {
        found_all = is_whole(&f, p, &columns, why, why_bytes);
        if (found_all && !take_names(&f, columns, out)) {
            wrong = "needs more memory than there is";
            found_all = false;
        }
    }
    if (wrong != NULL) {
        snprintf(why, why_bytes, "%s", wrong);
    }
    free_finds(&f);
    return found_all;
}

/* The folder of a pattern, with its slash; from malloc. */
static char *folder_of(const char *text)
{
    const char *slash = strrchr(text, '/');
    return slash != NULL ? strndup(text, (size_t)(slash + 1 - text)) : strdup("./");
}

static const char *name_of(const char *text)
{
    const char *slash = strrchr(text, '/');
    return slash != NULL ? slash + 1 : text;
}

bool tilenames_find(const char *text, tilenames *out, char *why, size_t why_bytes)
{
    pattern p;
    *out = (tilenames){0};
    if (!parse(name_of(text), &p)) {
        snprintf(why, why_bytes, "must have {x} and {y} in its last part, and something between");
        return false;
    }
    out->folder = folder_of(text);
    if (out->folder == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        return false;
    }
    if (!find(&p, out, why, why_bytes)) {
        tilenames_free(out);
        return false;
    }
    return true;
}

bool tilenames_any(const char *text)
{
    pattern p;
    char *folder = folder_of(text);
    DIR *d = folder != NULL && parse(name_of(text), &p) ? opendir(folder) : NULL;
    bool any = false;
    if (d != NULL) {
        for (const struct dirent *e = readdir(d); e != NULL && !any; e = readdir(d)) {
            found tile;
            any = matches(&p, e->d_name, &tile);
        }
        closedir(d);
    }
    free(folder);
    return any;
}

void tilenames_free(tilenames *t)
{
    for (size_t i = 0; i < (size_t)t->columns * t->rows; i++) {
        free(t->names[i]);
    }
    free(t->names);
    free(t->folder);
    *t = (tilenames){0};
}
