/* whole.h: a picture that is unpacked as a whole when it is opened: what has no reader by rows. */
#ifndef MEGABUDDY_TOOLS_BAKE_WHOLE_H
#define MEGABUDDY_TOOLS_BAKE_WHOLE_H

#include "tools/bake/source.h"

/* Opens what tools/picture/picture.h reads, within its limit of 2^31 bytes unpacked. On failure
 * returns false, and `why` says what is wrong. */
bool whole_open(const char *path, source *out, char *why, size_t why_bytes);

#endif
