/* regular.h: opening a file that must be a regular one with something in it. Any thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_REGULAR_H
#define MEGABUDDY_TOOLS_BAKE_REGULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Whether `path` is a regular file that is not empty; *bytes, unless NULL, is its size. Else `why`
 * says what it is. Asked before opening: a pipe would hold us up. */
bool regular_check(const char *path, uint64_t *bytes, char *why, size_t why_bytes);

/* Opens it for reading. NULL on failure, and `why` says what is wrong. */
FILE *regular_open(const char *path, char *why, size_t why_bytes);

/* Reads the first bytes of the file, at most `count`, to `head`; the rest of it is zeros. */
bool regular_head(const char *path, uint8_t *head, size_t count, char *why, size_t why_bytes);

#endif
