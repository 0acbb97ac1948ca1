/* window_probe.c: looks at a screen for tests written in shell, and prints a number or saves it.
 *
 *     probe SCREEN png OUT.png [x y w h]
 *     probe SCREEN mean [x y w h]                     mean red, green and blue, 0 … 255
 *     probe SCREEN colours [x y w h]                  how many different ones
 *     probe SCREEN differ OTHER [LIMIT] [x y w h]     mean difference of a channel, 0 … 255
 *     probe SCREEN psnr OTHER [LIMIT] [x y w h]       dB, 99 where nothing differs
 *
 * SCREEN and OTHER are dumps of a screen (xwd.h) or pictures; OTHER is as large as SCREEN, or as
 * the rectangle. LIMIT is above=N or below=N: the exit code is 1 where the figure is not. Exit code
 * 2: wrong usage, or a file that cannot be read. */
#include "tests/rigs/scratch.h"
#include "tests/tools/view/window/xwd.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_NOT_SO = 1, EXIT_TROUBLE = 2 };

typedef struct rect {
    uint32_t x, y, width, height; /* pixels */
} rect;

/* A part of a picture. */
typedef struct view {
    const picture *of;
    rect part;
} view;

static int trouble(const char *what, const char *why)
{
    (void)fprintf(stderr, "probe: %s: %s\n", what, why);
    return EXIT_TROUBLE;
}

/* ---- reading ---- */

static bool load(const char *path, picture *out)
{
    const char *why = "cannot be read";
    size_t count = 0;
    uint8_t *bytes = scratch_read(path, &count);
    bool good = false;
    if (bytes != NULL) {
        good = xwd_is_one(bytes, count) ? xwd_parse(bytes, count, out, &why)
                                        : picture_load(path, out, &why);
    }
    free(bytes);
    if (!good) {
        (void)trouble(path, why);
    }
    return good;
}

/* Reads four numbers, or takes all of the picture where there are none. */
static bool read_rect(int argc, char **argv, const picture *p, rect *out)
{
    uint32_t n[4] = {0, 0, p->width, p->height};
    if (argc != 0 && argc != 4) {
        return false;
    }
    for (int i = 0; i < argc; i++) {
        char *end;
        const unsigned long value = strtoul(argv[i], &end, 10);
        if (*argv[i] < '0' || *argv[i] > '9' || *end != '\0' || value > 1 << 20) {
            return false;
        }
        n[i] = (uint32_t)value;
    }
    *out = (rect){n[0], n[1], n[2], n[3]};
    return n[2] > 0 && n[3] > 0 && n[0] + n[2] <= p->width && n[1] + n[3] <= p->height;
}

static const uint8_t *pixel(const view *v, uint32_t x, uint32_t y)
{
    return v->of->rgba + 4 * ((size_t)(v->part.y + y) * v->of->width + v->part.x + x);
}

/* ---- figures ---- */

static int save(const view *v, const char *path)
{
    const rect *r = &v->part;
    uint8_t *rgba = malloc((size_t)r->width * r->height * 4);
    bool good = rgba != NULL;
    for (uint32_t y = 0; good && y < r->height; y++) {
        memcpy(rgba + (size_t)y * r->width * 4, pixel(v, 0, y), (size_t)r->width * 4);
    }
    good = good && picture_write_png(path, r->width, r->height, rgba);
    free(rgba);
    return good ? 0 : trouble(path, strerror(errno));
}

static int print_mean(const view *v)
{
    uint64_t sum[3] = {0, 0, 0};
    for (uint32_t y = 0; y < v->part.height; y++) {
        for (uint32_t x = 0; x < v->part.width; x++) {
            const uint8_t *p = pixel(v, x, y);
            for (int i = 0; i < 3; i++) {
                sum[i] += p[i];
            }
        }
    }
    const double pixels = (double)v->part.width * v->part.height;
    (void)printf("%.2f %.2f %.2f\n", (double)sum[0] / pixels, (double)sum[1] / pixels,
                 (double)sum[2] / pixels);
    return 0;
}

static int print_colours(const view *v)
{
    uint8_t *seen = calloc(1 << 21, 1); /* a bit a colour */
    uint32_t count = 0;
    if (seen == NULL) {
        return trouble("colours", "no memory");
    }
    for (uint32_t y = 0; y < v->part.height; y++) {
        for (uint32_t x = 0; x < v->part.width; x++) {
            const uint8_t *p = pixel(v, x, y);
            const uint32_t colour = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
            const uint8_t bit = (uint8_t)(1 << (colour & 7));
            count += (seen[colour >> 3] & bit) == 0;
            seen[colour >> 3] |= bit;
        }
    }
    free(seen);
    (void)printf("%u\n", count);
    return 0;
}

/* Mean over the channels of |a - b| and of its square. */
static void compare(const view *a, const view *b, double *difference, double *square)
{
    uint64_t sum = 0, squares = 0;
    for (uint32_t y = 0; y < a->part.height; y++) {
        for (uint32_t x = 0; x < a->part.width; x++) {
            const uint8_t *p = pixel(a, x, y), *q = pixel(b, x, y);
            for (int i = 0; i < 3; i++) {
                const uint32_t d = (uint32_t)abs(p[i] - q[i]);
                sum += d;
                squares += d * d;
            }
        }
    }
    const double channels = 3.0 * a->part.width * a->part.height;
    *difference = (double)sum / channels;
    *square = (double)squares / channels;
}

/* ---- commands ---- */

/* The same part of the other picture; all of it where that is just what it shows. */
static bool part_of_other(const view *v, const picture *other, view *out)
{
    const rect *r = &v->part;
    const bool whole = other->width == r->width && other->height == r->height;
    *out = (view){other, whole ? (rect){0, 0, r->width, r->height} : *r};
    return whole || (other->width == v->of->width && other->height == v->of->height);
}

/* Prints the figure; `limit` is above=N, below=N, or NULL. */
static int judge(double figure, const char *limit)
{
    (void)printf("%.3f\n", figure);
    if (limit == NULL) {
        return 0;
    }
    const double n = atof(limit + strlen("above="));
    return (*limit == 'a' ? figure > n : figure < n) ? 0 : EXIT_NOT_SO;
}

/* differ and psnr: OTHER [LIMIT] [x y w h]. */
static int run_pair(const picture *screen, int argc, char **argv)
{
    view a = {.of = screen}, b;
    picture other;
    const bool limited =
        argc > 2 && (strncmp(argv[2], "above=", 6) == 0 || strncmp(argv[2], "below=", 6) == 0);
    const int rest = limited ? 3 : 2;
    if (argc < 2 || !read_rect(argc - rest, argv + rest, screen, &a.part)) {
        return trouble(argv[0], "needs another picture, and perhaps a rectangle within it");
    }
    if (!load(argv[1], &other)) {
        return EXIT_TROUBLE;
    }
    int code = EXIT_TROUBLE;
    if (!part_of_other(&a, &other, &b)) {
        (void)trouble(argv[1], "is of another size");
    } else {
        double difference, square;
        compare(&a, &b, &difference, &square);
        const double db = square > 0 ? fmin(10 * log10(255 * 255 / square), 99) : 99;
        code = judge(*argv[0] == 'd' ? difference : db, limited ? argv[2] : NULL);
    }
    picture_free(&other);
    return code;
}

/* argv[0] is the command. */
static int run(const picture *screen, int argc, char **argv)
{
    view v = {.of = screen};
    if (strcmp(argv[0], "differ") == 0 || strcmp(argv[0], "psnr") == 0) {
        return run_pair(screen, argc, argv);
    }
    const bool saves = strcmp(argv[0], "png") == 0;
    const int rest = saves ? 2 : 1;
    if (argc < rest || !read_rect(argc - rest, argv + rest, screen, &v.part)) {
        return trouble(argv[0], "wants a rectangle x y w h within the screen, or none");
    }
    if (saves) {
        return save(&v, argv[1]);
    }
    return strcmp(argv[0], "mean") == 0      ? print_mean(&v)
           : strcmp(argv[0], "colours") == 0 ? print_colours(&v)
                                             : trouble(argv[0], "no such command");
}

int main(int argc, char **argv)
{
    picture screen;
    if (argc < 3) {
        return trouble("usage", "probe SCREEN png|mean|colours|differ|psnr …");
    }
    if (!load(argv[1], &screen)) {
        return EXIT_TROUBLE;
    }
    const int code = run(&screen, argc - 2, argv + 2);
    picture_free(&screen);
    return code;
}
