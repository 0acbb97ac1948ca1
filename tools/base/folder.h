/* folder.h: the folder that a report goes to. Any thread. */
#ifndef MEGABUDDY_TOOLS_FOLDER_H
#define MEGABUDDY_TOOLS_FOLDER_H

#include <stdbool.h>

/* Makes the folder and those above it, where they are not there yet. False, and errno says why
 * (file_text), when that cannot be, or nothing can be written into it. */
bool folder_make(const char *path);

#endif
