#include "tools/base/choice.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool choice_find(const choice choices[], const char *text, int *value)
{
    for (const choice *c = choices; c->text != NULL; c++) {
        if (strcmp(c->text, text) == 0) {
            *value = c->value;
            return true;
        }
    }
    return false;
}

const char *choice_text(const choice choices[], int value)
{
    const choice *c = choices;
    while (c->text != NULL && c->value != value) {
        c++;
    }
    assert(c->text != NULL);
    return c->text;
}

const char *choice_list(const choice choices[], char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (const choice *c = choices; c->text != NULL && used < bytes; c++) {
        used +=
            (size_t)snprintf(out + used, bytes - used, "%s%s", c == choices ? "" : " ", c->text);
    }
    return out;
}
