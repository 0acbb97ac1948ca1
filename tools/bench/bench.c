/* bench.c: `megabuddy bench`: finds the benchmark and leaves the rest to its file. */
#include "tools/bench/bench.h"

#include <stdio.h>
#include <string.h>

#include "tools/commands.h"

typedef struct benchmark {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} benchmark;

static const benchmark BENCHMARKS[] = {
    {"alloc", bench_alloc_main, "our allocator beside others"},
#ifdef MEGABUDDY_HAS_ENGINE
    {"stream", bench_stream_main, "frames with streaming beside frames without"},
#endif
};

enum { BENCHMARK_COUNT = sizeof BENCHMARKS / sizeof BENCHMARKS[0] };

static int print_help(void)
{
    puts("usage: megabuddy bench BENCHMARK [OPTION]…\n");
    for (int i = 0; i < BENCHMARK_COUNT; i++) {
        printf("  %-8s %s\n", BENCHMARKS[i].name, BENCHMARKS[i].summary);
    }
    puts(
        "  all      all of them, one after another\n"
        "\n"
        "megabuddy bench BENCHMARK --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.");
    return EXIT_DONE;
}

/* All, with the options that come after; ends at the first that fails. */
static int run_all(int argc, char **argv)
{
    int code = EXIT_DONE;
    for (int i = 0; i < BENCHMARK_COUNT && code == EXIT_DONE; i++) {
        code = BENCHMARKS[i].run(argc, argv);
    }
    return code;
}

int bench_main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("megabuddy: bench: which one?: see megabuddy bench --help\n", stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_help();
    }
    if (strcmp(argv[1], "all") == 0) {
        return run_all(argc - 1, argv + 1);
    }
    for (int i = 0; i < BENCHMARK_COUNT; i++) {
        if (strcmp(argv[1], BENCHMARKS[i].name) == 0) {
            return BENCHMARKS[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "megabuddy: bench: %s: no such benchmark; see megabuddy bench --help\n",
            argv[1]);
    return EXIT_USAGE;
}
