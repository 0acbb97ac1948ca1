/* replace.h: a file written whole or not at all, in the place of the one that is there.
 *
 *     FOLDER/NAME.megabuddy-part ── written ── fsync ── rename ──▶ FOLDER/NAME ── fsync of FOLDER
 *
 *     replacement *r = replace_begin(&(replace_desc){.path = path});
 *     fprintf(replace_stream(r), …);
 *     if (!replace_commit(r)) { … file_text(errno) … }
 *
 * Until the rename the old file, or none, is under the name; after it the new one, whole. A full
 * disk, a short write or an error at the end leaves the old one and no temporary.
 *
 * The temporary is made anew and locked by whoever writes: neither a symbolic link nor a pipe nor
 * another's file at its name is ever written to. What a killed run left there (a plain file of our
 * own that nobody has locked) is removed first; anything else is in the way (ENOTUNIQ).
 *
 * A symbolic link as the path is followed, with the temporary beside what it leads to, which need
 * not be there yet: who links a name to another disk wants the file there, and the link stays. Only
 * regular files are replaced: EISDIR for a folder, ENOTSUP for devices and pipes. The new file has
 * the permissions of the old one.
 *
 * Threads: any, each a replacement of its own. Two to one path at once: one is EBUSY. Errors: false
 * or NULL, and errno says why; file_text (regular.h) has the words. */
#ifndef MEGABUDDY_ENGINE_FILES_REPLACE_H
#define MEGABUDDY_ENGINE_FILES_REPLACE_H

#include "engine/files/regular.h"

#include <sys/types.h>

typedef struct replacement replacement;

typedef struct replace_desc {
    const char *path; /* not needed after replace_begin */
    mode_t mode;      /* of a file that is new, less the umask; 0: 0666 */
    /* Whether what stands there, open for reading, may be replaced: asked at the beginning and
     * again at the end, and of what has been put there since once more: that goes back where the
     * file system can exchange two names. A no is EMEDIUMTYPE. NULL: every regular file may. */
    bool (*may_go)(int fd);
} replace_desc;

replacement *replace_begin(const replace_desc *desc);

/* Where to write; it belongs to the replacement. By one of them only. */
int replace_fd(const replacement *r); /* open for reading and writing */
FILE *replace_stream(replacement *r); /* NULL: no memory. Its errors are kept for commit */

/* Puts it in the old file's place. Frees r in any case; on false the old file is as it was, or, if
 * only the folder could not be synchronised, the new one is there and may not last. */
bool replace_commit(replacement *r);

/* As if nothing had been written. Frees r; NULL does nothing. Keeps errno. */
void replace_drop(replacement *r);

/* All of it in one go. */
bool replace_write(const char *path, const void *bytes, size_t count);

/* The path that a file is really written to: with symbolic links followed, whether there is
 * something at their end or not. From malloc. */
char *replace_target(const char *path);

#endif
