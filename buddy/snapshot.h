/* snapshot.h: a heap in a file: saved, and opened again by any process, at the same address or at
 * another one.
 *
 *     buddy_heap_save(h, "world.heap", roots, 2)          PATH.part ── fsync ── rename ──▶ PATH
 *     buddy_heap_open("world.heap", &desc, &status)       header, roots, marks: checked now
 *     buddy_snapshot_verify(h, block, bytes)              content: checked when it is first needed
 *
 * The file, whose numbers are little-endian; the content is the memory as it was:
 *
 *     0          header   128 bytes: version, sizes, checksums of header and tables
 *     128        roots    64 bytes each: a name, filled up with zeroes (56), an offset (8); sorted
 *     …          parts    4 bytes for each 64 KiB of content: its crc32c
 *     …          marks    a byte for four units, up to the last live one: see heap/marks.h
 *     n * 64 KiB content  the bytes of the heap from its base to the end of the last live block
 *
 *     content   [ live, 3 pages | free, 1 page | live, 12 pages ][ free, 16 pages ][ live …
 *     on disk   [ ############# |      hole    | ###   hole ### ][      hole      ][ ####
 *
 * What is free is stored as zero, and a page of zeroes not at all: the file is sparse, and holds
 * nothing of blocks that have been freed. The same heap gives the same file, byte for byte, but for
 * the address. What was taken from buddy_heap_core directly is not stored: it is free when opened.
 *
 * Pointers. The heap may come to lie elsewhere, so pointers that lie *in* it have to be relative.
 * Which way is up to the caller; offsets are the simplest, and a root is where one begins:
 *
 *     struct node { uint64_t next; char text[56]; };           // an offset, or BUDDY_SNAPSHOT_NULL
 *
 *     struct node *n = buddy_heap_alloc(h, sizeof *n);
 *     n->next = buddy_snapshot_offset(h, first);               // NULL becomes BUDDY_SNAPSHOT_NULL
 *     buddy_heap_save(h, path, &(buddy_snapshot_root){"list", n}, 1);
 *
 *     buddy_heap *g = buddy_heap_open(path, NULL, &status);    // in another process, next week
 *     struct node *at = buddy_snapshot_root_of(g, "list");
 *     for (; at != NULL; at = buddy_snapshot_at(g, at->next)) {
 *         puts(at->text);
 *     }
 *
 * A heap that was made at an address which the caller chose (buddy_heap_desc.memory) and is opened
 * with want_address may hold plain pointers.
 *
 * Crashes. Until the rename, PATH is the old file or none; after it, the new one, whole. The folder
 * is synchronised too before buddy_heap_save says BUDDY_SNAPSHOT_OK. A PATH.part that a crash left
 * behind is written over by the next save; another user's is refused.
 *
 * Strange files are refused with a status that says what is wrong with them, wherever they were cut
 * or changed; what is opened passes buddy_heap_check. Header, roots and marks are read once, into
 * memory of our own, and checked there. What the blocks hold is known to be what was saved, not to
 * be sensible: whoever can write the file can also make its checksums.
 *
 * Files that others cut while they are open. With BUDDY_SNAPSHOT_MAPPED and
 * BUDDY_SNAPSHOT_READ_ONLY pages come from the file when they are first touched, and where it has
 * become shorter the system raises SIGBUS. buddy_snapshot_verify reads by itself: it says
 * BUDDY_SNAPSHOT_LENGTH instead, so whoever verifies before the first touch is told.
 * BUDDY_SNAPSHOT_COPY, the default, reads and checks all when opening and lets go of the file: the
 * mode for files that are not one's own. Saving over the file that is open is no such case: the old
 * one lives on, without a name, until the heap is destroyed. */
#ifndef BUDDY_SNAPSHOT_H
#define BUDDY_SNAPSHOT_H

#include "heap.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define BUDDY_SNAPSHOT_NULL       UINT64_MAX /* the offset of NULL */
#define BUDDY_SNAPSHOT_NAME_BYTES 56u        /* of a root's name, with the zero at its end */
#define BUDDY_SNAPSHOT_ROOTS_MOST 4096u

/* X(name, text): what saving and opening can say. */
#define BUDDY_SNAPSHOT_STATUSES(X)                                                                 \
    X(BUDDY_SNAPSHOT_OK, "done")                                                                   \
    X(BUDDY_SNAPSHOT_IO, "the system cannot read or write the file (errno says why)")              \
    X(BUDDY_SNAPSHOT_NO_MEMORY, "the system gives no memory (errno says why)")                     \
    X(BUDDY_SNAPSHOT_NOT_PLAIN, "there is something at the path that is not a plain file")         \
    X(BUDDY_SNAPSHOT_BUSY, "another save to the same path is under way")                           \
    X(BUDDY_SNAPSHOT_AT_WORK, "blocks were taken or given back during the save")                   \
    X(BUDDY_SNAPSHOT_BAD_ROOT, "a root has an impossible name, one twice, or is in no live block") \
    X(BUDDY_SNAPSHOT_OUTSIDE, "the range does not lie in the heap")                                \
    X(BUDDY_SNAPSHOT_ADDRESS, "the address it was saved from cannot be had")                       \
    X(BUDDY_SNAPSHOT_TOO_LARGE, "the saved heap is larger than max_bytes")                         \
    X(BUDDY_SNAPSHOT_LENGTH, "the file is shorter or longer than it should be")                    \
    X(BUDDY_SNAPSHOT_FOREIGN, "the file is not a saved heap")                                      \
    X(BUDDY_SNAPSHOT_VERSION, "the file has a version that is not known here")                     \
    X(BUDDY_SNAPSHOT_MACHINE,                                                                      \
      "the file is from a machine of another byte order or size of pointer")                       \
    X(BUDDY_SNAPSHOT_HEADER_SUM, "the header differs from its checksum")                           \
    X(BUDDY_SNAPSHOT_SIZES, "the header has impossible sizes")                                     \
    X(BUDDY_SNAPSHOT_TABLE_SUM, "roots, parts or marks differ from their checksum")                \
    X(BUDDY_SNAPSHOT_MARKS, "the marks of live blocks contradict themselves or the header")        \
    X(BUDDY_SNAPSHOT_ROOTS, "a stored root has an impossible name or is in no live block")         \
    X(BUDDY_SNAPSHOT_CONTENT, "the content differs from its checksum")

#define X(name, text) name,
typedef enum buddy_snapshot_status { BUDDY_SNAPSHOT_STATUSES(X) } buddy_snapshot_status;
#undef X

const char *buddy_snapshot_status_text(buddy_snapshot_status status);

/* Where what is in the heap begins. */
typedef struct buddy_snapshot_root {
    const char *name;    /* 1 … BUDDY_SNAPSHOT_NAME_BYTES - 1 bytes */
    const void *pointer; /* into a live block, or NULL */
} buddy_snapshot_root;

/* Writes the heap to a file of mode 0600, in the place of the one that is there. A symbolic link or
 * anything else at the path that is no plain file stays and is refused, at PATH.part too. Any other
 * answer than BUDDY_SNAPSHOT_OK leaves the old file as it was; only where the folder cannot be
 * synchronised after the rename is the new one there, and BUDDY_SNAPSHOT_IO says that it may not
 * last.
 *
 * Others may read meanwhile, but must not take or give blocks, nor write to them: what they write
 * may or may not be in the file. For a save while they go on: bring them to rest, fork, and save in
 * the child. Two saves to one path at a time: one is BUDDY_SNAPSHOT_BUSY. What lies in threads'
 * stocks is stored as free. */
buddy_snapshot_status buddy_heap_save(const buddy_heap *h, const char *path,
                                      const buddy_snapshot_root roots[], uint32_t count);

typedef enum buddy_snapshot_mode {
    BUDDY_SNAPSHOT_COPY = 0,  /* all is read and checked now; the file is not needed any more */
    BUDDY_SNAPSHOT_MAPPED,    /* pages come when touched; what is written stays in memory */
    BUDDY_SNAPSHOT_READ_ONLY, /* as mapped, but nothing can be taken or given back
                                 (BUDDY_HEAP_READ_ONLY), and a write raises SIGSEGV */
} buddy_snapshot_mode;

typedef struct buddy_snapshot_open_desc {
    buddy_snapshot_mode mode;
    bool want_address; /* at the address it was saved from, or BUDDY_SNAPSHOT_ADDRESS; else
                          anywhere. For files that are one's own: the address is the file's choice,
                          though nothing is ever mapped over what is there */
    size_t max_bytes;  /* grows up to this, rounded down to units; 0: as saved. A heap with more in
                          play is refused */
    /* as in buddy_heap_desc: they are not saved */
    buddy_heap_checks checks;
    uint32_t threads;
    void (*on_error)(void *context, const char *line);
    void *on_error_context;
} buddy_snapshot_open_desc;

/* Opens a saved heap; from then on it is one like any other, which buddy_heap_destroy ends. desc
 * NULL: all defaults. Returns NULL when it is refused; *status says why. One thread; publish the
 * result before others use it. */
buddy_heap *buddy_heap_open(const char *path, const buddy_snapshot_open_desc *desc,
                            buddy_snapshot_status *status);

/* What was saved as a root by this name: NULL where that was NULL, where there was none, and in a
 * heap that came from no file. Any thread. */
void *buddy_snapshot_root_of(const buddy_heap *h, const char *name);

/* From a pointer into the heap to its offset from the base, and back. What lies outside, and NULL,
 * becomes BUDDY_SNAPSHOT_NULL; such an offset becomes NULL. For every heap. Any thread. */
uint64_t buddy_snapshot_offset(const buddy_heap *h, const void *pointer);
void *buddy_snapshot_at(const buddy_heap *h, uint64_t offset);

/* Makes sure that the parts of the file from which these bytes come are as they were saved. Each is
 * looked at once, until it has been found good; what did not come from the file is good. It is the
 * file that is looked at, so that it makes no difference what has been written to the memory since.
 * BUDDY_SNAPSHOT_CONTENT, BUDDY_SNAPSHOT_LENGTH or BUDDY_SNAPSHOT_IO when a part is bad;
 * BUDDY_SNAPSHOT_OUTSIDE for a range that is not in the heap. Any thread. Lock-free but for the
 * reading. */
buddy_snapshot_status buddy_snapshot_verify(buddy_heap *h, const void *pointer, size_t bytes);

/* As buddy_snapshot_verify for all there is. */
buddy_snapshot_status buddy_snapshot_verify_all(buddy_heap *h);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
