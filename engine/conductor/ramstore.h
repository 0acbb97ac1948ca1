/* ramstore.h: keeps the RAM tier from one run to the next: the tier is written to a file at the end
 * and read back at the start, so that a world opens as sharp as it was left.
 *
 *     [ header 4 KiB | the arena, as it lay in memory | a row a page | what the atlas held ]
 *
 * Resuming reads the rows only. A page's bytes are read from the file when they are first used, and
 * its checksum is verified then (ramtier.h). The file is removed as soon as it is resumed from: it
 * is a cache that is used once. It is not mapped, so that a file that somebody cuts short, or a
 * disk that fails, costs pages and not a signal. A file that does not fit (another world, another
 * budget, another version, a damaged row) is left alone; the tier then begins empty, as without a
 * file.
 *
 * Only two kinds of file are ever removed or written over: this user's that begin as these files do
 * in every version, and empty ones. A symbolic link is followed. replace.h says how the file is
 * written; its numbers are in this machine's byte order, so it cannot be carried to another
 * machine.
 *
 * Called by vt_create.c. Threads: one, while nobody else uses the tier. */
#ifndef MEGABUDDY_ENGINE_RAMSTORE_H
#define MEGABUDDY_ENGINE_RAMSTORE_H

#include "engine/disk/pagefile.h"
#include "engine/ram/ramtier.h"

/* X(name, text): why a file was not taken up. */
#define RAMSTORE_STATUSES(X)                                           \
    X(RAMSTORE_OK, "taken up")                                         \
    X(RAMSTORE_NONE, "there is none")                                  \
    X(RAMSTORE_CANNOT_READ, "cannot be read")                          \
    X(RAMSTORE_NOT_A_FILE, "is not a regular file")                    \
    X(RAMSTORE_FOREIGN, "belongs to another user")                     \
    X(RAMSTORE_NOT_ONE, "is not what the RAM tier was suspended to")   \
    X(RAMSTORE_OTHER_VERSION, "was made by another version")           \
    X(RAMSTORE_OTHER_WORLD, "is of another world, or of an older one") \
    X(RAMSTORE_OTHER_BUDGET, "was made with another budget")           \
    X(RAMSTORE_DAMAGED, "is damaged")                                  \
    X(RAMSTORE_NO_MEMORY, "needs more memory than there is")

#define X(name, text) name,
typedef enum ramstore_status { RAMSTORE_STATUSES(X) } ramstore_status;
#undef X

const char *ramstore_status_text(ramstore_status status);

/* What a tier is suspended with and has to be resumed with. */
typedef struct ramstore_world {
    const pagefile *const *files; /* by texture - 1 */
    uint32_t file_count;
} ramstore_world;

/* The pages that lay in the atlas, most recently wanted first. */
typedef struct ramstore_resident {
    uint32_t *page_ids; /* from malloc */
    uint32_t count;
} ramstore_resident;

/* Whether `path` is free, or holds a file that may be written over, and a file can be made there.
 * False: errno says why (file_text). */
bool ramstore_possible(const char *path);

/* Writes the tier to `path`, over an earlier run's. False: errno says why (file_text; EMEDIUMTYPE:
 * something else is there), and what was there stays. Nothing may be pinned, and desc.sync was
 * VT_SYNC_LOCKFREE. */
bool ramstore_save(ramtier *rt, const ramstore_world *world, const ramstore_resident *resident,
                   const char *path);

/* Makes a tier of `desc` with the pages of the file, and removes the file. When it cannot be
 * resumed from, *out is NULL and the file is still there. *resident is to be freed in either
 * case. */
ramstore_status ramstore_resume(const char *path, const ramstore_world *world,
                                const ramtier_desc *desc, ramtier **out,
                                ramstore_resident *resident);

#endif
