/* config.h: what a user can set: the tiers' budgets and the viewer's habits. From a libconfig file
 * (assets/megabuddy.conf says what each key means), then from --set tier.key=value.
 *
 * One table in config.c lists every key with its type, range and default; reading, --set, --help
 * and error messages all come from it. */
#ifndef MEGABUDDY_TOOLS_CONFIG_H
#define MEGABUDDY_TOOLS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CONFIG_TEXT_BYTES = 512 };

typedef struct config {
    struct {
        char source[CONFIG_TEXT_BYTES]; /* the world, when the command line names none */
        uint32_t workers;               /* threads that read */
    } disk;
    struct {
        uint64_t budget; /* bytes */
        char sync[16];   /* "lockfree" */
        bool prefault;
    } ram;
    struct {
        uint64_t budget; /* bytes */
        char format[16]; /* "auto", "bc1", "rgba8" */
    } vram;
    struct {
        double prefetch_ms;    /* how far ahead the predicted camera looks; 0: off */
        double upload_ms;      /* most time a frame spends on uploads */
        uint64_t upload_bytes; /* most bytes a frame uploads */
        double fade_ms;        /* a page that arrives fades in for so long */
        uint32_t anisotropy;
        double bias_max; /* mips */
    } stream;
    struct {
        uint32_t width, height;       /* pixels */
        uint32_t fps_max;             /* 0: no cap */
        char scene[16];               /* "auto", "terrain", "picture" */
        char path[CONFIG_TEXT_BYTES]; /* camera path file; "": the built-in one */
    } view;
} config;

/* Where an error was found and what it is, ready to print after "megabuddy: ". */
typedef struct config_error {
    char line[768]; /* "FILE:LINE: vram.budget = -5: must be a size from … to …" */
} config_error;

void config_defaults(config *c);

/* Reads a file over what c holds. On false c is unchanged. Unknown groups and keys, wrong types and
 * values out of range are errors. */
bool config_read(config *c, const char *path, config_error *error);

/* Applies one "tier.key=value" as --set takes it. On false c is unchanged. */
bool config_set(config *c, const char *assignment, config_error *error);

/* Writes every key with its meaning, range and present value, as a commented config file. */
void config_write(const config *c, FILE *out);

#endif
