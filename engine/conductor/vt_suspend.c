/* vt_suspend.c: see vt_suspend.h. */
#include "engine/conductor/vt_suspend.h"

#include "engine/files/regular.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool suspend_name(vt *v)
{
    if (v->desc.suspend == NULL || v->desc.suspend[0] == '\0' ||
        v->desc.ram_sync != VT_SYNC_LOCKFREE) {
        v->desc.suspend = NULL;
        return true;
    }
    v->suspend = strdup(v->desc.suspend);
    v->desc.suspend = v->suspend;
    return v->suspend != NULL;
}

static ramstore_world describe_world(const vt *v, const pagefile *files[VT_MAX_TEXTURES])
{
    for (uint32_t i = 0; i < v->texture_count; i++) {
        files[i] = v->textures[i].file;
    }
    return (ramstore_world){files, v->texture_count};
}

/* Warns at the start about a file that could not be written at the end, or was not resumed from. */
static void tell_status(vt *v, ramstore_status status)
{
    const bool taken = status == RAMSTORE_OK || status == RAMSTORE_NONE;
    const bool possible = ramstore_possible(v->suspend);
    if (!possible) {
        log_add(&v->log, "%s: %s; nothing will be suspended", v->suspend,
                taken ? file_text(errno) : ramstore_status_text(status));
    } else if (!taken) {
        log_add(&v->log, "%s: %s; RAM begins empty", v->suspend, ramstore_status_text(status));
    }
}

ramtier *suspend_open_tier(vt *v, const ramtier_desc *desc, ramstore_resident *resident)
{
    ramtier *ram = NULL;
    if (v->suspend != NULL) {
        const pagefile *files[VT_MAX_TEXTURES];
        const ramstore_world world = describe_world(v, files);
        const ramstore_status status = ramstore_resume(v->suspend, &world, desc, &ram, resident);
        tell_status(v, status);
    }
    if (ram != NULL) {
        ramtier_stats stats;
        ramtier_get_stats(ram, &stats);
        v->stats.ram.resumed = stats.pages;
    }
    return ram != NULL ? ram : ramtier_create(desc);
}

/* Pages in the atlas with the period that last wanted them. */
typedef struct residency {
    uint64_t period;
    uint32_t page_id;
} residency;

static int by_period(const void *a, const void *b)
{
    const residency *left = a, *right = b;
    return left->period < right->period ? 1 : left->period > right->period ? -1 : 0;
}

/* Lists what lies in the atlas, the most recently wanted first. */
static ramstore_resident list_resident(const vt *v)
{
    const uint32_t cells = v->gpu_desc.atlas_columns * v->gpu_desc.atlas_columns;
    residency *found = malloc(cells * sizeof *found);
    ramstore_resident out = {malloc(cells * sizeof *out.page_ids), 0};
    for (uint32_t slot = 0; found != NULL && out.page_ids != NULL && slot < cells; slot++) {
        if (atlas_page(v->atlas, slot) != 0) {
            found[out.count++] =
                (residency){atlas_get_use(v->atlas, slot).period, atlas_page(v->atlas, slot)};
        }
    }
    if (out.count > 0) {
        qsort(found, out.count, sizeof *found, by_period);
    }
    for (uint32_t i = 0; i < out.count; i++) {
        out.page_ids[i] = found[i].page_id;
    }
    free(found);
    return out;
}

/* The list of what lay in the atlas goes with the RAM tier, so that the next run can fill its atlas
 * from RAM before the first frame. */
bool suspend_save(vt *v, char *error, uint32_t error_bytes)
{
    const pagefile *files[VT_MAX_TEXTURES];
    const ramstore_world world = describe_world(v, files);
    const ramstore_resident resident = list_resident(v);
    errno = ENOMEM;
    const bool saved =
        resident.page_ids != NULL && ramstore_save(v->ram, &world, &resident, v->suspend);
    if (!saved) {
        (void)snprintf(error, error_bytes, "%s: %s; nothing was suspended", v->suspend,
                       file_text(errno));
    }
    free(resident.page_ids);
    return saved;
}
