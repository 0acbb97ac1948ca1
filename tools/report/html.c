#include "tools/report/html.h"

#include "tools/base/units.h"
#include "tools/base/utf8.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DECIMALS_MAX = 6, TEXT_BYTES = 64 };

static const char *entity(unsigned char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void html_text(FILE *out, const char *text)
{
    while (*text != '\0') {
        const char *replaced = entity((unsigned char)*text);
        const size_t bytes = utf8_bytes(text);
        if (replaced != NULL) {
            (void)fputs(replaced, out);
        } else if (bytes == 0) {
            (void)fputs(UTF8_REPLACEMENT, out);
        } else {
            (void)fwrite(text, 1, bytes, out);
        }
        text += bytes > 0 ? bytes : 1;
    }
}

/* Digits with a comma after every third, from the point on. */
static void put_apart(FILE *out, const char *digits)
{
    const size_t whole = strcspn(digits, ".");
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0) {
            (void)fputc(',', out);
        }
        (void)fputc(digits[i], out);
    }
}

void html_number(FILE *out, double value)
{
    char text[TEXT_BYTES];
    if (!(value > 0)) {
        (void)fputs(value == 0 ? "0" : HTML_DASH, out);
        return;
    }
    /* Through "1.23e+04", since rounding may carry: 99.96 has one decimal less than 99.94. */
    (void)snprintf(text, sizeof text, "%.2e", value);
    const double rounded = strtod(text, NULL);
    const int decimals = 2 - (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    const int shown = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
    (void)snprintf(text, sizeof text, "%.*f", shown, rounded);
    put_apart(out, text);
}

void html_count(FILE *out, double value)
{
    char text[TEXT_BYTES];
    if (!(value >= 0)) {
        (void)fputs(HTML_DASH, out);
        return;
    }
    (void)snprintf(text, sizeof text, "%.0f", value);
    put_apart(out, text);
}

void html_share(FILE *out, double share)
{
    if (!(share >= 0)) {
        (void)fputs(HTML_DASH, out);
    } else if (share >= 1) {
        (void)fputs("100\u00a0%", out);
    } else {
        (void)fprintf(out, "%.1f\u00a0%%", fmin(share * 100, 99.9));
    }
}

void html_time(FILE *out, double ns)
{
    static const char *const UNITS[] = {"ns", "µs", "ms", "s"};
    uint32_t unit = 0;
    if (!(ns >= 0)) {
        (void)fputs(HTML_DASH, out);
        return;
    }
    while (unit < 3 && ns >= 999.5) { /* which three digits would show as 1,000 */
        ns /= 1000;
        unit++;
    }
    html_number(out, ns);
    (void)fprintf(out, "\u00a0%s", UNITS[unit]);
}

void html_bytes(FILE *out, double bytes)
{
    char text[UNITS_TEXT];
    (void)fputs(bytes >= 0 ? units_format_bytes((uint64_t)bytes, text) : HTML_DASH, out);
}

void html_in(FILE *out, const char *before, html_put *put, double value, const char *after)
{
    (void)fputs(before, out);
    put(out, value);
    (void)fputs(after, out);
}

void html_text_in(FILE *out, const char *before, const char *text, const char *after)
{
    (void)fputs(before, out);
    html_text(out, text);
    (void)fputs(after, out);
}
