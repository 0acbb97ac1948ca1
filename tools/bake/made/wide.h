/* wide.h: loops over texels in the widest vector registers that the machine has.
 *
 * A function marked WIDE is compiled once for any machine of its kind and once for each of AVX2 and
 * AVX-512, and the loader picks. All give the same bytes: floats are added, multiplied, divided and
 * rooted one by one as the standard says, and the build forbids fusing them (-ffp-contract=off). */
#ifndef MEGABUDDY_TOOLS_BAKE_WIDE_H
#define MEGABUDDY_TOOLS_BAKE_WIDE_H

/* The loader picks before a sanitizer can be called, so there is no choice under one. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define WIDE
#endif

#endif
