/* folder.h: the folder that a report goes to, and folders for a while. Any thread. */
#ifndef MEGABUDDY_TOOLS_FOLDER_H
#define MEGABUDDY_TOOLS_FOLDER_H

#include <stdbool.h>

/* Makes the folder and those above it, where they are not there yet. False, and errno says why
 * (file_text), when that cannot be, or nothing can be written into it. */
bool folder_make(const char *path);

enum { FOLDER_BYTES = 4096 };

/* Makes a folder of our own below $TMPDIR, or /tmp. Its name is written to `path`. False, and errno
 * says why: then `path` is what it would have been, for an error to name. */
bool folder_make_temporary(char path[FOLDER_BYTES]);

#endif
