/* mappings.h: what of a process's addresses is mapped, from /proc/self/maps. */
#ifndef MEGABUDDY_TESTS_MAPPINGS_H
#define MEGABUDDY_TESTS_MAPPINGS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct mappings_sum {
    size_t writable; /* bytes, of private mappings */
    size_t within;   /* of these, in the range asked for */
    uint32_t count;  /* mappings that have a part of that range */
    uint32_t shut;   /* of these, those without any access */
} mappings_sum;

/* Of all that is mapped; counts what lies in [from, to). */
static inline mappings_sum mappings_read(uintptr_t from, uintptr_t to)
{
    mappings_sum sum = {0};
    char line[512], access[5];
    uintptr_t begin, end;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, access) == 3) {
            uintptr_t first = begin > from ? begin : from, last = end < to ? end : to;
            int open = strcmp(access, "rw-p") == 0;
            sum.writable += open ? end - begin : 0;
            sum.within += open && first < last ? last - first : 0;
            sum.count += begin < to && end > from;
            sum.shut += begin < to && end > from && strcmp(access, "---p") == 0;
        }
    }
    if (maps != NULL) {
        (void)fclose(maps);
    }
    return sum;
}

#endif
