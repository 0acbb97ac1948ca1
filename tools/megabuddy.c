/* megabuddy.c: the program: finds the subcommand and leaves the rest to its file. */
#include "tools/commands.h"

#include <signal.h>
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
    {"bench", bench_main, "measure the allocator beside others: bench alloc"},
    {"test", test_main, "test the allocator on this machine: test alloc"},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static void print_usage(FILE *out)
{
    fputs("usage: megabuddy COMMAND [ARGUMENT]…\n\n"
          "Texture streaming for worlds far larger than video memory.\n\n",
          out);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    }
    fputs("\nmegabuddy COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage.\n",
          out);
}

int main(int argc, char **argv)
{
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is a write error, not the end of us */
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("megabuddy " MEGABUDDY_VERSION);
        return EXIT_DONE;
    }
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0) {
            return COMMANDS[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "megabuddy: %s: no such command; megabuddy --help lists them\n", argv[1]);
    return EXIT_USAGE;
}
