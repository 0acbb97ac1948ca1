#include "buddy/snapshot/crc.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL  UINT32_C(0x82f63b78) /* Castagnoli's, lowest power in the highest bit */
#define SLICE_BYTES 8u

/* ---- by tables: eight bytes at a time ---- */

static uint32_t tables[SLICE_BYTES][256]; /* written once, under `tables_once` */
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* tables[k][b]: what byte b does to the sum when k more bytes follow. */
static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (POLYNOMIAL & (0 - (crc & 1)));
        }
        tables[0][byte] = crc;
    }
    for (uint32_t slice = 1; slice < SLICE_BYTES; slice++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t crc = tables[slice - 1][byte];
            tables[slice][byte] = crc >> 8 ^ tables[0][crc & 255];
        }
    }
}

static uint32_t by_tables(uint32_t crc, const unsigned char *at, size_t bytes)
{
    pthread_once(&tables_once, make_tables);
    for (; bytes >= SLICE_BYTES; bytes -= SLICE_BYTES, at += SLICE_BYTES) {
        uint32_t next = 0;
        for (uint32_t i = 0; i < SLICE_BYTES; i++) {
            uint32_t byte = at[i] ^ (i < sizeof crc ? crc >> 8 * i & 255 : 0);
            next ^= tables[SLICE_BYTES - 1 - i][byte];
        }
        crc = next;
    }
    for (; bytes > 0; bytes--, at++) {
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
    }
    return crc;
}

/* ---- by the processor, where it has an instruction for just this ---- */

#ifdef __x86_64__
static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2") != 0;
}

static __attribute__((target("sse4.2"))) uint32_t
by_instruction(uint32_t crc, const unsigned char *at, size_t bytes)
{
    uint64_t wide = crc;
    for (; bytes >= sizeof(uint64_t); bytes -= sizeof(uint64_t), at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; bytes > 0; bytes--, at++) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return crc;
}
#else
static bool has_instruction(void)
{
    return false;
}

static uint32_t by_instruction(uint32_t crc, const unsigned char *at, size_t bytes)
{
    return by_tables(crc, at, bytes);
}
#endif

uint32_t snapshot_crc(uint32_t crc, const void *data, size_t bytes)
{
    return ~(has_instruction() ? by_instruction(~crc, data, bytes) : by_tables(~crc, data, bytes));
}
