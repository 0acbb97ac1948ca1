/* conf.h: what a user can set: the tiers' budgets and the viewer's habits. From a libconfig file
 * (assets/megabuddy.conf says what each key means), then from --set tier.key=value.
 *
 * One table in conf.c lists every key with its type, range and default; reading, --set, --help and
 * error messages all come from it. (The prefix is conf because libconfig's is config.)
 *
 * Threads: any, each on a conf of its own. */
#ifndef MEGABUDDY_TOOLS_VIEW_CONF_H
#define MEGABUDDY_TOOLS_VIEW_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/vt.h"
#include "tools/base/choice.h"
#include "tools/view/scene/scene.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CONF_TEXT_BYTES = 512,
    CONF_LINE_BYTES = 1536, /* a path, a key, a value and what would have been right */
};

/* Every member has its default after conf_defaults. */
typedef struct conf {
    struct {
        char source[CONF_TEXT_BYTES]; /* the world, when the command line names none; "": none */
        uint32_t workers;             /* threads that read */
        double delay_ms;              /* each request takes at least so long */
        uint64_t rate;                /* bytes a second; 0: as fast as it is */
    } disk;
    struct {
        uint64_t budget; /* bytes */
        vt_sync sync;
        bool prefault;
        char suspend[CONF_TEXT_BYTES]; /* file that keeps it between runs; "": none */
    } ram;
    struct {
        uint64_t budget; /* bytes */
        vt_format format;
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
        uint32_t width, height; /* pixels */
        uint32_t fps_max;       /* 0: no cap */
        double scale;           /* of letters; 0: as the screen asks */
        scene_kind scene;
        char path[CONF_TEXT_BYTES]; /* camera path file; "": the built-in one */
    } view;
} conf;

/* Where an error was found and what it is, ready to print after "megabuddy: ". */
typedef struct conf_error {
    char line[CONF_LINE_BYTES]; /* "FILE:LINE: vram.budget = -5: must be a size from … to …" */
} conf_error;

typedef enum conf_type {
    CONF_SIZE,   /* uint64_t bytes, "64 MiB" or a plain number */
    CONF_COUNT,  /* uint32_t */
    CONF_REAL,   /* double */
    CONF_BOOL,   /* bool */
    CONF_CHOICE, /* an enumeration, one of `choices` */
    CONF_TEXT,   /* char[CONF_TEXT_BYTES] */
} conf_type;

/* What a key allows, and how it is offered to hands. */
typedef struct conf_key {
    const char *group, *name;
    conf_type type;
    size_t offset;         /* in conf */
    uint64_t least;        /* SIZE, COUNT, REAL: in the key's own unit */
    uint64_t most;         /* likewise, inclusive */
    const choice *choices; /* CHOICE: what is allowed */
    const char *initial;   /* the default, as --set would take it */
    const char *meaning;
    uint64_t slider_least, slider_most; /* what a slider reaches; both 0: it has none */
    bool reopens;                       /* takes effect when the world is opened anew */
} conf_key;

uint32_t conf_key_count(void);
const conf_key *conf_get_key(uint32_t index);   /* in the order of a config file; NULL: no such */
void *conf_value(conf *c, const conf_key *key); /* of the key's type */

/* Whether any value differs; *reopens: whether one does that takes opening the world anew. */
bool conf_differs(const conf *a, const conf *b, bool *reopens);

void conf_defaults(conf *c);

/* Reads a file over what c holds. On false c is unchanged. A file that cannot be read, unknown
 * groups and keys, wrong types and values out of range are errors. */
bool conf_read(conf *c, const char *path, conf_error *error);

/* Applies one "tier.key=value" as --set takes it. On false c is unchanged. */
bool conf_set(conf *c, const char *assignment, conf_error *error);

/* Writes every key with its meaning, range and present value, as a commented config file. */
void conf_write(const conf *c, FILE *out);
char *conf_to_text(const conf *c); /* the same, from malloc; NULL: no memory */

#ifdef __cplusplus
}
#endif

#endif
