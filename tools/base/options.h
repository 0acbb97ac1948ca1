/* options.h: the command line of a subcommand. It lists its options once, in a table; from the table
 * come reading, the errors that reading finds, and --help. getopt_long(3) does the reading: long
 * names may be cut short, letters may stand together, options and operands may be mixed. (argp and
 * popt have tables too, but no sizes, ranges or lists: each option would still be code.)
 *
 *     typedef struct settings { const char *world; uint32_t threads; bool quiet; } settings;
 *
 *     static const option_row ROWS[] = {
 *         {'t', "threads", "N", OPTION_COUNT, offsetof(settings, threads), .least = 1, .most = 256,
 *          .help = "threads to work on; default: one a processor"},
 *         {'q', "quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), .help = "only errors"},
 *         {.name = NULL},
 *     };
 *     static const option_table TABLE = {.command = "verify",
 *                                        .usage = {"WORLD.mega [OPTION]…"},
 *                                        .about = "Reads every page.",
 *                                        .rows = ROWS,
 *                                        .surplus = "only one page file can be checked",
 *                                        .operand_at = offsetof(settings, world)};
 *
 *     int verify_main(int argc, char **argv)
 *     {
 *         settings s = {.threads = 0};
 *         int code;
 *         if (!options_read(&TABLE, argc, argv, &s, &code)) {
 *             return code; // --help was printed, or a line that says what is wrong
 *         }
 *
 * An error is one line, "megabuddy: verify: --threads 0: must be a number from 1 to 256 (megabuddy
 * verify --help says more)". Thread: the main one; getopt's state is global. */
#ifndef MEGABUDDY_TOOLS_OPTIONS_H
#define MEGABUDDY_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/choice.h"

enum {
    OPTIONS_TEXTS = 64,     /* values of one OPTION_TEXTS */
    OPTIONS_USAGE = 4,      /* ways to call a subcommand */
    OPTIONS_LIST_BYTES = 64 /* of a word of an OPTION_LIST; a longer one is cut, and so refused */
};

typedef enum option_kind {
    OPTION_FLAG,   /* bool: set to true; takes no value */
    OPTION_TEXT,   /* const char *: as it stands in argv */
    OPTION_TEXTS,  /* option_texts: the option may be given several times */
    OPTION_COUNT,  /* uint32_t from least to most */
    OPTION_NUMBER, /* uint64_t from least to most */
    OPTION_SIZE,   /* uint64_t bytes from least to most, "64 MiB" */
    OPTION_REAL,   /* double from least to most */
    OPTION_CHOICE, /* an enumeration: one of `choices` */
    OPTION_TAKEN,  /* `take` gets the value; NULL where the option takes none or it is left out */
    OPTION_LIST,   /* uint32_t, set to 0; then `take` gets each of the words between commas */
} option_kind;

/* The values of an option that may be given several times, in order; they live as long as argv. */
typedef struct option_texts {
    const char *all[OPTIONS_TEXTS];
    uint32_t count;
} option_texts;

/* Takes a value into the subcommand's struct. False: it is refused. */
typedef bool option_take(void *into, const char *value);

typedef struct option_row {
    char letter;          /* 0: only the long name */
    const char *name;     /* the long name; NULL: the table ends here */
    const char *argument; /* what --help calls the value, "N"; "[=F]": it may be left out; NULL: the
                           * option takes none */
    option_kind kind;
    size_t at;            /* in the subcommand's struct: what the kind says */
    uint64_t least, most; /* inclusive; most 0: no limit */
    const choice *choices;
    option_take *take;
    const char *wrong; /* of a value that is refused: "must be 4 or 8"; NULL: made from the kind */
    const char *help;
} option_row;

/* All texts are wrapped where they are printed; a line break in them begins a new paragraph. */
typedef struct option_table {
    const char *command;              /* "bench alloc" */
    const char *usage[OPTIONS_USAGE]; /* what follows it; all but the first may be NULL */
    const char *about;
    const option_row *rows;   /* -h, --help is added */
    void (*print_more)(void); /* what --help says last; may be NULL */
    const char *end;          /* above all the exit codes */
    const char *surplus;      /* of a second word that is no option: "only one page file can be
                               * checked"; NULL: there is not even a first */
    size_t operand_at;        /* const char *, in the struct: where the first goes */
} option_table;

/* Reads the command line into the struct that the table speaks of; what is not said stays as it is
 * there. argv[0] is the subcommand's own name. False: it is over, with *code as the exit code. Then
 * either --help was printed, or one line that says what is wrong. */
bool options_read(const option_table *table, int argc, char **argv, void *into, int *code);

/* Prints "megabuddy: COMMAND: WHAT: WHY (megabuddy COMMAND --help says more)". Returns EXIT_USAGE.
 * For what goes wrong between options. */
int options_refuse(const option_table *table, const char *what, const char *why);

/* Prints a text, wrapped, from column `indent` on: for print_more. */
void options_print(const char *text, int indent);

#endif
