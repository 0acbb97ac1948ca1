/* paths.h: the camera paths that the program carries with it, as text for camera_path_parse; made
 * from assets/paths when it is built. */
#ifndef MEGABUDDY_TOOLS_VIEW_PATHS_H
#define MEGABUDDY_TOOLS_VIEW_PATHS_H

extern const char paths_tour[];    /* over a relief */
extern const char paths_picture[]; /* over a flat picture */

#endif
