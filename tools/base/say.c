#include "tools/base/say.h"

#include <errno.h>
#include <string.h>

#include "tools/base/utf8.h"

enum {
    ESCAPE_BYTES = 5, /* "\x1b" and the 0 */
    HEAD_BYTES = 64,  /* "megabuddy: bench stream: " */
};

const char *say_clean(const char *text, char *out, size_t bytes)
{
    size_t at = 0;
    while (*text != '\0') {
        char escape[ESCAPE_BYTES];
        const size_t length = utf8_bytes(text);
        if (length == 0) {
            (void)snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*text);
        }
        const size_t shown = length > 0 ? length : ESCAPE_BYTES - 1;
        if (at + shown >= bytes) {
            break;
        }
        memcpy(out + at, length > 0 ? text : escape, shown);
        at += shown;
        text += length > 0 ? length : 1;
    }
    out[at] = '\0';
    return out;
}

/* A line as it is put together: what may not be escaped first, its end last. */
static void write_line(FILE *out, const char *head, const char *format, va_list arguments)
{
    char text[SAY_BYTES], line[SAY_BYTES];
    const size_t head_bytes = strlen(head);
    (void)vsnprintf(text, sizeof text, format, arguments);
    memcpy(line, head, head_bytes);
    (void)say_clean(text, line + head_bytes, sizeof line - head_bytes - 1);
    const size_t bytes = strlen(line);
    line[bytes] = '\n';
    (void)fwrite(line, 1, bytes + 1, out); /* stdout's failure is seen by say_finish */
}

void say_error_list(const char *where, const char *format, va_list arguments)
{
    char head[HEAD_BYTES];
    (void)snprintf(head, sizeof head, "megabuddy: %s", where);
    write_line(stderr, head, format, arguments);
}

void say_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_error_list("", format, arguments);
    va_end(arguments);
}

void say_line(FILE *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(out, "", format, arguments);
    va_end(arguments);
}

bool say_finish(void)
{
    const bool failed_before = ferror(stdout) != 0;
    errno = 0;
    if (fclose(stdout) == 0 && !failed_before) {
        return true;
    }
    say_error("standard output: %s", errno != 0 ? strerror(errno) : "not all of it was taken");
    return false;
}
