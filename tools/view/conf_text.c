#include "tools/view/conf_text.h"

#include "engine/files/regular.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_LIMIT = 1 << 20, /* bytes; a config file is a page of text */
    WORD_SHOWN = 80,      /* bytes of a bad word that an error repeats */
};

static bool fail(conf_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(conf_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->line, sizeof error->line, format, arguments);
    va_end(arguments);
    return false;
}

/* Reads a whole file as text from malloc. */
static char *read_whole(const char *path, conf_error *error)
{
    size_t bytes;
    char *text = regular_read(path, FILE_LIMIT, &bytes);
    if (text == NULL) {
        fail(error, "%s: %s", path,
             errno == EFBIG ? "too long to be a config file" : file_text(errno));
        return NULL;
    }
    if (memchr(text, '\0', bytes) != NULL) {
        fail(error, "%s: holds a zero byte, so it is no config file", path);
        free(text);
        return NULL;
    }
    return text;
}

/* Skips a comment or a string that begins at `at`; returns `at` when none does. */
static const char *skip_quiet(const char *at)
{
    if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
        return at + strcspn(at, "\n");
    }
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end == NULL ? at + strlen(at) : end + 2;
    }
    if (*at != '"') {
        return at;
    }
    for (at++; *at != '"' && *at != '\0'; at++) {
        at += at[0] == '\\' && at[1] != '\0';
    }
    return at + (*at == '"');
}

/* Whether libconfig would silently drop high bits of this number: a whole one of more than 32 bits
 * that does not end in L, or of more than 63. */
static bool is_too_large(const char *word, size_t length)
{
    const bool hex = length > 1 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
    if (strspn(word, hex ? "0123456789abcdefABCDEFxXL" : "0123456789L") < length) {
        return false; /* a name or a real */
    }
    errno = 0;
    char *end;
    const unsigned long long value = strtoull(word, &end, hex ? 16 : 10);
    return errno != 0 || value > INT64_MAX || (value > INT32_MAX && *end != 'L');
}

/* Refuses what libconfig would do wrong without saying so: @include, whose reading ends the process
 * when it fails, and numbers that it would cut to 32 bits. */
static bool is_safe(const char *text, const char *path, conf_error *error)
{
    static const char *const WORD =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+*@";
    unsigned line = 1;
    for (const char *at = text; *at != '\0';) {
        const char *word = at;
        const char *next = skip_quiet(at);
        const size_t length = next == at ? strspn(at, WORD) : 0;
        at = next + (length > 0 ? length : next == at);
        if (length >= 8 && strncmp(word, "@include", 8) == 0) {
            return fail(error, "%s:%u: @include: not supported; keep it in one file", path, line);
        }
        const size_t sign = length > 0 && (*word == '-' || *word == '+');
        if (length > sign && strchr("0123456789", word[sign]) != NULL &&
            is_too_large(word + sign, length - sign)) {
            return fail(error, "%s:%u: %.*s: too large for a plain number; write \"5 GiB\" or %s",
                        path, line, (int)(length < WORD_SHOWN ? length : WORD_SHOWN), word,
                        "5368709120L");
        }
        for (; word < at; word++) {
            line += *word == '\n';
        }
    }
    return true;
}

char *conf_text_read(const char *path, conf_error *error)
{
    char *text = read_whole(path, error);
    if (text != NULL && !is_safe(text, path, error)) {
        free(text);
        return NULL;
    }
    return text;
}
