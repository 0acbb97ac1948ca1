#include "tools/base/options.h"

#include "tools/base/say.h"
#include "tools/base/units.h"
#include "tools/commands.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ROWS_MOST = 32, /* of a table */
    COLUMNS = 80,   /* of a terminal */
    HEAD_MOST = 26, /* columns of an option's name; what is longer has its meaning below it */
    HEAD_BYTES = 96,
    WHAT_BYTES = 512, /* of an option and its value, as an error repeats them */
    WHY_BYTES = 256,
    FIRST_ROW = 256, /* what getopt_long returns for the first: above all letters */
};

/* A command line that is being read. */
typedef struct reading {
    const option_table *table;
    char *into;
    int code; /* EXIT_DONE as long as all is well */
} reading;

static const option_row HELP_ROW = {.letter = 'h', .name = "help", .help = "this text"};

/* ---- errors ---- */

int options_refuse(const option_table *table, const char *what, const char *why)
{
    say_error("%s: %s: %s (megabuddy %s --help says more)", table->command, what, why,
              table->command);
    return EXIT_USAGE;
}

static uint64_t most_of(const option_row *row)
{
    return row->most > 0 ? row->most : UINT64_MAX;
}

/* What a value must be, where the row does not say it. */
static void describe(const option_row *row, char why[WHY_BYTES])
{
    char least[UNITS_TEXT], most[UNITS_TEXT], words[WHY_BYTES - 32];
    switch (row->kind) {
    case OPTION_SIZE:
        (void)snprintf(why, WHY_BYTES, "must be a size from %s to %s, in " UNITS_KNOWN,
                       units_format_bytes(row->least, least),
                       units_format_bytes(most_of(row), most));
        break;
    case OPTION_CHOICE:
        (void)snprintf(why, WHY_BYTES, "must be one of %s",
                       choice_list(row->choices, words, sizeof words));
        break;
    case OPTION_TEXTS:
        (void)snprintf(why, WHY_BYTES, "more than %d of them", OPTIONS_TEXTS);
        break;
    default:
        (void)snprintf(why, WHY_BYTES, "must be a number from %" PRIu64 " to %" PRIu64, row->least,
                       most_of(row));
        break;
    }
}

/* Refuses a value, which is NULL where there is none. Returns false. */
static bool refuse_value(reading *r, const option_row *row, const char *value)
{
    char what[WHAT_BYTES], why[WHY_BYTES];
    (void)snprintf(what, sizeof what, "--%s%s%s", row->name, value != NULL ? " " : "",
                   value != NULL ? value : "");
    describe(row, why);
    r->code = options_refuse(r->table, what, row->wrong != NULL ? row->wrong : why);
    return false;
}

/* ---- values ---- */

static bool take_count(const option_row *row, const char *value, uint32_t *out)
{
    uint64_t number;
    if (!units_parse_count(value, row->least, most_of(row), &number) || number > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static bool take_size(const option_row *row, const char *value, uint64_t *out)
{
    uint64_t bytes;
    if (!units_parse_bytes(value, &bytes) || bytes < row->least || bytes > most_of(row)) {
        return false;
    }
    *out = bytes;
    return true;
}

static bool take_real(const option_row *row, const char *value, double *out)
{
    double number;
    if (!units_parse_reals(value, '\0', 1, (double)row->least, (double)most_of(row), &number)) {
        return false;
    }
    *out = number;
    return true;
}

static bool take_choice(const option_row *row, const char *value, void *out)
{
    int found;
    _Static_assert(sizeof(option_kind) == sizeof(int), "an enumeration is as large as an int");
    if (!choice_find(row->choices, value, &found)) {
        return false;
    }
    memcpy(out, &found, sizeof found);
    return true;
}

static bool take_text(const char *value, option_texts *out)
{
    if (out->count == OPTIONS_TEXTS) {
        return false;
    }
    out->all[out->count++] = value;
    return true;
}

static bool take_one(const option_row *row, const char *value, char *into)
{
    void *at = into + row->at;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return true;
    case OPTION_TEXT:
        *(const char **)at = value;
        return true;
    case OPTION_TEXTS:
        return take_text(value, at);
    case OPTION_COUNT:
        return take_count(row, value, at);
    case OPTION_NUMBER:
        return units_parse_count(value, row->least, most_of(row), at);
    case OPTION_SIZE:
        return take_size(row, value, at);
    case OPTION_REAL:
        return take_real(row, value, at);
    case OPTION_CHOICE:
        return take_choice(row, value, at);
    case OPTION_TAKEN:
    case OPTION_LIST:
        break;
    }
    return row->take(into, value);
}

/* "churn,ring": one after the other. */
static bool take_list(reading *r, const option_row *row, const char *list)
{
    *(uint32_t *)(r->into + row->at) = 0;
    while (true) {
        char one[OPTIONS_LIST_BYTES];
        const size_t length = strcspn(list, ",");
        (void)snprintf(one, sizeof one, "%.*s", (int)length, list);
        if (!row->take(r->into, one)) {
            return refuse_value(r, row, one);
        }
        if (list[length] == '\0') {
            return true;
        }
        list += length + 1;
    }
}

static bool take(reading *r, const option_row *row, const char *value)
{
    if (row->kind == OPTION_LIST) {
        return take_list(r, row, value);
    }
    return take_one(row, value, r->into) || refuse_value(r, row, value);
}

/* ---- help ---- */

static int columns_of(const char *text, size_t bytes)
{
    int columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        columns += ((unsigned char)text[i] & 0xc0) != 0x80; /* not within a character of UTF-8 */
    }
    return columns;
}

/* Prints words from column `indent` on, where the cursor stands. Paragraphs have an empty line
 * between them, but those of an option. */
static void print_wrapped(const char *text, int indent)
{
    int at = indent;
    bool first = true; /* of its line */
    while (*text != '\0') {
        const size_t length = strcspn(text, " \n");
        const int columns = columns_of(text, length);
        if (!first && at + 1 + columns > COLUMNS) {
            printf("\n%*s", indent, "");
            at = indent;
            first = true;
        }
        printf("%s%.*s", first ? "" : " ", (int)length, text);
        at += columns + !first;
        first = false;
        text += length;
        if (*text == '\n') {
            printf(indent > 0 ? "\n%*s" : "\n\n%*s", indent, "");
            at = indent;
            first = true;
        }
        text += *text != '\0';
    }
    putchar('\n');
}

/* "-o, --output FILE"; an argument that may be left out has its own "=". Returns its columns. */
static int write_head(const option_row *row, char head[HEAD_BYTES])
{
    const bool optional = row->argument != NULL && row->argument[0] == '[';
    char letter[] = "-x, ";
    letter[1] = row->letter;
    (void)snprintf(head, HEAD_BYTES, "%s--%s%s%s", row->letter != 0 ? letter : "    ", row->name,
                   row->argument != NULL && !optional ? " " : "",
                   row->argument != NULL ? row->argument : "");
    return columns_of(head, strlen(head));
}

void options_print(const char *text, int indent)
{
    printf("%*s", indent, "");
    print_wrapped(text, indent);
}

static int widest_head(const option_table *table)
{
    char head[HEAD_BYTES];
    int widest = write_head(&HELP_ROW, head);
    for (const option_row *row = table->rows; row->name != NULL; row++) {
        const int columns = write_head(row, head);
        widest = columns > widest && columns <= HEAD_MOST ? columns : widest;
    }
    return widest;
}

static void print_row(const option_row *row, int widest)
{
    char head[HEAD_BYTES];
    const int columns = write_head(row, head), indent = 2 + widest + 2;
    if (columns > widest) {
        printf("  %s\n%*s", head, indent, "");
    } else {
        printf("  %s%*s", head, indent - 2 - columns, "");
    }
    print_wrapped(row->help, indent);
}

static void print_help(const option_table *table)
{
    const int widest = widest_head(table);
    for (int i = 0; i < OPTIONS_USAGE && table->usage[i] != NULL; i++) {
        printf("%s megabuddy %s %s\n", i == 0 ? "usage:" : "      ", table->command,
               table->usage[i]);
    }
    putchar('\n');
    options_print(table->about, 0);
    putchar('\n');
    for (const option_row *row = table->rows; row->name != NULL; row++) {
        print_row(row, widest);
    }
    print_row(&HELP_ROW, widest);
    putchar('\n');
    options_print(table->end, 0);
    if (table->print_more != NULL) {
        putchar('\n');
        table->print_more();
    }
}

/* ---- reading ---- */

/* What getopt_long wants to be told of the table. */
typedef struct getopt_names {
    struct option longs[ROWS_MOST + 2];
    char letters[2 * ROWS_MOST + 3];
} getopt_names;

static int how_it_takes(const option_row *row)
{
    return row->argument == NULL     ? no_argument
           : row->argument[0] == '[' ? optional_argument
                                     : required_argument;
}

static void add_name(getopt_names *names, uint32_t i, const option_row *row)
{
    const int takes = how_it_takes(row);
    const size_t used = strlen(names->letters);
    names->longs[i] = (struct option){row->name, takes, NULL, FIRST_ROW + (int)i};
    if (row->letter != 0) {
        assert(takes != optional_argument);
        names->letters[used] = row->letter;
        names->letters[used + 1] = takes == required_argument ? ':' : '\0';
    }
}

/* The rows, then --help. Returns the number of the rows. */
static uint32_t name_all(const option_table *table, getopt_names *names)
{
    uint32_t count = 0;
    *names = (getopt_names){.letters = ":"}; /* a missing value is told from an unknown option */
    while (table->rows[count].name != NULL) {
        assert(count < ROWS_MOST);
        add_name(names, count, &table->rows[count]);
        count++;
    }
    add_name(names, count, &HELP_ROW);
    return count;
}

/* The row that getopt_long's answer stands for; its number is `count` for --help. */
static uint32_t row_of(const option_table *table, uint32_t count, int answer)
{
    uint32_t i = 0;
    while (i < count && answer != FIRST_ROW + (int)i && answer != table->rows[i].letter) {
        i++;
    }
    return i;
}

/* `word` is the one that getopt_long has just looked at. */
static bool refuse_answer(reading *r, int answer, const char *word)
{
    const bool is_unknown = answer == '?' && optopt < FIRST_ROW;
    const char letter[] = {'-', (char)optopt, '\0'};
    const char *what = is_unknown && optopt != 0 ? letter : word; /* else a long name */
    const char *why = answer == ':' ? "needs a value"
                      : is_unknown  ? "no such option"
                                    : "takes no value";
    r->code = options_refuse(r->table, what, why);
    return false;
}

static bool read_all(reading *r, int argc, char **argv)
{
    getopt_names names;
    const uint32_t count = name_all(r->table, &names);
    optind = 0; /* getopt_long has its state in globals: begin anew */
    opterr = 0; /* what is wrong is said here */
    for (int answer; (answer = getopt_long(argc, argv, names.letters, names.longs, NULL)) != -1;) {
        if (answer == '?' || answer == ':') {
            return refuse_answer(r, answer, argv[optind - 1]);
        }
        const uint32_t i = row_of(r->table, count, answer);
        if (i == count) {
            print_help(r->table);
            return false;
        }
        if (!take(r, &r->table->rows[i], optarg)) {
            return false;
        }
    }
    return true;
}

static bool read_operand(reading *r, int argc, char **argv)
{
    const char *surplus = r->table->surplus;
    const int most = surplus != NULL;
    if (argc - optind > most) {
        r->code = options_refuse(r->table, argv[optind + most],
                                 most > 0 ? surplus : "nothing is expected here");
        return false;
    }
    if (optind < argc) {
        *(const char **)(r->into + r->table->operand_at) = argv[optind];
    }
    return true;
}

bool options_read(const option_table *table, int argc, char **argv, void *into, int *code)
{
    reading r = {.table = table, .into = into, .code = EXIT_DONE};
    const bool good = read_all(&r, argc, argv) && read_operand(&r, argc, argv);
    *code = r.code;
    return good;
}
