/* kernel.h: calls of the kernel that no other library can wrap, and that are no cancellation
 * points: for what a malloc does before there is memory, and in the middle of a call. Private to
 * buddy/; any thread. What a wrapper of open, read or syscall(2) does at its first call is often to
 * allocate.
 *
 *     long fd = kernel_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0);
 *
 * Returns what the kernel says: a result, or the negative of an errno. errno itself is left
 * alone. */
#ifndef BUDDY_KERNEL_H
#define BUDDY_KERNEL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__LP64__)

static inline long kernel_call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__) && defined(__LP64__)

static inline long kernel_call(long number, long a, long b, long c, long d)
{
    register long result __asm__("x0") = a;
    register long second __asm__("x1") = b, third __asm__("x2") = c, fourth __asm__("x3") = d;
    register long which __asm__("x8") = number;
    __asm__ volatile("svc 0"
                     : "+r"(result)
                     : "r"(second), "r"(third), "r"(fourth), "r"(which)
                     : "memory");
    return result;
}

#else /* by the C library, which seldom is wrapped here */

static inline long kernel_call(long number, long a, long b, long c, long d)
{
    int before = errno;
    long result = syscall(number, a, b, c, d);
    result = result != -1 ? result : -errno;
    errno = before;
    return result;
}

#endif

#endif
