/* tree.h: arithmetic on the binary tree of blocks, and on Morton order. Pure; any thread.
 *
 * A block is (offset, order). In Morton order an aligned block of order 2k is a square of 2^k x 2^k
 * cells, which is why one buddy core can hand out bytes of RAM and squares of an atlas alike. */
#ifndef BUDDY_TREE_H
#define BUDDY_TREE_H

#include <stdint.h>

/* The smallest order whose block holds `units`; 0 for 0 and 1, 32 beyond 2^31: no block is so
 * large. */
static inline uint32_t buddy_order_for(uint32_t units)
{
    return units <= 1 ? 0 : 32 - (uint32_t)__builtin_clz(units - 1);
}

/* The offset of the block that (offset, order) merges with. */
static inline uint32_t buddy_of(uint32_t offset, uint32_t order)
{
    return offset ^ (UINT32_C(1) << order);
}

/* The offset of the block of order + 1 that holds (offset, order). */
static inline uint32_t buddy_parent_of(uint32_t offset, uint32_t order)
{
    return offset & ~(UINT32_C(1) << order);
}

/* Spreads the low 16 bits of x to the even bits. */
static inline uint32_t buddy_morton_spread(uint32_t x)
{
    x &= 0xffffu;
    x = (x | x << 8) & 0x00ff00ffu;
    x = (x | x << 4) & 0x0f0f0f0fu;
    x = (x | x << 2) & 0x33333333u;
    return (x | x << 1) & 0x55555555u;
}

/* Gathers the even bits of x into the low 16. */
static inline uint32_t buddy_morton_gather(uint32_t x)
{
    x &= 0x55555555u;
    x = (x | x >> 1) & 0x33333333u;
    x = (x | x >> 2) & 0x0f0f0f0fu;
    x = (x | x >> 4) & 0x00ff00ffu;
    return (x | x >> 8) & 0xffffu;
}

/* (x, y), each below 2^16, to their place in Morton order: x in the even bits, y in the odd
 * ones. */
static inline uint32_t buddy_morton_encode(uint32_t x, uint32_t y)
{
    return buddy_morton_spread(x) | buddy_morton_spread(y) << 1;
}

static inline uint32_t buddy_morton_x(uint32_t code)
{
    return buddy_morton_gather(code);
}

static inline uint32_t buddy_morton_y(uint32_t code)
{
    return buddy_morton_gather(code >> 1);
}

#endif
