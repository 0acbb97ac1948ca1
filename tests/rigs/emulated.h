/* emulated.h: whether the tests run under an emulator of another machine (the presets buddy-i386
 * and buddy-aarch64 say so): some 20 times slower, and the child of a fork among threads is a copy
 * of the emulator's threads too, which it does not always survive. */
#ifndef MEGABUDDY_TESTS_EMULATED_H
#define MEGABUDDY_TESTS_EMULATED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define EMULATED_SLOWER 20u

static inline bool is_emulated(void)
{
    return getenv("MEGABUDDY_EMULATED") != NULL;
}

/* So much of some work, at least 1, that takes about as long everywhere. */
static inline uint32_t emulated_share(uint32_t work)
{
    return is_emulated() ? work / EMULATED_SLOWER + 1 : work;
}

#endif
