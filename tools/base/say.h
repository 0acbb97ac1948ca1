/* say.h: what the program says to people. Names of files, of layers, of words in a file come from
 * strangers and may hold any byte: an escape sequence would reach the terminal and do there what it
 * says, a line break would make two lines of one. So whatever is said goes through here.
 *
 *     say_error("info: %s: %s", path, why);      one line on stderr, "megabuddy: info: …"
 *     say_line(stdout, "%s: %u pages", path, n); one line
 *
 * Bytes that are no text (utf8.h) are shown as \x1b and the like, so that a name can still be told
 * from another one. Any thread: a line is written in one go. */
#ifndef MEGABUDDY_TOOLS_SAY_H
#define MEGABUDDY_TOOLS_SAY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SAY_BYTES 8192 /* of a line, as it is written; what is longer is cut */

/* Writes "megabuddy: ", the text and the end of the line to stderr. The format comes without one.
 */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for those who have a list; `where` comes first: "view: ". */
void say_error_list(const char *where, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Writes one line of text to `out`. */
void say_line(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes `text` to out[bytes], as a line may hold it; cut at the end of a character where it does
 * not fit. Returns `out`. Precondition: bytes > 0; the two do not overlap. */
const char *say_clean(const char *text, char *out, size_t bytes);

/* To be called at the end, when all has been said: whether stdout took it. If not, says so in one
 * line. Nothing may be written to stdout after it. */
bool say_finish(void);

#ifdef __cplusplus
}
#endif

#endif
