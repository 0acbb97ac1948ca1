/* subject_malloc.c: this process' malloc, be it glibc's or one that was preloaded. */
#include "tools/bench/subjects/subject.h"

#include <dlfcn.h>
#include <stdlib.h>

static void *alloc(void *self, size_t bytes)
{
    (void)self;
    return malloc(bytes);
}

static bool release(void *self, void *block, size_t bytes)
{
    (void)self;
    (void)bytes;
    free(block);
    return true;
}

static void *resize(void *self, void *block, size_t bytes)
{
    (void)self;
    return realloc(block, bytes);
}

bool subject_malloc_is(const subject *who)
{
    uint32_t count;
    const subject *all = subject_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        bool there = all[i].symbol != NULL && dlsym(RTLD_DEFAULT, all[i].symbol) != NULL;
        if (there != (&all[i] == who && who->symbol != NULL)) {
            return false; /* ours is missing, or somebody else is here */
        }
    }
    return true;
}

bool subject_malloc_open(const subject *who, const subject_setup *setup, subject_opened *out)
{
    static const subject_ops ops = {.alloc = alloc, .release = release, .resize = resize};
    (void)who;
    (void)setup;
    *out = (subject_opened){.ops = &ops};
    return true;
}
