#include "buddy/slab/mapped.h"

#include "buddy/system/region.h"

#define CELLS_LEAST 256u /* a page of them */

bool slab_mapped_init(slab_mapped *m)
{
    m->cells = NULL;
    m->cell_count = m->count = m->bytes = 0;
    return pthread_mutex_init(&m->lock, NULL) == 0;
}

void slab_mapped_finish(slab_mapped *m)
{
    for (size_t i = 0; i < m->cell_count; i++) {
        region_unmap(m->cells[i].at, m->cells[i].bytes);
    }
    region_unmap(m->cells, m->cell_count * sizeof m->cells[0]);
    pthread_mutex_destroy(&m->lock);
}

/* ---- the table; needs the lock ---- */

/* Where the search for a block begins. */
static size_t home_of(const slab_mapped *m, const void *at)
{
    /* The golden ratio spreads addresses, whose low bits are zero. */
    uint64_t spread = (uint64_t)(uintptr_t)at * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(spread >> 20) & (m->cell_count - 1);
}

/* The block's cell, or the empty one where it would go. Precondition: there is a table. */
static slab_mapped_cell *find(const slab_mapped *m, const void *at)
{
    size_t i = home_of(m, at);
    while (m->cells[i].at != NULL && m->cells[i].at != at) {
        i = (i + 1) & (m->cell_count - 1);
    }
    return &m->cells[i];
}

static slab_mapped_cell *find_live(const slab_mapped *m, const void *at)
{
    slab_mapped_cell *cell = m->cell_count != 0 && at != NULL ? find(m, at) : NULL;
    return cell != NULL && cell->at != NULL ? cell : NULL;
}

/* Makes room for one more. False without memory. */
static bool make_room(slab_mapped *m)
{
    if (m->count < m->cell_count / 2) {
        return true;
    }
    slab_mapped old = *m;
    size_t cells = old.cell_count != 0 ? 2 * old.cell_count : CELLS_LEAST;
    m->cells = region_map(cells * sizeof m->cells[0], sizeof m->cells[0]);
    if (m->cells == NULL) {
        m->cells = old.cells;
        return false;
    }
    m->cell_count = cells;
    for (size_t i = 0; i < old.cell_count; i++) {
        if (old.cells[i].at != NULL) {
            *find(m, old.cells[i].at) = old.cells[i];
        }
    }
    region_unmap(old.cells, old.cell_count * sizeof old.cells[0]);
    return true;
}

static void insert(slab_mapped *m, void *at, size_t bytes)
{
    *find(m, at) = (slab_mapped_cell){at, bytes};
    m->count++;
    m->bytes += bytes;
}

/* Empties a cell, and moves up what lies behind it only because it was taken. */
static void erase(slab_mapped *m, slab_mapped_cell *cell)
{
    size_t mask = m->cell_count - 1, hole = (size_t)(cell - m->cells);
    m->count--;
    m->bytes -= cell->bytes;
    for (size_t i = (hole + 1) & mask; m->cells[i].at != NULL; i = (i + 1) & mask) {
        size_t home = home_of(m, m->cells[i].at);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->cells[hole] = m->cells[i];
            hole = i;
        }
    }
    m->cells[hole] = (slab_mapped_cell){NULL, 0};
}

/* ---- blocks ---- */

void *slab_mapped_alloc(slab_mapped *m, size_t alignment, size_t bytes)
{
    size_t whole = region_bytes(bytes);
    void *at = region_map_counted(whole, alignment);
    if (at == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&m->lock);
    bool known = make_room(m);
    if (known) {
        insert(m, at, whole);
    }
    pthread_mutex_unlock(&m->lock);
    if (!known) {
        region_unmap(at, whole);
    }
    return known ? at : NULL;
}

size_t slab_mapped_free(slab_mapped *m, void *pointer)
{
    pthread_mutex_lock(&m->lock);
    slab_mapped_cell *cell = find_live(m, pointer);
    size_t bytes = cell != NULL ? cell->bytes : 0;
    if (cell != NULL) {
        erase(m, cell);
    }
    pthread_mutex_unlock(&m->lock);
    region_unmap(bytes != 0 ? pointer : NULL, bytes); /* out of the table first: then it may be
                                                         another's */
    return bytes;
}

void *slab_mapped_resize(slab_mapped *m, void *pointer, size_t bytes)
{
    size_t whole = region_bytes(bytes);
    void *moved = NULL;
    pthread_mutex_lock(&m->lock);
    slab_mapped_cell *cell = find_live(m, pointer);
    if (cell != NULL) {
        moved = region_resize(pointer, cell->bytes, whole);
    }
    if (moved != NULL) {
        erase(m, cell);
        insert(m, moved, whole);
    }
    pthread_mutex_unlock(&m->lock);
    return moved;
}

size_t slab_mapped_bytes(slab_mapped *m, const void *pointer)
{
    pthread_mutex_lock(&m->lock);
    const slab_mapped_cell *cell = find_live(m, pointer);
    size_t bytes = cell != NULL ? cell->bytes : 0;
    pthread_mutex_unlock(&m->lock);
    return bytes;
}

const char *slab_mapped_check(slab_mapped *m)
{
    size_t count = 0, bytes = 0;
    bool found = true;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->cell_count; i++) {
        if (m->cells[i].at != NULL) {
            count++;
            bytes += m->cells[i].bytes;
            found = found && find(m, m->cells[i].at) == &m->cells[i];
        }
    }
    bool right = count == m->count && bytes == m->bytes;
    pthread_mutex_unlock(&m->lock);
    if (!found) {
        return "a mapped block is not found where it lies in the table";
    }
    return right ? NULL : "the count of mapped blocks differs from the table";
}
