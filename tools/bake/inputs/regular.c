/* regular.c */
#include "tools/bake/inputs/regular.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

bool regular_check(const char *path, uint64_t *bytes, char *why, size_t why_bytes)
{
    struct stat st;
    const char *wrong = NULL;
    if (stat(path, &st) != 0) {
        wrong = strerror(errno);
    } else if (!S_ISREG(st.st_mode)) {
        wrong = S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file";
    } else if (st.st_size == 0) {
        wrong = "is empty";
    }
    if (wrong != NULL) {
        snprintf(why, why_bytes, "%s", wrong);
        return false;
    }
    if (bytes != NULL) {
        *bytes = (uint64_t)st.st_size;
    }
    return true;
}

FILE *regular_open(const char *path, char *why, size_t why_bytes)
{
    if (!regular_check(path, NULL, why, why_bytes)) {
        return NULL;
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        snprintf(why, why_bytes, "%s", strerror(errno));
    }
    return file;
}

bool regular_head(const char *path, uint8_t *head, size_t count, char *why, size_t why_bytes)
{
    FILE *file = regular_open(path, why, why_bytes);
    if (file == NULL) {
        return false;
    }
    memset(head, 0, count);
    const bool got = fread(head, 1, count, file) > 0 || !ferror(file);
    if (!got) {
        snprintf(why, why_bytes, "%s", strerror(errno));
    }
    fclose(file);
    return got;
}
