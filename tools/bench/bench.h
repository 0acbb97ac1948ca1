/* bench.h: the benchmarks, one file each. argv[0] is the benchmark's own name. Each returns the
 * process' exit code: see commands.h. */
#ifndef MEGABUDDY_TOOLS_BENCH_BENCH_H
#define MEGABUDDY_TOOLS_BENCH_BENCH_H

int bench_alloc_main(int argc, char **argv);
int bench_programs_main(int argc, char **argv);
int bench_replay_main(int argc, char **argv);
int bench_locality_main(int argc, char **argv);
/* with the engine only */
int bench_stream_main(int argc, char **argv);
int bench_bake_main(int argc, char **argv);

#endif
