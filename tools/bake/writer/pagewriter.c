/* pagewriter.c: the writer's public functions: taking pages, and making a file of them at the end.
 *
 *     put ──▶ spool of mip 0 ─┐
 *     put ──▶ spool of mip 1 ─┤ commit: coarsest spool first, each in clusters ──▶ world.mega
 *     put ──▶ …              ─┘                    header last, fsync, rename ──▶ final name
 *
 * All unfinished work lies in one folder beside the final name (pagewriter_work.c). In a spool
 * pages lie as they came, which with many threads is chance; the file's order is made when they are
 * copied out of it (pagewriter_join.c). */
#include "tools/bake/writer/pagewriter_private.h"

#include "engine/files/replace.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checks that the path, whose links have been followed, is a regular file or free: a rename onto
 * /dev/null would succeed. */
static pagefile_status check_target(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? PAGEFILE_OK : PAGEFILE_WRITE_FAILED;
    }
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : ENOTSUP;
        return PAGEFILE_NOT_A_FILE;
    }
    return PAGEFILE_OK;
}

static bool allocate(pagewriter *w)
{
    const uint32_t pages = page_count(&w->desc.shape);
    w->missing = pages;
    w->index_bytes = (uint64_t)pages * w->desc.layer_count * PAGEFILE_ENTRY_BYTES;
    w->index = calloc(1, (size_t)w->index_bytes);
    return w->index != NULL && w->path != NULL && asprintf(&w->folder, "%s.part", w->path) > 0;
}

pagefile_status pagewriter_create(const pagewriter_desc *desc, pagewriter **out)
{
    assert(desc->layer_count >= 1 && desc->layer_count <= VT_MAX_LAYERS);
    *out = NULL;
    char *path = replace_target(desc->path);
    pagefile_status status = path != NULL ? check_target(path) : PAGEFILE_WRITE_FAILED;
    pagewriter *w = status == PAGEFILE_OK ? calloc(1, sizeof *w) : NULL;
    if (w == NULL) {
        const int why = errno;
        free(path);
        errno = why;
        return status != PAGEFILE_OK ? status : PAGEFILE_NO_MEMORY;
    }
    w->path = path;
    w->desc = *desc;
    w->folder_fd = w->state.fd = -1;
    pthread_mutex_init(&w->lock, NULL);
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        w->spools[mip].fd = -1;
    }
    status = allocate(w) ? work_open(w) : PAGEFILE_NO_MEMORY;
    if (status != PAGEFILE_OK) {
        pagewriter_abort(w);
        return status;
    }
    *out = w;
    return PAGEFILE_OK;
}

/* Appends a page to its spool. Needs the lock. */
static pagefile_status append(pagewriter *w, vt_page p, const pagewriter_packed packed[])
{
    spool *s = &w->spools[p.mip];
    if (s->fd < 0 && !work_open_spool(w, p.mip, 0)) {
        return PAGEFILE_WRITE_FAILED;
    }
    uint8_t *entry = pagewriter_entry(w, p);
    assert(format_get32(entry + 8) == 0); /* each page comes only once */
    for (uint32_t i = 0; i < w->desc.layer_count; i++, entry += PAGEFILE_ENTRY_BYTES) {
        format_put64(entry, s->bytes);
        format_put32(entry + 8, packed[i].bytes);
        format_put32(entry + 12, packed[i].checksum);
        format_put32(entry + 16, (uint32_t)packed[i].codec);
        if (!spool_append(s, packed[i].data, packed[i].bytes)) {
            return PAGEFILE_WRITE_FAILED;
        }
    }
    w->missing--;
    return PAGEFILE_OK;
}

pagefile_status pagewriter_put(pagewriter *w, vt_page p, const pagewriter_packed packed[])
{
    assert(page_exists(&w->desc.shape, p));
    pthread_mutex_lock(&w->lock);
    const pagefile_status status = append(w, p, packed);
    pthread_mutex_unlock(&w->lock);
    return status;
}

pagefile_status pagewriter_put_heights(pagewriter *w, const int16_t *metres, uint32_t width,
                                       uint32_t height)
{
    assert(w->heights == NULL && width > 0 && width <= PAGEFILE_MAX_HEIGHTS && height > 0 &&
           height <= PAGEFILE_MAX_HEIGHTS && (uint64_t)width * height * 2 <= LZ4_MAX_INPUT_SIZE);
    const uint32_t count = width * height;
    const int room = LZ4_compressBound((int)(count * 2));
    uint8_t *raw = malloc((size_t)count * 2);
    w->heights = malloc((size_t)room);
    if (raw == NULL || w->heights == NULL) {
        free(raw);
        return PAGEFILE_NO_MEMORY; /* abort frees the other */
    }
    for (uint32_t i = 0; i < count; i++) {
        raw[2 * i] = (uint8_t)(uint16_t)metres[i];
        raw[2 * i + 1] = (uint8_t)((uint16_t)metres[i] >> 8);
    }
    w->heights_bytes = (uint32_t)LZ4_compress_default((const char *)raw, (char *)w->heights,
                                                      (int)(count * 2), room);
    w->heights_width = width;
    w->heights_height = height;
    free(raw);
    return PAGEFILE_OK;
}

/* Makes the rename survive a power cut. If the system refuses, nothing is lost. */
static void sync_directory(const pagewriter *w)
{
    const int fd = openat(w->folder_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

pagefile_status pagewriter_commit(pagewriter *w)
{
    assert(w->missing == 0);
    pagefile_status status = join_world(w);
    status = status == PAGEFILE_OK ? check_target(w->path) : status; /* again: hours have passed */
    if (status == PAGEFILE_OK && renameat(w->folder_fd, WORK_WORLD, AT_FDCWD, w->path) != 0) {
        status = PAGEFILE_WRITE_FAILED;
    }
    if (status == PAGEFILE_OK) {
        sync_directory(w);
    }
    const int why = errno;
    pagewriter_abort(w); /* after a success only the folder is left to remove */
    errno = why;
    return status;
}

static void release(pagewriter *w, bool remove)
{
    if (w == NULL) {
        return;
    }
    for (uint32_t mip = 0; mip < VT_MAX_MIPS; mip++) {
        spool_close(&w->spools[mip]);
    }
    spool_close(&w->state);
    work_close(w, remove);
    pthread_mutex_destroy(&w->lock);
    free(w->restored);
    free(w->heights);
    free(w->index);
    free(w->folder);
    free(w->path);
    free(w);
}

void pagewriter_abort(pagewriter *w)
{
    release(w, true);
}

void pagewriter_suspend(pagewriter *w)
{
    release(w, false);
}
