/* heights_cli.c MEGABUDDY [view]: worlds with heights that nobody's bake would write: a few
 * megabytes that unpack to two gigabytes, and rasters wider than the card's textures may be. What
 * the program makes of them, and how much memory it takes for it. With `view` it draws them; exit
 * code 77 (skipped) where there is no OpenGL. */
#include "engine/disk/pagefile_format.h"
#include "tests/rigs/engine/codecs.h"
#include "tests/rigs/scratch.h"
#include "tools/bake/writer/pagewriter.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SKIPPED = 77,
    BOMB_WIDTH = 32768, /* the most that the format allows: 2 GiB */
    BOMB_HEIGHT = 32767,
    MIB_KIB = 1024,
    /* Measured: 15 MiB for info and verify, and by the sanitizers' builds 45. Holding the heights
     * takes 2,048. */
    MOST_KIB = 256 * MIB_KIB,
    /* Measured: 200 MiB, of which 130 are OpenGL in software. Holding the heights takes 2,048 too.
     */
    MOST_VIEW_KIB = 800 * MIB_KIB,
};

static int failures;

static void expect(bool good, const char *what, long figure)
{
    if (!good) {
        fprintf(stderr, "heights_cli: %s (%ld)\n", what, figure);
        failures++;
    }
}

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "heights_cli: %s\n", what);
        exit(2);
    }
}

/* ---- worlds ---- */

/* A world of one page, with heights where there are any. */
static void write_world(const char *path, const int16_t *metres, uint32_t width, uint32_t height)
{
    static uint8_t texels[TEXEL_PAGE_MAX_BYTES];
    pagewriter_desc desc = {.path = path,
                            .kind = VT_TERRAIN,
                            .layer_count = 1,
                            .layers = {{VT_TEXEL_RGBA8, true, "albedo", false}}};
    pagewriter *w = NULL;
    pagewriter_packed packed = codecs_pack_lz4(VT_TEXEL_RGBA8, texels);
    must(page_shape_make(100, 50, 4, &desc.shape) && pagewriter_create(&desc, &w) == PAGEFILE_OK &&
             pagewriter_put(w, (vt_page){0}, &packed) == PAGEFILE_OK,
         "no world");
    must(metres == NULL || pagewriter_put_heights(w, metres, width, height) == PAGEFILE_OK,
         "no heights");
    must(pagewriter_commit(w) == PAGEFILE_OK, "no world");
    free(packed.data);
}

/* A block of zeros: a literal, a match that repeats it nearly to the end, five literals. Its length
 * goes on in bytes of 255. */
static uint8_t *make_bomb(size_t raw, size_t *bytes)
{
    static const uint8_t BEGIN[] = {0x1f, 0, 1, 0}, END[] = {0x50, 0, 0, 0, 0, 0};
    const size_t length = raw - 1 - 5 - 4 - 15, run = length / 255;
    uint8_t *block = malloc(sizeof BEGIN + run + 1 + sizeof END), *at = block;
    must(block != NULL, "no memory");
    memcpy(at, BEGIN, sizeof BEGIN);
    at += sizeof BEGIN;
    memset(at, 255, run);
    at += run;
    *at++ = (uint8_t)(length % 255);
    memcpy(at, END, sizeof END);
    *bytes = (size_t)(at + sizeof END - block);
    return block;
}

/* Puts heights, as they are stored, behind a world that has none. */
static void append_heights(const char *path, uint32_t width, uint32_t height, const uint8_t *block,
                           size_t bytes)
{
    size_t world_bytes;
    uint8_t *world = scratch_read(path, &world_bytes);
    FILE *f = fopen(path, "r+b");
    must(world != NULL && f != NULL, "no world");
    format_put32(world + PAGEFILE_AT_HEIGHTS_WIDTH, width);
    format_put32(world + PAGEFILE_AT_HEIGHTS_HEIGHT, height);
    format_put32(world + PAGEFILE_AT_HEIGHTS_CRC, crc32c(0, block, bytes));
    format_put64(world + PAGEFILE_AT_HEIGHTS_OFFSET, world_bytes);
    format_put64(world + PAGEFILE_AT_HEIGHTS_BYTES, bytes);
    format_put64(world + PAGEFILE_AT_FILE_BYTES, world_bytes + bytes);
    format_put32(world + PAGEFILE_AT_CRC, format_header_crc(world));
    must(fwrite(world, 1, world_bytes, f) == world_bytes && fwrite(block, 1, bytes, f) == bytes &&
             fclose(f) == 0,
         "the world cannot be written");
    free(world);
}

/* short_by: bytes that it unpacks to less than it should, which only shows at the end. */
static void write_bomb(const char *path, size_t short_by)
{
    size_t bytes;
    uint8_t *block = make_bomb((size_t)2 * BOMB_WIDTH * BOMB_HEIGHT - short_by, &bytes);
    write_world(path, NULL, 0, 0);
    append_heights(path, BOMB_WIDTH, BOMB_HEIGHT, block, bytes);
    free(block);
}

/* ---- running the program ---- */

typedef struct outcome {
    int code;
    long kib; /* of memory, at most at once */
    char said[4096];
} outcome;

static outcome run(const char *const arguments[])
{
    char path[] = "/tmp/megabuddy-heights-XXXXXX";
    const int said = mkstemp(path);
    must(said >= 0, "no temporary file");
    (void)unlink(path);
    const pid_t child = fork();
    must(child >= 0, "no process");
    if (child == 0) {
        (void)dup2(said, STDOUT_FILENO);
        (void)dup2(said, STDERR_FILENO);
        (void)execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int status;
    struct rusage used;
    must(wait4(child, &status, 0, &used) == child, "the program was lost");
    outcome out = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128, .kib = used.ru_maxrss};
    const ssize_t got = pread(said, out.said, sizeof out.said - 1, 0);
    out.said[got > 0 ? got : 0] = '\0';
    (void)close(said);
    return out;
}

/* ---- the cases ---- */

static void look_at_a_bomb(const char *program, const char *path)
{
    const outcome info = run((const char *const[]){program, "info", path, NULL});
    expect(info.code == 0, info.said, info.code);
    expect(strstr(info.said, "32768 x 32767, from 0 to 0 metres") != NULL, info.said, 0);
    expect(info.kib < MOST_KIB, "info takes KiB", info.kib);
    const outcome verify =
        run((const char *const[]){program, "verify", "--threads", "2", path, NULL});
    expect(verify.code == 0, verify.said, verify.code);
    expect(verify.kib < MOST_KIB, "verify takes KiB", verify.kib);
    printf("a bomb: info %ld KiB, verify %ld KiB\n", info.kib, verify.kib);
}

/* A block that is cut, or one byte of which is another. */
static void look_at_damage(const char *program, const char *path)
{
    size_t bytes;
    uint8_t *block = make_bomb((size_t)2 * 3000 * 1000, &bytes);
    for (int kind = 0; kind < 3; kind++) {
        write_world(path, NULL, 0, 0);
        block[1] = kind == 0 ? 1 : 0;
        append_heights(path, 3000, kind == 2 ? 999 : 1000, block, bytes - (kind == 1 ? 3 : 0));
        const outcome verify = run((const char *const[]){program, "verify", path, NULL});
        /* The first is whole: what it unpacks to is nobody's business. */
        expect(verify.code == (kind == 0 ? 0 : 1), verify.said, kind);
    }
    free(block);
}

static outcome view(const char *program, const char *path)
{
    return run((const char *const[]){program, "view", path, "--headless", "--frames", "2", "--size",
                                     "32x18", NULL});
}

static void draw(const char *program, const char *path, const char *what)
{
    const outcome seen = view(program, path);
    expect(seen.code == 0 && strstr(seen.said, "OpenGL messages 0") != NULL, seen.said, seen.code);
    expect(seen.kib < MOST_VIEW_KIB, "view takes KiB", seen.kib);
    printf("%s: view %ld KiB\n", what, seen.kib);
}

static void draw_long_ones(const char *program, const char *path)
{
    static int16_t metres[PAGEFILE_MAX_HEIGHTS * 2];
    static const uint32_t SIZES[][2] = {
        {PAGEFILE_MAX_HEIGHTS, 2}, {2, PAGEFILE_MAX_HEIGHTS}, {1, 300}};
    for (size_t i = 0; i < sizeof metres / sizeof metres[0]; i++) {
        metres[i] = (int16_t)(i % 4000);
    }
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        char what[64];
        snprintf(what, sizeof what, "heights of %u x %u", SIZES[i][0], SIZES[i][1]);
        write_world(path, metres, SIZES[i][0], SIZES[i][1]);
        draw(program, path, what);
    }
}

/* Drawing a relief as large as there may be takes longer than a test should: so this one is short
 * of its last sample. */
static void draw_damage(const char *program, const char *path)
{
    const outcome seen = view(program, path);
    expect(seen.code == 1 && strstr(seen.said, "heights") != NULL, seen.said, seen.code);
    expect(seen.kib < MOST_VIEW_KIB, "view takes KiB", seen.kib);
    printf("a bomb: view %ld KiB\n", seen.kib);
}

static bool is_without_gl(const char *program, const char *path)
{
    write_world(path, NULL, 0, 0);
    const outcome seen = view(program, path);
    return seen.code != 0 && strstr(seen.said, "EGL") != NULL;
}

int main(int argc, char **argv)
{
    void *scratch = NULL;
    must(argc >= 2 && scratch_make(&scratch) == 0, "usage: heights_cli MEGABUDDY [view]");
    const char *path = scratch_path(scratch, "world.mega");
    int code = 0;
    if (argc == 2) {
        write_bomb(path, 0);
        look_at_a_bomb(argv[1], path);
        look_at_damage(argv[1], path);
    } else if (is_without_gl(argv[1], path)) {
        code = SKIPPED;
    } else {
        draw_long_ones(argv[1], path);
        write_bomb(path, 2);
        draw_damage(argv[1], path);
    }
    must(scratch_remove(&scratch) == 0, "the scratch folder stays");
    return failures > 0 ? 1 : code;
}
