/* reference.h: the same pictures without streaming: the same shaders and the same file, in an atlas
 * that has room for all the frame wants, no bias, no fade, and feedback from every pixel. Thread:
 * the one with the OpenGL context. */
#ifndef MEGABUDDY_TOOLS_VIEW_REFERENCE_H
#define MEGABUDDY_TOOLS_VIEW_REFERENCE_H

#include "engine/vt.h"
#include "tools/view/scene/scene.h"

/* Opens the world of `desc` with ample budgets, whatever desc says of them. NULL: `error` has one
 * line. */
vt *reference_open(vt_desc desc, char *error, uint32_t error_bytes);

/* Looks with `at` until all that it wants is in the atlas. False: it did not come to an end. */
bool reference_fetch(scene *s, vt *world, const camera *at, double *clock_ms);

#endif
