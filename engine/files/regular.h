/* regular.h: opens a file for reading, if it is a regular one.
 *
 * A pipe, a terminal or a device may keep whoever opens or reads it waiting for ever, and the name
 * of one may come from anywhere that a user or somebody else can write to: a setting, the command
 * line, a folder of unfinished work. So each name is looked at before it is opened, it is opened in
 * a way that cannot wait, and what was opened is looked at again. Process substitution and
 * /dev/stdin are refused too, unless they are regular files.
 *
 * Threads: any. */
#ifndef MEGABUDDY_ENGINE_FILES_REGULAR_H
#define MEGABUDDY_ENGINE_FILES_REGULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct stat;

/* The text for an errno that this header or replace.h has set: the system's, but for EISDIR,
 * ENOTSUP (it is not a regular file) and the meanings that replace.h gives to a few others. */
const char *file_text(int error);

/* Opens `path` for reading, close-on-exec. *about, unless NULL, gets its stat. Returns the
 * descriptor, which the caller closes, or -1, and errno says why. */
int regular_fd(const char *path, struct stat *about);

/* The same for a name in an open folder, and not through a symbolic link (ELOOP). */
int regular_fd_at(int folder, const char *name, struct stat *about);

/* Reads the whole file and puts a zero byte behind it, in memory from malloc; *bytes is its length
 * without the zero. NULL, and errno says why: EFBIG where it has more than `most` bytes. */
char *regular_read(const char *path, size_t most, size_t *bytes);
char *regular_read_fd(int fd, size_t most, size_t *bytes); /* the same for an open one */

/* Reads `bytes` of an open file from `at` on. False: the file ends before, or cannot be read
 * there. */
bool regular_read_at(int fd, void *to, size_t bytes, uint64_t at);

/* ---- files that may not be empty; `why` says what is wrong ---- */

/* Whether `path` is a regular file that is not empty; *bytes, unless NULL, is its size. */
bool regular_check(const char *path, uint64_t *bytes, char *why, size_t why_bytes);

/* Opens it for reading. NULL on failure. */
FILE *regular_open(const char *path, char *why, size_t why_bytes);

/* Reads the first `count` bytes of the file to `head`; where it has fewer, the others become
 * zero. */
bool regular_head(const char *path, uint8_t *head, size_t count, char *why, size_t why_bytes);

#endif
