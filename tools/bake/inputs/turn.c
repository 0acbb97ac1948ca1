/* turn.c: a picture that has to be turned is kept in a file, upright, row after row:
 *
 *     source ─▶ STRIPE rows as they lie ─▶ turned by themselves ─▶ each row to its place in the
 *     fill ◀── rows, as they are wanted ◀──────────────────────────────────── file
 *
 * Rows are taken from the source some dozens at a time, so that a write is longer than a texel
 * where they become columns. Mirrored pictures (2) need none of this. */
#include "tools/bake/inputs/turn.h"

#include "engine/files/regular.h"
#include "tools/bake/inputs/input.h"
#include "tools/bake/inputs/rowband.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STRIPE 64 /* rows of the file that are turned together */

#define MEMORY_MOST (UINT64_C(64) << 20)

typedef struct turn {
    source from;
    uint32_t orientation;
    uint32_t width, height; /* of the picture */
    int kept;               /* -1: not yet, or nothing to keep */
    char why[160];
} turn;

void turn_place(uint32_t orientation, const uint32_t size[2], uint32_t *x, uint32_t *y)
{
    const uint32_t from_right = size[0] - 1 - *x, from_bottom = size[1] - 1 - *y;
    const bool is_right = orientation == 2 || orientation == 3 || orientation == 7 ||
                          orientation == 8; /* columns are counted from the right */
    const bool is_bottom =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const uint32_t column = is_right ? from_right : *x, row = is_bottom ? from_bottom : *y;
    *x = turn_swaps(orientation) ? row : column;
    *y = turn_swaps(orientation) ? column : row;
}

static bool fail(turn *t, const char *why)
{
    snprintf(t->why, sizeof t->why, "%s", why);
    return false;
}

/* ---- keeping ---- */

static bool fail_kept(turn *t)
{
    const double mebibytes = (double)t->width * t->height * 4 / (1 << 20);
    snprintf(t->why, sizeof t->why, "lies turned in its file, and turning it takes %.0f MiB: %s",
             mebibytes, strerror(errno));
    return false;
}

/* A file without a name: nobody else sees it, and it ends with this process. */
static int open_nameless(void)
{
    const char *folder = secure_getenv("TMPDIR");
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/megabuddy-XXXXXX",
                                folder != NULL && folder[0] != '\0' ? folder : "/var/tmp");
    if (length >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    const int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0 && unlink(path) != 0) {
        const int why = errno;
        (void)close(fd); /* nothing has been written */
        errno = why;
        return -1;
    }
    return fd;
}

static bool put(turn *t, const uint8_t *data, size_t bytes, uint64_t at)
{
    while (bytes > 0) {
        const ssize_t done = pwrite(t->kept, data, bytes, (off_t)at);
        if (done < 0 && errno != EINTR) {
            return fail_kept(t);
        }
        const size_t written = done > 0 ? (size_t)done : 0;
        data += written;
        bytes -= written;
        at += written;
    }
    return true;
}

static bool get(turn *t, uint8_t *data, size_t bytes, uint64_t at)
{
    errno = EIO; /* if read_at sets none: somebody has cut the file */
    return regular_read_at(t->kept, data, bytes, at) || fail_kept(t);
}

/* ---- turning ---- */

/* Reads rows [first, first + count) of the source, as they lie in the file. */
static bool take(turn *t, uint32_t first, uint32_t count, uint8_t *rgba)
{
    const source_rect rect = {0, first, t->from.width, count};
    const char *why = NULL;
    if (t->from.prepare != NULL && !t->from.prepare(t->from.context, first, first + count, &why)) {
        return fail(t, why);
    }
    t->from.fill(t->from.context, 0, rect, rgba, (size_t)t->from.width * 4);
    return true;
}

/* Turns `count` rows of the file as if they were a picture of their own. */
static void turn_stripe(const turn *t, uint32_t count, const uint8_t *rgba, uint8_t *turned)
{
    const uint32_t size[2] = {t->from.width, count};
    const size_t width = turn_swaps(t->orientation) ? count : t->from.width;
    for (uint32_t y = 0; y < count; y++) {
        for (uint32_t x = 0; x < size[0]; x++, rgba += 4) {
            uint32_t to_x = x, to_y = y;
            turn_place(t->orientation, size, &to_x, &to_y);
            memcpy(turned + (to_y * width + to_x) * 4, rgba, 4);
        }
    }
}

/* Writes a turned stripe, which was rows [first, first + count) of the file, to its place. */
static bool keep_stripe(turn *t, uint32_t first, uint32_t count, const uint8_t *turned)
{
    const bool swaps = turn_swaps(t->orientation);
    const uint32_t size[2] = {t->from.width, t->from.height};
    const size_t row_bytes = (size_t)(swaps ? count : t->width) * 4;
    const uint32_t rows = swaps ? t->height : count;
    uint32_t x[2] = {0, size[0] - 1}, y[2] = {first, first + count - 1}; /* opposite corners */
    bool done = true;
    turn_place(t->orientation, size, &x[0], &y[0]);
    turn_place(t->orientation, size, &x[1], &y[1]);
    const uint64_t left = x[0] < x[1] ? x[0] : x[1], top = y[0] < y[1] ? y[0] : y[1];
    for (uint32_t row = 0; row < rows && done; row++) {
        done = put(t, turned + row * row_bytes, row_bytes, ((top + row) * t->width + left) * 4);
    }
    return done;
}

static bool keep_all(turn *t, uint8_t *rgba, uint8_t *turned)
{
    bool done = true;
    for (uint32_t first = 0; first < t->from.height && done; first += STRIPE) {
        const uint32_t left = t->from.height - first;
        const uint32_t count = left < STRIPE ? left : STRIPE;
        done = take(t, first, count, rgba);
        if (done) {
            turn_stripe(t, count, rgba, turned);
            done = keep_stripe(t, first, count, turned);
        }
    }
    return done;
}

/* Fills the file that is open for the turned picture. */
static bool keep_in_file(turn *t, uint64_t bytes)
{
    if (ftruncate(t->kept, (off_t)bytes) != 0) {
        return fail_kept(t);
    }
    uint8_t *rgba = malloc((size_t)t->from.width * STRIPE * 4);
    uint8_t *turned = malloc((size_t)t->from.width * STRIPE * 4);
    const bool enough = rgba != NULL && turned != NULL;
    const bool done =
        enough ? keep_all(t, rgba, turned) : fail(t, "needs more memory than there is");
    free(rgba);
    free(turned);
    return done;
}

static void close_kept(turn *t)
{
    if (t->kept >= 0) {
        (void)close(t->kept); /* it has no name: nobody misses what could not be written */
    }
    t->kept = -1;
}

/* Unpacks, turns and keeps the whole picture, and closes the source. */
static bool keep(turn *t)
{
    const uint64_t bytes = (uint64_t)t->width * t->height * 4;
    t->kept = bytes <= MEMORY_MOST ? memfd_create("turned", MFD_CLOEXEC) : open_nameless();
    const bool done = t->kept >= 0 ? keep_in_file(t, bytes) : fail_kept(t);
    if (!done) {
        close_kept(t);
    }
    input_close(&t->from);
    return done;
}

static bool read_mirrored(turn *t, uint32_t first, uint32_t count, uint8_t *rgba)
{
    if (!take(t, first, count, rgba)) {
        return false;
    }
    for (uint32_t y = 0; y < count; y++) {
        uint32_t *row = (void *)(rgba + (size_t)y * t->width * 4);
        for (uint32_t x = 0; x < t->width / 2; x++) {
            const uint32_t texel = row[x];
            row[x] = row[t->width - 1 - x];
            row[t->width - 1 - x] = texel;
        }
    }
    return true;
}

static bool read_rows(void *context, uint32_t first, uint32_t count, uint8_t *rgba,
                      const char **why)
{
    turn *t = context;
    const uint64_t row_bytes = (uint64_t)t->width * 4;
    *why = t->why;
    if (t->why[0] != '\0') {
        return false; /* after a failure the source is closed */
    }
    if (t->orientation == 2) {
        return read_mirrored(t, first, count, rgba);
    }
    return (t->kept >= 0 || keep(t)) &&
           get(t, rgba, (size_t)(count * row_bytes), first * row_bytes);
}

static void close_turn(void *context)
{
    turn *t = context;
    input_close(&t->from);
    close_kept(t);
    free(t);
}

bool turn_open(uint32_t orientation, source *s, char *why, size_t why_bytes)
{
    if (orientation < 2 || orientation > 8) {
        return true;
    }
    turn *t = calloc(1, sizeof *t);
    if (t == NULL) {
        snprintf(why, why_bytes, "needs more memory than there is");
        input_close(s);
        return false;
    }
    *t = (turn){.from = *s, .orientation = orientation, .kept = -1};
    t->width = turn_swaps(orientation) ? s->height : s->width;
    t->height = turn_swaps(orientation) ? s->width : s->height;
    s->width = t->width;
    s->height = t->height;
    s->notes |= SOURCE_TURNED;
    const rowband_reader reader = {1, false, read_rows, close_turn, t};
    if (!rowband_open(&reader, s)) {
        snprintf(why, why_bytes, "needs more memory than there is");
        *s = (source){0};
        return false;
    }
    return true;
}
