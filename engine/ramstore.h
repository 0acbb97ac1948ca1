/* ramstore.h: the RAM tier from one run to the next: put into a file at the end, taken from there
 * at the start, so that a world opens with what it was left with.
 *
 *     [ header 4 KiB | the arena, as it lay in memory | a row a page | what the atlas held ]
 *
 * Taking it up maps the arena and reads the rows: nothing is copied, and a page's bytes come from
 * the file when they are first used, which is also when its checksum is looked at (ramtier.h). The
 * file is removed as soon as it is open: it is a cache that is used once, and nobody can cut it
 * short while it is mapped. What does not fit (another world, another budget, another version, a
 * damaged row) is not taken up; then the tier begins empty, as without a file.
 *
 * Numbers are this machine's: the file is not for carrying about. It is written under a name of its
 * own and renamed when whole; after a crash of the system its pages may be lost, not wrong.
 *
 * Called by vt_create.c. Threads: one, and the tier's others at rest. */
#ifndef MEGABUDDY_ENGINE_RAMSTORE_H
#define MEGABUDDY_ENGINE_RAMSTORE_H

#include "engine/ramtier.h"

/* X(name, text): why a file was not taken up. */
#define RAMSTORE_STATUSES(X)                                           \
    X(RAMSTORE_OK, "taken up")                                         \
    X(RAMSTORE_NONE, "there is none")                                  \
    X(RAMSTORE_CANNOT_READ, "cannot be read")                          \
    X(RAMSTORE_NOT_ONE, "is not what the RAM tier was suspended to")   \
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

/* Writes the tier to `path`, over what is there. False: errno says why, and what was there stays.
 * Nothing may be pinned, and desc.sync was ARENA_LOCKFREE. */
bool ramstore_save(ramtier *rt, const ramstore_world *world, const ramstore_resident *resident,
                   const char *path);

/* Makes a tier of `desc` with the pages of the file, and removes the file. *out is NULL when it is
 * not taken up. *resident is to be freed in either case. */
ramstore_status ramstore_resume(const char *path, const ramstore_world *world,
                                const ramtier_desc *desc, ramtier **out,
                                ramstore_resident *resident);

#endif
