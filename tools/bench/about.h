/* about.h: the machine and the run, as a reader of the figures has to know them. */
#ifndef MEGABUDDY_TOOLS_BENCH_ABOUT_H
#define MEGABUDDY_TOOLS_BENCH_ABOUT_H

#include "tools/bench/results.h"

/* Fills in what does not depend on the options: machine, compiler, date, and the command line, cut
 * where it is too long. argv[0] is the name of the subcommand. */
void about_machine(bench_about *out, int argc, char *const argv[]);

/* Prints the machine as a line on stdout. */
void about_print(const bench_about *about);

#endif
