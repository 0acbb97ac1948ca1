/* snapshot/crc.h: the checksum of saved heaps. Private to buddy/; any thread. */
#ifndef BUDDY_SNAPSHOT_CRC_H
#define BUDDY_SNAPSHOT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The crc32c (Castagnoli) of what `crc` is the crc32c of, followed by `bytes` more; crc is 0 for
 * the first. "123456789" gives 0xe3069283. */
uint32_t snapshot_crc(uint32_t crc, const void *data, size_t bytes);

#endif
