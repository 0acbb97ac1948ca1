/* glad_names.c: what glad's generated loader calls in the place of strcmp (see
 * shaders/CMakeLists.txt). It copies the names of all extensions, and does not look whether it got
 * memory for each; one that it got none for is taken for an extension that is not there. */
#include <string.h>

int glad_names_differ(const char *copied, const char *wanted);

int glad_names_differ(const char *copied, const char *wanted)
{
    return copied == NULL || strcmp(copied, wanted) != 0;
}
