/* watch/fault_parse.c: plans as text, without allocating: a malloc reads one before there is
 * memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buddy/fault.h"

#define WORD_BYTES 96u /* of one key=value, the end included */

/* Reads a value into the plan. False: it is none. */
typedef bool read_value(const char *text, buddy_fault_plan *out);

/* ---- numbers ---- */

/* Reads digits at *text and moves it behind them. */
static bool take_number(const char **text, uint64_t *out)
{
    char *end;
    errno = 0;
    if (**text < '0' || **text > '9') {
        return false;
    }
    *out = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

static bool read_number(const char *text, uint64_t least, uint64_t *out)
{
    return take_number(&text, out) && *text == '\0' && *out >= least;
}

/* A number with K, M or G behind it, as KiB or without the rest. */
static bool take_size(const char **text, uint64_t *out)
{
    static const char letters[] = "KMG";
    if (!take_number(text, out)) {
        return false;
    }
    const char *letter = **text != '\0' ? strchr(letters, **text) : NULL;
    uint32_t shift = letter != NULL ? 10 * (uint32_t)(letter - letters + 1) : 0;
    if (letter != NULL) {
        *text += strncmp(*text + 1, "iB", 2) == 0 ? 3 : 1;
    }
    if (*out > UINT64_MAX >> shift) {
        return false;
    }
    *out <<= shift;
    return true;
}

/* `take` reads one end of a range: "A", "A-B" or "A-", which is as many as there are. */
static bool read_range(const char *text, bool (*take)(const char **text, uint64_t *out),
                       uint64_t *least, uint64_t *most)
{
    if (!take(&text, least)) {
        return false;
    }
    *most = *least;
    if (*text == '-') {
        text++;
        *most = 0;
        if (*text != '\0' && (!take(&text, most) || *most < *least)) {
            return false;
        }
    }
    return *text == '\0';
}

/* ---- one key each ---- */

static bool read_nth(const char *text, buddy_fault_plan *out)
{
    return read_number(text, 1, &out->nth);
}

static bool read_every(const char *text, buddy_fault_plan *out)
{
    return read_number(text, 1, &out->every);
}

static bool read_share(const char *text, buddy_fault_plan *out)
{
    char *end;
    double share = strtod(text, &end);
    if (*end == '%') {
        share /= 100;
        end++;
    }
    out->share = share;
    return end != text && *end == '\0' && share > 0 && share <= 1;
}

static bool read_seed(const char *text, buddy_fault_plan *out)
{
    return read_number(text, 0, &out->seed);
}

static bool read_most(const char *text, buddy_fault_plan *out)
{
    return read_number(text, 1, &out->most);
}

static bool read_sizes(const char *text, buddy_fault_plan *out)
{
    uint64_t least, most;
    if (strcmp(text, "0") == 0 || !read_range(text, take_size, &least, &most) || least > SIZE_MAX ||
        most > SIZE_MAX) {
        return false;
    }
    out->least_bytes = (size_t)least;
    out->most_bytes = (size_t)most;
    return true;
}

static bool read_threads(const char *text, buddy_fault_plan *out)
{
    uint64_t first, last;
    if (!read_range(text, take_number, &first, &last) || first < 1 || first > UINT32_MAX ||
        last > UINT32_MAX) {
        return false;
    }
    out->first_thread = (uint32_t)first;
    out->last_thread = (uint32_t)last;
    return true;
}

static bool read_where(const char *text, buddy_fault_plan *out)
{
    size_t length = strlen(text);
    if (length == 0 || length >= BUDDY_FAULT_WHERE) {
        return false;
    }
    memcpy(out->where, text, length + 1);
    return true;
}

/* ---- all ---- */

static const struct key {
    const char *name, *wanted;
    read_value *read;
} KEYS[] = {
    {"nth", "a number from 1", read_nth},
    {"every", "a number from 1", read_every},
    {"share", "above 0 and up to 1, such as 0.01 or 1%", read_share},
    {"seed", "a number", read_seed},
    {"most", "a number from 1", read_most},
    {"size", "a size or a range of them, such as 1K-64K", read_sizes},
    {"thread", "a number from 1 or a range, such as 2-5", read_threads},
    {"site", "a name of at most 63 bytes", read_where},
};

static bool read_word(char *word, buddy_fault_plan *out, char error[BUDDY_FAULT_LINE])
{
    char *equals = strchr(word, '=');
    if (equals == NULL) {
        (void)snprintf(error, BUDDY_FAULT_LINE, "%s: is not KEY=VALUE", word);
        return false;
    }
    *equals = '\0';
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++) {
        if (strcmp(word, KEYS[i].name) == 0) {
            bool good = KEYS[i].read(equals + 1, out);
            if (!good) {
                (void)snprintf(error, BUDDY_FAULT_LINE, "%s=%s: must be %s", word, equals + 1,
                               KEYS[i].wanted);
            }
            return good;
        }
    }
    (void)snprintf(error, BUDDY_FAULT_LINE,
                   "%s: is none of nth, every, share, seed, most, size, thread, site", word);
    return false;
}

/* Copies what goes up to a comma. NULL when it is too long; else what is behind it, "" at the
 * end. */
static const char *next_word(const char *text, char word[WORD_BYTES])
{
    size_t length = strcspn(text, ",");
    if (length >= WORD_BYTES) {
        return NULL;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    return text + length + (text[length] == ',');
}

bool buddy_fault_parse(const char *text, buddy_fault_plan *out, char error[BUDDY_FAULT_LINE])
{
    char word[WORD_BYTES];
    buddy_fault_plan plan = {.nth = 0};
    error[0] = '\0';
    do {
        text = next_word(text, word);
        if (text == NULL) {
            (void)snprintf(error, BUDDY_FAULT_LINE, "a word of more than %u bytes", WORD_BYTES - 1);
            return false;
        }
        if (!read_word(word, &plan, error)) {
            return false;
        }
    } while (*text != '\0');
    if (plan.nth == 0 && plan.every == 0 && plan.share <= 0) {
        (void)snprintf(error, BUDDY_FAULT_LINE, "needs one of nth, every, share");
        return false;
    }
    *out = plan;
    return true;
}

buddy_fault *buddy_fault_from_environment(char error[BUDDY_FAULT_LINE])
{
    const char *text = secure_getenv(BUDDY_FAULT_ENVIRONMENT);
    buddy_fault_plan plan;
    error[0] = '\0';
    if (text == NULL || !buddy_fault_parse(text, &plan, error)) {
        return NULL;
    }
    buddy_fault *f = buddy_fault_create(&plan);
    if (f == NULL) {
        (void)snprintf(error, BUDDY_FAULT_LINE, "not enough memory");
    }
    return f;
}
