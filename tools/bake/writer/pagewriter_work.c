/* pagewriter_work.c: the folder of unfinished work, and its checkpoints.
 *
 *     WORLD.mega.part/   mip00 mip01 …   spools: pages as they came
 *                        state           the last checkpoint
 *                        state.new       a checkpoint while it is being written
 *                        world.mega      the file while it is being joined
 *
 * A checkpoint is the index so far, the length of each spool, and the bytes that the baker wants
 * back. It is written beside the last one and renamed over it. Whoever goes on from it cuts off
 * what a spool has beyond its length. A state that is damaged, or of another identity, is of no
 * use: the folder is emptied.
 *
 * The folder belongs to this user alone: it is made with no rights for others, and refused if it is
 * another user's or others may write to it. Its files are created anew, or looked at before they
 * are opened, so a link or a pipe at one of their names is neither followed nor waited for. The
 * program that works in it holds a lock on it. */
#include "tools/bake/writer/pagewriter_private.h"

#include "engine/files/regular.h"
#include "engine/page/crc32c.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_MAGIC "MEGAWORK"
#define STATE_NAME  "state"
#define STATE_NEW   "state.new"

enum {
    STATE_VERSION = 1,
    NAME_BYTES = 16,
};

/* The beginning of a state. After it come the index, the baker's bytes, and the crc32c of all that,
 * four bytes. Only the program that wrote it reads it, on the same machine. */
typedef struct state_head {
    char magic[8];
    uint32_t version, missing;
    uint64_t identity;
    uint64_t index_bytes, baker_bytes;
    uint64_t spool_bytes[VT_MAX_MIPS];
} state_head;

static const char *spool_name(uint32_t mip, char name[NAME_BYTES])
{
    snprintf(name, NAME_BYTES, "mip%02u", mip % 100u);
    return name;
}

int work_file(const pagewriter *w, const char *name)
{
    if (unlinkat(w->folder_fd, name, 0) != 0 && errno != ENOENT) {
        return -1;
    }
    return openat(w->folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

/* Opens a file that an earlier process has made, of at least so many bytes; -1: there is none. */
static int old_file(const pagewriter *w, const char *name, uint64_t bytes)
{
    struct stat st;
    const int looked = regular_fd_at(w->folder_fd, name, &st);
    if (looked < 0) {
        return -1;
    }
    (void)close(looked); /* nobody else can replace it meanwhile: the folder is ours */
    return st.st_nlink == 1 && (uint64_t)st.st_size >= bytes
               ? openat(w->folder_fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
               : -1;
}

bool work_open_spool(pagewriter *w, uint32_t mip, uint64_t bytes)
{
    char name[NAME_BYTES];
    spool_name(mip, name);
    const int fd = bytes == 0 ? work_file(w, name) : old_file(w, name, bytes);
    return fd >= 0 && spool_open(&w->spools[mip], fd, bytes);
}

static void empty_folder(const pagewriter *w)
{
    char name[NAME_BYTES];
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        unlinkat(w->folder_fd, spool_name(mip, name), 0);
    }
    unlinkat(w->folder_fd, STATE_NAME, 0);
    unlinkat(w->folder_fd, STATE_NEW, 0);
    unlinkat(w->folder_fd, WORK_WORLD, 0);
}

void work_close(pagewriter *w, bool remove)
{
    const int why = errno;
    if (w->folder_fd >= 0) {
        if (remove) {
            empty_folder(w);
            rmdir(w->folder); /* fails if somebody has put a file of his own into it */
        }
        close(w->folder_fd);
        w->folder_fd = -1;
    }
    errno = why;
}

/* ---- writing a checkpoint ---- */

static bool state_add(pagewriter *w, const void *data, size_t bytes)
{
    w->state_crc = crc32c(w->state_crc, data, bytes);
    return spool_append(&w->state, data, bytes);
}

static bool flush_spools(pagewriter *w, uint64_t bytes[VT_MAX_MIPS])
{
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        spool *s = &w->spools[mip];
        bytes[mip] = s->fd >= 0 ? s->bytes : 0;
        if (s->fd >= 0 && (!spool_flush(s) || fdatasync(s->fd) != 0)) {
            return false;
        }
    }
    return true;
}

static bool write_state(pagewriter *w, const pagewriter_part parts[], uint32_t count)
{
    state_head head = {.magic = STATE_MAGIC,
                       .version = STATE_VERSION,
                       .missing = w->missing,
                       .identity = w->desc.identity,
                       .index_bytes = w->index_bytes};
    for (uint32_t i = 0; i < count; i++) {
        head.baker_bytes += parts[i].bytes;
    }
    w->state_crc = 0;
    if (!flush_spools(w, head.spool_bytes) || !state_add(w, &head, sizeof head) ||
        !state_add(w, w->index, (size_t)w->index_bytes)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!state_add(w, parts[i].data, parts[i].bytes)) {
            return false;
        }
    }
    return spool_append(&w->state, &w->state_crc, sizeof w->state_crc) && spool_flush(&w->state) &&
           fdatasync(w->state.fd) == 0;
}

pagefile_status pagewriter_checkpoint(pagewriter *w, const pagewriter_part parts[], uint32_t count)
{
    assert(w->desc.identity != 0);
    const int fd = work_file(w, STATE_NEW);
    if (fd < 0 || !spool_open(&w->state, fd, 0)) {
        return PAGEFILE_WRITE_FAILED;
    }
    const bool done = write_state(w, parts, count) &&
                      renameat(w->folder_fd, STATE_NEW, w->folder_fd, STATE_NAME) == 0;
    const int why = errno;
    spool_close(&w->state);
    errno = why;
    return done ? PAGEFILE_OK : PAGEFILE_WRITE_FAILED;
}

/* ---- going on from a checkpoint ---- */

/* Reads the whole state, to memory from malloc; NULL: there is none that can be read. */
static uint8_t *load_state(const pagewriter *w, size_t *bytes)
{
    struct stat st;
    const int fd = regular_fd_at(w->folder_fd, STATE_NAME, &st);
    if (fd < 0) {
        return NULL;
    }
    uint8_t *state = (uint8_t *)regular_read_fd(fd, (size_t)st.st_size, bytes);
    (void)close(fd); /* nothing was written */
    return state;
}

/* Whether a state is complete, undamaged, and of this very bake. */
static bool is_ours(const pagewriter *w, const uint8_t *state, size_t bytes, state_head *head)
{
    uint32_t crc = 0;
    if (bytes < sizeof *head + sizeof crc) {
        return false;
    }
    memcpy(head, state, sizeof *head);
    memcpy(&crc, state + bytes - sizeof crc, sizeof crc);
    const uint64_t rest = bytes - sizeof *head - sizeof crc;
    return memcmp(head->magic, STATE_MAGIC, sizeof head->magic) == 0 &&
           head->version == STATE_VERSION && head->identity == w->desc.identity &&
           head->index_bytes == w->index_bytes && head->index_bytes <= rest &&
           head->baker_bytes == rest - head->index_bytes && head->missing <= w->missing &&
           crc32c(0, state, bytes - sizeof crc) == crc;
}

/* Opens the spools and cuts them to the lengths that they had; a shorter one is refused. */
static bool reopen_spools(pagewriter *w, const state_head *head)
{
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        const uint64_t bytes = head->spool_bytes[mip];
        if (bytes > 0 && !work_open_spool(w, mip, bytes)) {
            return false;
        }
    }
    return true;
}

static void take_up(pagewriter *w)
{
    state_head head;
    size_t bytes = 0;
    uint8_t *state = w->desc.identity != 0 ? load_state(w, &bytes) : NULL;
    if (state != NULL && is_ours(w, state, bytes, &head) && reopen_spools(w, &head)) {
        memcpy(w->index, state + sizeof head, (size_t)w->index_bytes);
        w->missing = head.missing;
        w->restored_bytes = (size_t)head.baker_bytes;
        memmove(state, state + sizeof head + w->index_bytes, w->restored_bytes);
        w->restored = state;
        return;
    }
    free(state);
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        spool_close(&w->spools[mip]);
    }
    empty_folder(w);
}

bool pagewriter_goes_on(const pagewriter *w)
{
    return w->restored != NULL;
}

bool pagewriter_restore(pagewriter *w, void *buffer, size_t bytes)
{
    if (w->restored == NULL || bytes > w->restored_bytes - w->restored_read) {
        return false;
    }
    memcpy(buffer, w->restored + w->restored_read, bytes);
    w->restored_read += bytes;
    return true;
}

static bool is_link(const char *path)
{
    struct stat st;
    const int why = errno;
    const bool link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    errno = why;
    return link;
}

/* Whether only this user can put files into an open folder. */
static bool is_only_ours(int folder)
{
    struct stat st;
    return fstat(folder, &st) == 0 && st.st_uid == geteuid() &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Takes the folder for this writer, if it is this user's alone and nobody works in it. */
static pagefile_status claim(const pagewriter *w)
{
    if (!is_only_ours(w->folder_fd)) {
        return PAGEFILE_UNSAFE;
    }
    if (flock(w->folder_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? PAGEFILE_BUSY : PAGEFILE_WRITE_FAILED;
    }
    return PAGEFILE_OK;
}

/* Closes the folder without emptying it; `goes`: removes it, since this call has made it. */
static void leave_folder(pagewriter *w, bool goes)
{
    const int why = errno;
    if (w->folder_fd >= 0) {
        (void)close(w->folder_fd); /* nothing was written */
        w->folder_fd = -1;
    }
    if (goes) {
        (void)rmdir(w->folder); /* refused if somebody has put something into it */
    }
    errno = why;
}

pagefile_status work_open(pagewriter *w)
{
    pagefile_status status = PAGEFILE_WRITE_FAILED;
    const bool made = mkdir(w->folder, 0700) == 0;
    if (!made && errno != EEXIST) {
        return status;
    }
    w->folder_fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (w->folder_fd >= 0) {
        status = claim(w);
    } else if (is_link(w->folder)) {
        status = PAGEFILE_UNSAFE;
    }
    if (status != PAGEFILE_OK) {
        /* if another program was quicker with the lock, it works there, even if the folder is still
         * empty */
        leave_folder(w, made && status != PAGEFILE_BUSY);
        return status;
    }
    take_up(w);
    return PAGEFILE_OK;
}
