/* mappings.h: what of a process's addresses is mapped, from /proc/self/maps. */
#ifndef MEGABUDDY_TESTS_MAPPINGS_H
#define MEGABUDDY_TESTS_MAPPINGS_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct mappings_sum {
    size_t writable; /* bytes, of private mappings */
    uint32_t count;  /* mappings that have a part of the range asked for */
    uint32_t shut;   /* of these, those without any access */
} mappings_sum;

/* Of all that is mapped; counts what lies in [from, to). */
static inline mappings_sum mappings_read(uintptr_t from, uintptr_t to)
{
    mappings_sum sum = {0};
    char line[512], access[5];
    uintptr_t begin, end;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, access) == 3) {
            sum.writable += strcmp(access, "rw-p") == 0 ? end - begin : 0;
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
