/* test_alloc.h: `megabuddy test alloc`: the allocator's test for users, on their own machine. */
#ifndef MEGABUDDY_TOOLS_TEST_ALLOC_H
#define MEGABUDDY_TOOLS_TEST_ALLOC_H

/* argv[0] is "alloc". Returns the process' exit code. */
int test_alloc_main(int argc, char **argv);

#endif
