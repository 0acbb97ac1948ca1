/* regular.h: opening a file for reading that has to be a regular one.
 *
 * A pipe, a terminal or a device may keep whoever opens or reads it waiting for ever, and the name
 * of one may stand anywhere that a user or somebody else can write: in a setting, on the command
 * line, in a folder of unfinished work. So nothing is opened before it was looked at, nor in a way
 * that could wait, and it is looked at again once it is open. Process substitution and /dev/stdin
 * are refused with the rest, unless that is a regular file.
 *
 * Threads: any. */
#ifndef MEGABUDDY_ENGINE_FILES_REGULAR_H
#define MEGABUDDY_ENGINE_FILES_REGULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct stat;

/* What a failure of this header or of replace.h means, by errno: as the system says it, but for
 * EISDIR, ENOTSUP (it is not a regular file) and what replace.h has of its own. */
const char *file_text(int error);

/* Opens it for reading, close-on-exec. *about, unless NULL, is what it is. Returns the descriptor,
 * which is the caller's, or -1, and errno says why. */
int regular_fd(const char *path, struct stat *about);

/* The same of a name in an open folder, and not through a symbolic link (ELOOP). */
int regular_fd_at(int folder, const char *name, struct stat *about);

/* All of it and a zero byte behind, from malloc; *bytes is without that. NULL, and errno says why:
 * EFBIG where it has more than `most` bytes. */
char *regular_read(const char *path, size_t most, size_t *bytes);
char *regular_read_fd(int fd, size_t most, size_t *bytes); /* the same of an open one */

/* Reads `bytes` of an open one from `at` on. False: it ends before that, or its disk does not give
 * them. */
bool regular_read_at(int fd, void *to, size_t bytes, uint64_t at);

/* ---- one that has something in it; `why` says what is wrong ---- */

/* Whether `path` is such a file; *bytes, unless NULL, is its size. */
bool regular_check(const char *path, uint64_t *bytes, char *why, size_t why_bytes);

/* Opens it for reading. NULL on failure. */
FILE *regular_open(const char *path, char *why, size_t why_bytes);

/* Reads the first bytes of the file, at most `count`, to `head`; the rest of it is zeros. */
bool regular_head(const char *path, uint8_t *head, size_t count, char *why, size_t why_bytes);

#endif
