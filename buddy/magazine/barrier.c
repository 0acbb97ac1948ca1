/* magazine/barrier.c: the kernel's barrier: it makes every running thread of this process pass a
 * memory barrier, so that those who are watched need none of their own. */
#include "buddy/magazine/private.h"

#include <assert.h>

#include "buddy/system/kernel.h"

/* From <linux/membarrier.h>, which older systems lack; a kernel without them answers no. */
enum { BARRIER_PRIVATE = 1 << 3, BARRIER_REGISTER = 1 << 4 };

bool magazine_register_barrier(void)
{
    return kernel_call(SYS_membarrier, BARRIER_REGISTER, 0, 0, 0) == 0;
}

void magazine_barrier(void)
{
    long failed = kernel_call(SYS_membarrier, BARRIER_PRIVATE, 0, 0, 0);
    assert(failed == 0); /* registered, and a process never loses that */
    (void)failed;
}
