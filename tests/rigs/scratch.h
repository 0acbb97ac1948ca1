/* scratch.h: a directory of a test's own, removed with all that is in it. One thread.
 *
 * Group set-up and tear-down for cmocka: the directory's name is the tests' *state. */
#ifndef MEGABUDDY_TESTS_SCRATCH_H
#define MEGABUDDY_TESTS_SCRATCH_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_PATHS = 8, SCRATCH_PATH_BYTES = 512 };

static inline int scratch_make(void **state)
{
    const char *base = getenv("TMPDIR");
    char name[SCRATCH_PATH_BYTES];
    snprintf(name, sizeof name, "%s/megabuddy-test-XXXXXX", base != NULL ? base : "/tmp");
    *state = mkdtemp(name) != NULL ? strdup(name) : NULL;
    return *state != NULL ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    char command[SCRATCH_PATH_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    const int status = system(command);
    free(*state);
    return status;
}

/* The path of `name` in the directory; valid until SCRATCH_PATHS further calls. */
static inline const char *scratch_path(const void *state, const char *name)
{
    static char paths[SCRATCH_PATHS][SCRATCH_PATH_BYTES];
    static int next;
    char *path = paths[next++ % SCRATCH_PATHS];
    snprintf(path, SCRATCH_PATH_BYTES, "%s/%s", (const char *)state, name);
    return path;
}

/* Names in a directory, hidden ones too; -1 when it cannot be read. */
static inline int scratch_count(const char *directory)
{
    DIR *d = opendir(directory);
    int count = 0;
    if (d == NULL) {
        return -1;
    }
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    closedir(d);
    return count;
}

/* A whole file, from malloc; NULL when it cannot be read. */
static inline uint8_t *scratch_read(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    if (f != NULL && fseek(f, 0, SEEK_END) == 0) {
        *bytes = (size_t)ftell(f);
        rewind(f);
        data = malloc(*bytes + 1);
        if (data != NULL && fread(data, 1, *bytes, f) != *bytes) {
            free(data);
            data = NULL;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return data;
}

#endif
