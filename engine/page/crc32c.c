/* crc32c.c: by ISA-L, which uses whatever the processor has for it. */
#include "engine/page/crc32c.h"

#include <isa-l/crc.h>
#include <stdbool.h>

/* ISA-L leaves the upper halves of the vector registers in use, and new threads inherit that. From
 * then on each SSE instruction has to preserve them, and vector loops take up to four times as
 * long: so they are cleared. */
#ifdef __x86_64__
__attribute__((target("avx"))) static void clear_upper_halves(void)
{
    __builtin_ia32_vzeroupper();
}

static bool has_upper_halves(void)
{
    return __builtin_cpu_supports("avx");
}
#else
static void clear_upper_halves(void)
{
}

static bool has_upper_halves(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t so_far, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    uint32_t crc = ~so_far;
    while (bytes > 0) {
        const size_t step = bytes < (1u << 30) ? bytes : 1u << 30; /* ISA-L takes an int */
        crc = crc32_iscsi((unsigned char *)(uintptr_t)at, (int)step, crc);
        at += step;
        bytes -= step;
    }
    if (has_upper_halves()) {
        clear_upper_halves();
    }
    return ~crc;
}
