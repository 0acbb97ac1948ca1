/* choice.h: settings that are one of a few words, "lockfree" or "mutex", and the values that they
 * stand for. A table says both once; it ends with a word whose text is NULL.
 *
 *     static const choice COLOURS[] = {{"red", RED}, {"blue", BLUE}, {NULL, 0}};
 *
 * Threads: any. */
#ifndef MEGABUDDY_TOOLS_CHOICE_H
#define MEGABUDDY_TOOLS_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choice {
    const char *text; /* NULL: the table ends here */
    int value;        /* of the setting's enumeration */
} choice;

/* Looks up a text. False, and *value is left alone, when it is none of the words. */
bool choice_find(const choice choices[], const char *text, int *value);

/* The text of a value. Precondition: the table has it. */
const char *choice_text(const choice choices[], int value);

/* Writes all texts with blanks between them to out[bytes]; what does not fit is cut. Returns `out`.
 */
const char *choice_list(const choice choices[], char *out, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
