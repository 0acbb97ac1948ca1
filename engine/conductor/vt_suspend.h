/* vt_suspend.h: the RAM tier, and what the atlas held, from one run to the next (ramstore.h). For
 * vt_create.c alone, which calls these in the order in which they stand here. */
#ifndef MEGABUDDY_ENGINE_VT_SUSPEND_H
#define MEGABUDDY_ENGINE_VT_SUSPEND_H

#include "engine/conductor/ramstore.h"
#include "engine/conductor/stream.h"

/* Keeps the name of the file, where there is to be one. False: no memory. */
bool suspend_name(vt *v);

/* The tier as an earlier run left it, or an empty one, with a message where the file was not taken
 * up, or where at the end it could not be written. *resident is to be freed. NULL: no memory. */
ramtier *suspend_open_tier(vt *v, const ramtier_desc *desc, ramstore_resident *resident);

/* Puts the tier away; the workers have ended. False: `error` says why in one line; what was there
 * stays, and the next run begins without. */
bool suspend_save(vt *v, char *error, uint32_t error_bytes);

#endif
