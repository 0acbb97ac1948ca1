/* vt_suspend.h: keeps the RAM tier, and the list of what the atlas held, from one run to the next
 * (ramstore.h). For vt_create.c alone, which calls these in the order in which they stand here. */
#ifndef MEGABUDDY_ENGINE_VT_SUSPEND_H
#define MEGABUDDY_ENGINE_VT_SUSPEND_H

#include "engine/conductor/ramstore.h"
#include "engine/conductor/stream.h"

/* Copies the name of the file, if there is to be one. False: no memory. */
bool suspend_name(vt *v);

/* Makes the tier: as an earlier run left it, or empty. A message says so where the file was not
 * resumed from, or could not be written at the end. *resident is to be freed. NULL: no memory. */
ramtier *suspend_open_tier(vt *v, const ramtier_desc *desc, ramstore_resident *resident);

/* Writes the tier to the file; the workers have ended. False: `error` says why in one line; what
 * was at that name stays, and the next run begins with an empty tier. */
bool suspend_save(vt *v, char *error, uint32_t error_bytes);

#endif
