/* The checksum of saved heaps is what it says it is, by tables and by the processor's instruction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/rigs/seed.h"

/* All of it in view, under another name than the library's. */
#define snapshot_crc crc_here
#include "buddy/snapshot/crc.c"

static void the_checksum_is_crc32c_both_ways(void **state)
{
    (void)state;
    assert_int_equal(crc_here(0, "123456789", 9), 0xe3069283);
    unsigned char data[100];
    uint64_t random = seed_of_run();
    for (uint32_t i = 0; i < 1000; i++) {
        for (size_t at = 0; at < sizeof data; at++) {
            data[at] = (unsigned char)seed_next(&random);
        }
        uint32_t bytes = seed_below(&random, sizeof data), cut = seed_below(&random, bytes + 1);
        uint32_t crc = ~by_tables(~0u, data, bytes);
        assert_int_equal(crc, crc_here(0, data, bytes));
        assert_int_equal(crc, crc_here(crc_here(0, data, cut), data + cut, bytes - cut));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_crc32c_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
