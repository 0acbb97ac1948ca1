/* bench.c: `megabuddy bench`: finds the benchmark and leaves the rest to its file. */
#include "tools/bench/bench.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/files/replace.h"
#include "tools/base/folder.h"
#include "tools/base/say.h"
#include "tools/bench/results.h"
#include "tools/commands.h"

typedef struct benchmark {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    bool in_all; /* `bench all` runs it */
} benchmark;

static const benchmark BENCHMARKS[] = {
    {"alloc", bench_alloc_main, "our allocator beside others", true},
    {"locality", bench_locality_main,
     "lists and trees of nodes that lie near each other, or anywhere", true},
    {"programs", bench_programs_main, "real programs on our malloc and on others", false},
#ifdef MEGABUDDY_HAS_ENGINE
    {"stream", bench_stream_main, "frames with streaming beside frames without", true},
    {"bake", bench_bake_main, "a bake beside its encoder alone", true},
#endif
    {"replay", bench_replay_main, "a log of a program's blocks, on any allocator", false},
};

#define BENCHMARK_COUNT ((int)(sizeof BENCHMARKS / sizeof BENCHMARKS[0]))

void bench_print_names(FILE *out)
{
    for (int i = 0; i < BENCHMARK_COUNT; i++) {
        fprintf(out, "%s %s", i == 0 ? ":" : ",", BENCHMARKS[i].name);
    }
    fputs(", all", out);
}

static int print_help(void)
{
    puts("usage: megabuddy bench BENCHMARK [OPTION]…\n");
    for (int i = 0; i < BENCHMARK_COUNT; i++) {
        printf("  %-8s %s\n", BENCHMARKS[i].name, BENCHMARKS[i].summary);
    }
    puts(
        "  all      those that measure this program alone, one after another\n"
        "\n"
        "megabuddy bench BENCHMARK --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.");
    return EXIT_DONE;
}

/* ---- all of them ---- */

enum { PATH_BYTES = FOLDER_BYTES + 32 /* a name within it, of up to 20 letters, and ".csv" */ };

/* The word behind --csv; 0: there is none. */
static int find_csv(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--csv") == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* Where one benchmark's rows wait for those of the others: in a folder of our own. */
static void part_path(const char *folder, const char *name, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/%.20s.csv", folder, name);
}

static void remove_folder(const char *folder)
{
    char part[PATH_BYTES];
    for (int i = 0; i < BENCHMARK_COUNT; i++) {
        part_path(folder, BENCHMARKS[i].name, part);
        (void)unlink(part);
    }
    (void)rmdir(folder);
}

static int complain(const char *what)
{
    say_error("bench all: %s: %s", what, file_text(errno));
    return EXIT_FAILED;
}

/* Copies a benchmark's rows; those of the first with the names of the columns above them. */
static bool copy_rows(FILE *out, const char *path, bool first)
{
    FILE *in = fopen(path, "re");
    bool copies = first;
    for (int c = in != NULL ? fgetc(in) : EOF; c != EOF; c = fgetc(in)) {
        if (copies) {
            fputc(c, out);
        }
        copies |= c == '\n';
    }
    const bool good = in != NULL && ferror(in) == 0 && ferror(out) == 0;
    if (in != NULL) {
        fclose(in);
    }
    return good;
}

/* Puts the rows of all into one file. */
static int join_csv(const char *csv, const char *folder)
{
    char part[PATH_BYTES];
    replacement *r = replace_begin(&(replace_desc){.path = csv});
    FILE *out = r != NULL ? replace_stream(r) : NULL;
    bool good = out != NULL;
    for (int i = 0; i < BENCHMARK_COUNT && good; i++) {
        if (BENCHMARKS[i].in_all) {
            part_path(folder, BENCHMARKS[i].name, part);
            good = copy_rows(out, part, i == 0);
        }
    }
    if (!good) {
        replace_drop(r);
    }
    return good && replace_commit(r) ? EXIT_DONE : complain(csv);
}

/* All, with the options that come after, which each has to know; ends at the first that fails. */
static int run_each(int argc, char **argv, int csv, const char *folder)
{
    int code = EXIT_DONE;
    char part[PATH_BYTES];
    for (int i = 0; i < BENCHMARK_COUNT && code == EXIT_DONE; i++) {
        if (!BENCHMARKS[i].in_all) {
            continue;
        }
        if (csv > 0) {
            part_path(folder, BENCHMARKS[i].name, part);
            argv[csv] = part;
        }
        code = BENCHMARKS[i].run(argc, argv);
    }
    return code;
}

static int run_all(int argc, char **argv)
{
    char folder[FOLDER_BYTES];
    const int csv = find_csv(argc, argv);
    const char *path = argv[csv];
    if (csv == 0) {
        return run_each(argc, argv, csv, NULL);
    }
    if (!bench_csv_possible(path)) { /* better known before a long run than after it */
        return complain(path);
    }
    if (!folder_make_temporary(folder)) {
        return complain(folder);
    }
    int code = run_each(argc, argv, csv, folder);
    code = code == EXIT_DONE ? join_csv(path, folder) : code;
    remove_folder(folder);
    return code;
}

int bench_main(int argc, char **argv)
{
    if (argc < 2) {
        say_error("bench: which one?: see megabuddy bench --help");
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
    say_error("bench: %s: no such benchmark; see megabuddy bench --help", argv[1]);
    return EXIT_USAGE;
}
