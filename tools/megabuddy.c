/* megabuddy.c: the program: finds the subcommand and leaves the rest to its file. */
#include "tools/base/say.h"
#include "tools/commands.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} command;

/* Without the engine only the allocator's own subcommands are there. */
static const command COMMANDS[] = {
#ifdef MEGABUDDY_HAS_ENGINE
    {"bake", bake_main, "make a page file (.mega) from a picture, or the Earth"},
    {"info", info_main, "say what a page file holds, or take one page out of it"},
    {"verify", verify_main, "read every page of a page file and say which are bad"},
    {"view", view_main, "fly over a page file, in a window or headless"},
#endif
    {"bench", bench_main, "measure it beside others"}, /* followed by the names of benchmarks */
    {"test", test_main, "test the allocator on this machine: test alloc"},
};

enum {
    COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0],
    HELP_WORDS = 2, /* a command, and a benchmark of bench or a test of test */
};

static void print_usage(FILE *out)
{
    fputs("usage: megabuddy COMMAND [ARGUMENT]…\n\n"
          "Texture streaming for worlds far larger than video memory.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-8s %s", COMMANDS[i].name, COMMANDS[i].summary);
        if (COMMANDS[i].run == bench_main) {
            bench_print_names(out);
        }
        fputc('\n', out);
    }
    fputs("\nmegabuddy COMMAND --help says more, and so does megabuddy help COMMAND.\n"
          "Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
          out);
}

static int run_command(int argc, char **argv)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc, argv);
        }
    }
    say_error("%s: no such command; megabuddy --help lists them", argv[0]);
    return EXIT_USAGE;
}

/* `help bench alloc` is `bench alloc --help`. */
static int help_with(int argc, char **argv)
{
    static char asked[] = "--help";
    char *words[HELP_WORDS + 2];
    int count = 0;
    while (count < argc && count < HELP_WORDS) {
        words[count] = argv[count];
        count++;
    }
    words[count] = asked;
    words[count + 1] = NULL;
    return run_command(count + 1, words);
}

static int run(int argc, char **argv)
{
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error, not the end of us */
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const bool help = strcmp(argv[1], "help") == 0;
    if (help && argc > 2) {
        return help_with(argc - 2, argv + 2);
    }
    if (help || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("megabuddy " MEGABUDDY_VERSION);
        return EXIT_DONE;
    }
    return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    const int code = run(argc, argv);
    return say_finish() || code != EXIT_DONE ? code : EXIT_FAILED;
}
