#include "tools/base/folder.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool folder_make(const char *path)
{
    char part[PATH_MAX];
    const size_t bytes = strlen(path);
    if (bytes == 0 || bytes >= sizeof part) {
        errno = bytes == 0 ? ENOENT : ENAMETOOLONG;
        return false;
    }
    /* Every part of the path that ends before a slash, then the whole. */
    for (size_t i = 1; i <= bytes; i++) {
        if (path[i] == '/' || path[i] == '\0') {
            memcpy(part, path, i);
            part[i] = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return false;
            }
        }
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return access(path, W_OK) == 0;
}

bool folder_make_temporary(char path[FOLDER_BYTES])
{
    const char *above = secure_getenv("TMPDIR");
    const int bytes = snprintf(path, FOLDER_BYTES, "%s/megabuddy-XXXXXX",
                               above != NULL && *above != '\0' ? above : "/tmp");
    if (bytes >= FOLDER_BYTES) {
        errno = ENAMETOOLONG;
        return false;
    }
    return mkdtemp(path) != NULL;
}
