/* wide.h: loops over texels in the widest registers the machine has.
 *
 * A function marked WIDE is compiled twice, for any machine of its kind and for AVX2, and the
 * loader picks. The bytes that come out are the same: floats are added, multiplied, divided and
 * rooted one by one as the standard says, and the build forbids fusing (-ffp-contract=off). */
#ifndef MEGABUDDY_TOOLS_BAKE_WIDE_H
#define MEGABUDDY_TOOLS_BAKE_WIDE_H

/* The loader picks before a sanitizer is ready to be called, so there is no choice under one. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define WIDE
#endif

#endif
