/* commands.h: the subcommands of megabuddy, one file each. argv[0] is the subcommand's own name.
 * Each returns the process' exit code: 0 done, 1 failed, 2 wrong usage. */
#ifndef MEGABUDDY_TOOLS_COMMANDS_H
#define MEGABUDDY_TOOLS_COMMANDS_H

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int bench_main(int argc, char **argv);
void bench_print_names(FILE *out); /* ": alloc, …" */
int bake_main(int argc, char **argv);
int info_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int view_main(int argc, char **argv);
int test_main(int argc, char **argv);

#endif
