/* crc32c.h: the checksum of everything that lies in a page file or a suspended tier. Pure; any
 * thread. */
#ifndef MEGABUDDY_ENGINE_CRC32C_H
#define MEGABUDDY_ENGINE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues the crc32c of the bytes before; 0 begins one. "123456789" gives 0xe3069283. */
uint32_t crc32c(uint32_t so_far, const void *data, size_t bytes);

#endif
