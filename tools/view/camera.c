#include "tools/view/camera.h"

#include "engine/files/regular.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHANNELS = 5, /* x y z yaw pitch: what a key says besides its time */
    NUMBERS = 1 + CHANNELS,
};

#define NUMBER_LIMIT \
    1e9 /* anything beyond is a slip of the pen, and keeps the curve's sums finite */

/* Where parsing stands. */
typedef struct reader {
    const char *name; /* of the file, for errors */
    unsigned line;
    char *error;
    size_t error_bytes;
} reader;

static bool refuse(const reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(const reader *r, const char *format, ...)
{
    char why[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    (void)snprintf(r->error, r->error_bytes, "%s:%u: %s", r->name, r->line, why);
    return false;
}

/* ---- reading ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Copies the next word of a line to `word` and returns what follows it; the word is "" at the end
 * of the line or at a comment. */
static const char *next_word(const char *at, char word[64])
{
    while (is_blank(*at)) {
        at++;
    }
    size_t length = 0;
    while (*at != '\0' && *at != '\n' && *at != '#' && !is_blank(*at)) {
        if (length < 63) {
            word[length++] = *at;
        }
        at++;
    }
    word[length] = '\0';
    return at;
}

static bool read_number(const reader *r, const char *word, double *out)
{
    static const char *const NAMES = "t x y z yaw pitch";
    if (*word == '\0') {
        return refuse(r, "a key has six numbers: %s", NAMES);
    }
    char *end;
    *out = strtod(word, &end);
    if (*end != '\0' || !(fabs(*out) <= NUMBER_LIMIT)) {
        return refuse(r, "%s: not a number from -1e9 to 1e9; a key is: %s [cut]", word, NAMES);
    }
    return true;
}

/* Reads one line that is not empty. */
static bool read_key(const reader *r, const char *at, camera_key *key)
{
    char word[64];
    double n[NUMBERS];
    for (int i = 0; i < NUMBERS; i++) {
        at = next_word(at, word);
        if (!read_number(r, word, &n[i])) {
            return false;
        }
    }
    *key = (camera_key){n[0], {n[1], n[2], n[3], n[4], n[5]}, false};
    if (fabs(n[5]) > 90) {
        return refuse(r, "pitch %g: must be from -90 to 90", n[5]);
    }
    at = next_word(at, word);
    key->cut = strcmp(word, "cut") == 0;
    if (*word != '\0' && !key->cut) {
        return refuse(r, "%s: only cut may follow the six numbers", word);
    }
    (void)next_word(at, word);
    if (*word != '\0') {
        return refuse(r, "%s: nothing may follow cut", word);
    }
    return true;
}

/* Appends a key, growing by doubling. */
static bool append(camera_path *path, const reader *r, const camera_key *key)
{
    if (path->count > 0 && !(key->t > path->keys[path->count - 1].t)) {
        return refuse(r, "time %g: must be later than the key before", key->t);
    }
    if (key->t < 0 || path->count == CAMERA_PATH_MAX_KEYS) {
        return refuse(r, key->t < 0 ? "times begin at 0" : "more than 65536 keys");
    }
    if ((path->count & (path->count - 1)) == 0) { /* 0 or a power of two: full */
        const size_t room = path->count == 0 ? 1 : 2 * path->count;
        camera_key *keys = realloc(path->keys, room * sizeof *keys);
        if (keys == NULL) {
            return refuse(r, "no memory for the path");
        }
        path->keys = keys;
    }
    path->keys[path->count++] = *key;
    return true;
}

/* What follows the line; NULL when it was the last. */
static const char *next_line(const char *at)
{
    const char *end = strchr(at, '\n');
    return end == NULL ? NULL : end + 1;
}

bool camera_path_parse(camera_path *path, const char *name, const char *text, char *error,
                       size_t error_bytes)
{
    *path = (camera_path){NULL, 0};
    reader r = {name, 0, error, error_bytes};
    for (const char *at = text; at != NULL; at = next_line(at)) {
        r.line++;
        char word[64];
        (void)next_word(at, word);
        if (*word == '\0') {
            continue;
        }
        camera_key key;
        if (!read_key(&r, at, &key) || !append(path, &r, &key)) {
            camera_path_free(path);
            return false;
        }
    }
    return path->count > 0 || refuse(&r, "no key: a path needs at least one");
}

bool camera_path_read(camera_path *path, const char *file, char *error, size_t error_bytes)
{
    *path = (camera_path){NULL, 0};
    size_t bytes;
    char *text = regular_read(file, CAMERA_PATH_MAX_BYTES, &bytes);
    if (text == NULL) {
        (void)snprintf(error, error_bytes, "%s: %s", file,
                       errno == EFBIG ? "too long to be a camera path" : file_text(errno));
        return false;
    }
    const bool good = camera_path_parse(path, file, text, error, error_bytes);
    free(text);
    return good;
}

void camera_path_free(camera_path *path)
{
    free(path->keys);
    *path = (camera_path){NULL, 0};
}

/* ---- the curve ---- */

double camera_path_seconds(const camera_path *path)
{
    return path->keys[path->count - 1].t;
}

static double channel(const camera_key *key, int which)
{
    const double values[CHANNELS] = {key->at.x, key->at.y, key->at.z, key->at.yaw, key->at.pitch};
    return values[which];
}

/* The speed at key i, which lies between two glides of durations h0, h1 and mean speeds d0, d1:
 * their weighted harmonic mean, and 0 where the direction turns. It keeps the curve within the
 * values of its ends. Source: F. N. Fritsch, J. Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984. */
static double speed_at(const camera_path *path, size_t i, int which)
{
    const camera_key *keys = path->keys;
    if (i == 0 || i + 1 == path->count || keys[i].cut || keys[i + 1].cut) {
        return 0; /* starts and stops gently */
    }
    const double h0 = keys[i].t - keys[i - 1].t;
    const double h1 = keys[i + 1].t - keys[i].t;
    const double d0 = (channel(&keys[i], which) - channel(&keys[i - 1], which)) / h0;
    const double d1 = (channel(&keys[i + 1], which) - channel(&keys[i], which)) / h1;
    if (!(d0 * d1 > 0)) {
        return 0;
    }
    return 3 * (h0 + h1) / ((2 * h1 + h0) / d0 + (h1 + 2 * h0) / d1);
}

/* Cubic Hermite from key i to key i + 1, at s of the way (0 … 1). */
static double glide(const camera_path *path, size_t i, double s, int which)
{
    const double h = path->keys[i + 1].t - path->keys[i].t;
    const double v0 = channel(&path->keys[i], which);
    const double v1 = channel(&path->keys[i + 1], which);
    const double m0 = h * speed_at(path, i, which);
    const double m1 = h * speed_at(path, i + 1, which);
    const double s2 = s * s, s3 = s2 * s;
    return v0 * (2 * s3 - 3 * s2 + 1) + m0 * (s3 - 2 * s2 + s) + v1 * (3 * s2 - 2 * s3) +
           m1 * (s3 - s2);
}

/* The last key whose time is not after t; the first one when all are. */
static size_t key_before(const camera_path *path, double t)
{
    size_t low = 0, high = path->count; /* keys[low].t <= t < keys[high].t */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (path->keys[middle].t <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

camera camera_path_at(const camera_path *path, double t_before, double t, bool *cut)
{
    const size_t i = key_before(path, t);
    *cut = false;
    for (size_t k = i; k > 0 && path->keys[k].t > t_before && path->keys[k].t <= t; k--) {
        *cut = *cut || path->keys[k].cut;
    }
    const camera_key *key = &path->keys[i];
    if (i + 1 == path->count || key[1].cut || t <= key->t) {
        return key->at;
    }
    const double s = (t - key->t) / (key[1].t - key->t);
    return (camera){glide(path, i, s, 0), glide(path, i, s, 1), glide(path, i, s, 2),
                    glide(path, i, s, 3), glide(path, i, s, 4)};
}

camera camera_ahead(const camera *before, const camera *now, double steps)
{
    return (camera){
        now->x + (now->x - before->x) * steps,
        now->y + (now->y - before->y) * steps,
        now->z + (now->z - before->z) * steps,
        now->yaw + (now->yaw - before->yaw) * steps,
        fmin(fmax(now->pitch + (now->pitch - before->pitch) * steps, -90), 90),
    };
}
