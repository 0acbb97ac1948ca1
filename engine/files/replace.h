/* replace.h: writes a file whole or not at all, in the place of the one that is there.
 *
 *     FOLDER/NAME.megabuddy-part ── written ── fsync ── rename ──▶ FOLDER/NAME ── fsync of FOLDER
 *
 *     replacement *r = replace_begin(&(replace_desc){.path = path});
 *     fprintf(replace_stream(r), …);
 *     if (!replace_commit(r)) { … file_text(errno) … }
 *
 * Until the rename the name means the old file, or none; after it the new one, whole. A full disk,
 * a short write or an error at the end leaves the old file and no temporary.
 *
 * The temporary is created anew and locked by its writer, so a symbolic link, a pipe or another's
 * file at its name is never written to. What a killed run left there (a plain file of this user's
 * that nobody has locked) is removed first; anything else is in the way (ENOTUNIQ).
 *
 * If the path is a symbolic link, it is followed, and the temporary lies beside what it leads to,
 * which need not exist yet: whoever links a name to another disk wants the file there. The link
 * stays. Only regular files are replaced: EISDIR for a folder, ENOTSUP for devices and pipes. The
 * new file has the permissions of the old one.
 *
 * Threads: any, each with a replacement of its own. Of two for one path at once, one gets EBUSY.
 * Errors: false or NULL, and errno says why; file_text (regular.h) has the words. */
#ifndef MEGABUDDY_ENGINE_FILES_REPLACE_H
#define MEGABUDDY_ENGINE_FILES_REPLACE_H

#include "engine/files/regular.h"

#include <sys/types.h>

typedef struct replacement replacement;

typedef struct replace_desc {
    const char *path; /* not needed after replace_begin */
    mode_t mode;      /* of a file that was not there, less the umask; 0: 0666 */
    /* Whether the file that is there, open for reading, may be replaced. Asked at the beginning,
     * again at the end, and once more about a file that has been put there in between: that one is
     * put back where the file system can exchange two names. A no becomes EMEDIUMTYPE. NULL: every
     * regular file may be replaced. */
    bool (*may_go)(int fd);
} replace_desc;

replacement *replace_begin(const replace_desc *desc);

/* Where to write, by one of the two only; the replacement closes it. */
int replace_fd(const replacement *r); /* open for reading and writing */
FILE *replace_stream(replacement *r); /* NULL: no memory. Commit reports its errors */

/* Puts the new file in the old one's place. Frees r in any case. False: the old file is as it was;
 * or, if only the folder could not be synchronised, the new one is there and a power cut may undo
 * it. */
bool replace_commit(replacement *r);

/* Undoes it all, as if nothing had been written. Frees r; NULL does nothing. Keeps errno. */
void replace_drop(replacement *r);

/* Begins, writes and commits in one call. */
bool replace_write(const char *path, const void *bytes, size_t count);

/* The path that a file is written to in the end: symbolic links are followed, whether there is
 * something at their end or not. From malloc. */
char *replace_target(const char *path);

#endif
