#include "tools/view/recorder.h"

#include "engine/files/replace.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double SAMPLE_SECONDS = 0.008; /* samples are at least half of this apart on average */
static const double DECIMALS = 1e4;         /* a path file has four of them: so have samples */
static const double STRICT = 0.99;          /* of the tolerance; the rest is for rounding */

/* samples[0 … count) have times that grow from 0; the first one is no cut. */
struct recorder {
    double wrap_width;
    double began; /* the caller's time of sample 0 */
    camera_key *samples;
    size_t count, room;
    bool cut; /* one came with a frame that was passed over */
};

/* ---- collecting ---- */

recorder *recorder_create(double wrap_width)
{
    recorder *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->wrap_width = wrap_width;
    }
    return r;
}

void recorder_destroy(recorder *r)
{
    if (r != NULL) {
        free(r->samples);
        free(r);
    }
}

static double rounded(double value)
{
    return round(value * DECIMALS) / DECIMALS;
}

static bool is_same(const camera *a, const camera *b)
{
    return a->x == b->x && a->y == b->y && a->z == b->z && a->yaw == b->yaw && a->pitch == b->pitch;
}

/* `value` plus as many turns as bring it nearest to `last`. */
static double unwrapped(double value, double last, double turn)
{
    return last + remainder(value - last, turn);
}

/* The frame as a sample that follows those there are. */
static camera_key sample_of(const recorder *r, double t, const camera *at, bool cut)
{
    camera_key s = {rounded(t), *at, cut};
    if (r->count > 0 && !cut) {
        const camera *last = &r->samples[r->count - 1].at;
        s.at.yaw = unwrapped(at->yaw, last->yaw, 360);
        s.at.x = r->wrap_width > 0 ? unwrapped(at->x, last->x, r->wrap_width) : at->x;
    }
    s.at = (camera){rounded(s.at.x), rounded(s.at.y), rounded(s.at.z), rounded(s.at.yaw),
                    rounded(s.at.pitch)};
    return s;
}

/* Whether the last sample says nothing that the one before it and `next` do not: the camera stands,
 * or they are too close in time to matter. */
static bool is_last_needless(const recorder *r, const camera_key *next)
{
    if (r->count < 2) {
        return false;
    }
    const camera_key *last = &r->samples[r->count - 1], *before = last - 1;
    const bool stands = is_same(&before->at, &last->at) && is_same(&last->at, &next->at);
    return !last->cut && !next->cut && (stands || next->t - before->t < SAMPLE_SECONDS);
}

static bool has_room(recorder *r)
{
    if (r->count < r->room) {
        return true;
    }
    const size_t room = r->room == 0 ? 1024 : 2 * r->room;
    camera_key *samples =
        room > RECORDER_MAX_SAMPLES ? NULL : realloc(r->samples, room * sizeof *samples);
    if (samples == NULL) {
        return false;
    }
    r->samples = samples;
    r->room = room;
    return true;
}

bool recorder_add(recorder *r, double t_seconds, const camera *at, bool cut)
{
    if (r->count == 0) {
        r->began = t_seconds;
    }
    r->cut = (r->cut || cut) && r->count > 0;
    const camera_key s = sample_of(r, t_seconds - r->began, at, r->cut);
    if (r->count > 0 && !(s.t > r->samples[r->count - 1].t)) {
        return true;
    }
    r->cut = false;
    if (is_last_needless(r, &s)) {
        r->samples[r->count - 1] = s;
        return true;
    }
    if (!has_room(r)) {
        return false;
    }
    r->samples[r->count++] = s;
    return true;
}

bool recorder_is_empty(const recorder *r)
{
    return r->count == 0;
}

/* ---- thinning ---- */

/* What is known of a sample. */
enum {
    MARK_KEY = 1,
    MARK_NEW = 2,  /* a key that no curve has gone through yet */
    MARK_FINE = 4, /* a key, and the glide from it to the next is good enough */
};

/* path.keys[i] is samples[index[i]]; all samples with MARK_KEY, in order. */
typedef struct thinning {
    const camera_key *samples;
    size_t count;
    uint8_t *marks; /* a sample */
    size_t *index;  /* a key; room for as many as samples */
    camera_path path;
} thinning;

/* A key changes the curve's speed at itself and at both of its neighbours, and with it the two
 * glides on either side. */
static void reopen_around(thinning *t, size_t i)
{
    const size_t last = i + 1 < t->path.count ? i + 1 : i;
    for (size_t k = i > 2 ? i - 2 : 0; k <= last; k++) {
        t->marks[t->index[k]] &= (uint8_t)~MARK_FINE;
    }
    t->marks[t->index[i]] &= (uint8_t)~MARK_NEW;
}

static void gather_keys(thinning *t)
{
    t->path.count = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->marks[i] & MARK_KEY) {
            t->index[t->path.count] = i;
            t->path.keys[t->path.count++] = t->samples[i];
        }
    }
    for (size_t i = 0; i < t->path.count; i++) {
        if (t->marks[t->index[i]] & MARK_NEW) {
            reopen_around(t, i);
        }
    }
}

/* The ends, and both sides of each cut. */
static void mark_first_keys(thinning *t)
{
    t->marks[0] = t->marks[t->count - 1] = MARK_KEY;
    for (size_t i = 1; i < t->count; i++) {
        if (t->samples[i].cut) {
            t->marks[i - 1] = t->marks[i] = MARK_KEY;
        }
    }
}

/* How far the curve is from a sample, in tolerances. */
static double deviation(const thinning *t, const camera_key *s)
{
    bool cut;
    const camera c = camera_path_at(&t->path, s->t, s->t, &cut);
    const double dx = c.x - s->at.x, dy = c.y - s->at.y, dz = c.z - s->at.z;
    const double allowed = fmax(RECORDER_POSITION * fabs(s->at.y), RECORDER_UNITS);
    const double turned = fmax(fabs(c.yaw - s->at.yaw), fabs(c.pitch - s->at.pitch));
    return fmax(sqrt(dx * dx + dy * dy + dz * dz) / allowed, turned / RECORDER_DEGREES);
}

/* The sample between keys i and i + 1, `apart` seconds or more from both, that the curve misses by
 * most; 0: there is none so far from them. *worst is the largest deviation of any between them. */
static size_t find_worst(const thinning *t, size_t i, double apart, double *worst)
{
    const double from = t->path.keys[i].t + apart, to = t->path.keys[i + 1].t - apart;
    size_t found = 0;
    double found_deviation = -1;
    *worst = 0;
    for (size_t k = t->index[i] + 1; k < t->index[i + 1]; k++) {
        const double d = deviation(t, &t->samples[k]);
        *worst = fmax(*worst, d);
        if (d > found_deviation && t->samples[k].t >= from && t->samples[k].t <= to) {
            found = k;
            found_deviation = d;
        }
    }
    return found;
}

/* Marks a sample between keys i and i + 1 as a key when the curve there is not good enough; else
 * the glide is fine. Returns whether there is a new key. */
static bool split(thinning *t, size_t i)
{
    double worst;
    size_t at = find_worst(t, i, RECORDER_KEY_SECONDS, &worst);
    if (worst <= STRICT) {
        t->marks[t->index[i]] |= MARK_FINE;
        return false;
    }
    if (at == 0) {
        at = find_worst(t, i, 0, &worst);
    }
    t->marks[at] = MARK_KEY | MARK_NEW;
    return true;
}

static void thin(thinning *t)
{
    bool more = true;
    mark_first_keys(t);
    while (more) { /* ends: each round but the last adds a key, and samples are finite */
        more = false;
        gather_keys(t);
        for (size_t i = 0; i + 1 < t->path.count; i++) {
            if (!(t->marks[t->index[i]] & MARK_FINE)) {
                more = split(t, i) || more;
            }
        }
    }
}

static bool complain(char *error, size_t error_bytes, const char *file, const char *why)
{
    (void)snprintf(error, error_bytes, "%s%s%s", file, *file != '\0' ? ": " : "", why);
    return false;
}

bool recorder_path(const recorder *r, camera_path *path, char *error, size_t error_bytes)
{
    *path = (camera_path){NULL, 0};
    if (r->count == 0) {
        return complain(error, error_bytes, "", "nothing was recorded");
    }
    thinning t = {r->samples, r->count, NULL, NULL, {NULL, 0}};
    t.marks = calloc(r->count, sizeof *t.marks);
    t.index = calloc(r->count, sizeof *t.index);
    t.path.keys = calloc(r->count, sizeof *t.path.keys);
    const bool room = t.marks != NULL && t.index != NULL && t.path.keys != NULL;
    if (room) {
        thin(&t);
        *path = t.path;
    } else {
        free(t.path.keys);
    }
    free(t.marks);
    free(t.index);
    if (!room || path->count > CAMERA_PATH_MAX_KEYS) {
        camera_path_free(path);
        return complain(error, error_bytes, "",
                        room ? "too long for a camera path" : "no memory for the path");
    }
    return true;
}

/* ---- writing ---- */

/* A name as part of a comment: nothing in it may end the line. */
static void write_name(FILE *out, const char *name)
{
    for (; *name != '\0'; name++) {
        (void)fputc((unsigned char)*name < ' ' ? '?' : *name, out);
    }
}

static void write_head(FILE *out, const char *file, const char *world)
{
    char date[32] = "some day";
    const time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M", &local);
    }
    (void)fprintf(out, "# A flight over ");
    write_name(out, world);
    (void)fprintf(out, ", recorded on %s. To see it again:\n#     megabuddy view '", date);
    write_name(out, world);
    (void)fprintf(out, "' --path '");
    write_name(out, file);
    (void)fprintf(out, "'\n# t x y z yaw pitch [cut]\n");
}

static void write_keys(FILE *out, const camera_path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        const camera_key *k = &path->keys[i];
        (void)fprintf(out, "%.4f %.4f %.4f %.4f %.4f %.4f%s\n", k->t, k->at.x, k->at.y, k->at.z,
                      k->at.yaw, k->at.pitch, k->cut ? " cut" : "");
    }
}

bool recorder_write(const recorder *r, const char *file, const char *world, char *error,
                    size_t error_bytes)
{
    camera_path path;
    if (!recorder_path(r, &path, error, error_bytes)) {
        return false;
    }
    replacement *to = replace_begin(&(replace_desc){.path = file});
    FILE *out = to != NULL ? replace_stream(to) : NULL;
    bool good = out != NULL;
    if (good) {
        write_head(out, file, world);
        write_keys(out, &path);
        good = replace_commit(to);
    } else {
        replace_drop(to);
    }
    const int why = errno;
    camera_path_free(&path);
    return good || complain(error, error_bytes, file, file_text(why));
}

const char *recorder_check(const recorder *r)
{
    if (r->count > r->room || r->room > RECORDER_MAX_SAMPLES) {
        return "more samples than room";
    }
    for (size_t i = 0; i < r->count; i++) {
        const camera_key *s = &r->samples[i];
        if (i == 0 ? s->t != 0 || s->cut : !(s->t > s[-1].t)) {
            return "the samples' times do not grow from 0";
        }
    }
    return NULL;
}
