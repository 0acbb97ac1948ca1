/* watch/track_options.c: a track by the environment, without allocating: a malloc reads it before
 * there is memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buddy/watch/track_private.h"

#define WORD_BYTES (BUDDY_TRACK_PATH + 16u) /* a key and a file's name */

typedef struct options {
    buddy_track_desc desc;
    char log[BUDDY_TRACK_PATH], report[BUDDY_TRACK_PATH]; /* "": none */
} options;

static bool complain(char error[BUDDY_TRACK_LINE], const char *what, const char *why)
{
    (void)snprintf(error, BUDDY_TRACK_LINE, "%.64s: %s", what, why);
    return false;
}

static bool read_path(const char *text, char out[BUDDY_TRACK_PATH])
{
    size_t length = strlen(text);
    if (length == 0 || length >= BUDDY_TRACK_PATH) {
        return false;
    }
    memcpy(out, text, length + 1);
    return true;
}

static bool read_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *out = (uint32_t)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value >= 1 &&
           value <= UINT32_MAX;
}

static bool read_value(const char *key, const char *value, options *o, char error[BUDDY_TRACK_LINE])
{
    if (strcmp(key, "log") == 0) {
        return read_path(value, o->log) || complain(error, key, "needs a file's name");
    }
    if (strcmp(key, "report") == 0) {
        return read_path(value, o->report) || complain(error, key, "needs a file's name");
    }
    const struct number {
        const char *key;
        uint32_t *value;
    } numbers[] = {
        {"frames", &o->desc.frames}, {"blocks", &o->desc.blocks}, {"sites", &o->desc.sites}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(key, numbers[i].key) == 0) {
            return read_number(value, numbers[i].value) ||
                   complain(error, value, "is not a number from 1");
        }
    }
    return complain(error, key, "is none of log, report, frames, blocks, sites");
}

/* Words with commas between them; a text without "=" is the log's name. */
static bool read_options(const char *text, options *o, char error[BUDDY_TRACK_LINE])
{
    char word[WORD_BYTES];
    if (strchr(text, '=') == NULL) {
        return read_path(text, o->log) || complain(error, text, "is no file's name");
    }
    do {
        size_t length = strcspn(text, ",");
        if (length >= WORD_BYTES) {
            return complain(error, text, "is too long");
        }
        memcpy(word, text, length);
        word[length] = '\0';
        char *equals = strchr(word, '=');
        if (equals == NULL) {
            return complain(error, word, "is not KEY=VALUE");
        }
        *equals = '\0';
        if (!read_value(word, equals + 1, o, error)) {
            return false;
        }
        text += length + (text[length] == ',');
    } while (*text != '\0');
    return true;
}

buddy_track *buddy_track_from_environment(char error[BUDDY_TRACK_LINE])
{
    const char *text = secure_getenv(BUDDY_TRACK_ENVIRONMENT);
    options o = {.log = ""};
    error[0] = '\0';
    if (text == NULL || !read_options(text, &o, error)) {
        return NULL;
    }
    o.desc.report = o.report[0] != '\0' ? o.report : NULL;
    buddy_track *t = buddy_track_create(&o.desc);
    if (t == NULL) {
        (void)complain(error, text, strerror(errno));
        return NULL;
    }
    if (o.log[0] != '\0' && !buddy_track_log_open(t, o.log)) {
        (void)complain(error, o.log, strerror(errno));
        buddy_track_destroy(t);
        return NULL;
    }
    return t;
}
