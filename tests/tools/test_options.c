/* Command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "tools/base/options.h"
#include "tools/commands.h"

enum { WORDS_MOST = 80, SAID_BYTES = 8192 };

typedef enum colour { RED = 3, BLUE = 5 } colour;

static const choice COLOURS[] = {{"red", RED}, {"blue", BLUE}, {NULL, 0}};

typedef struct settings {
    bool quiet;
    const char *output, *world;
    option_texts sets;
    uint32_t threads;
    uint64_t seed, arena_bytes;
    double seconds;
    colour paint;
    bool normals;
    char normals_format[16];
    uint32_t number_count, numbers[8];
} settings;

static bool take_normals(void *into, const char *value)
{
    settings *s = into;
    s->normals = true;
    (void)snprintf(s->normals_format, sizeof s->normals_format, "%s", value ? value : "");
    return value == NULL || strcmp(value, "bad") != 0;
}

static bool take_number(void *into, const char *value)
{
    settings *s = into;
    s->numbers[s->number_count++] = (uint32_t)value[0];
    return strlen(value) == 1;
}

static const option_row ROWS[] = {
    {'q', "quiet", NULL, OPTION_FLAG, offsetof(settings, quiet), .help = "only errors"},
    {'o', "output", "FILE", OPTION_TEXT, offsetof(settings, output), .help = "where to"},
    {0, "set", "KEY=VALUE", OPTION_TEXTS, offsetof(settings, sets), .help = "one setting"},
    {'t', "threads", "N", OPTION_COUNT, offsetof(settings, threads), .least = 1, .most = 256,
     .help = "threads"},
    {0, "seed", "S", OPTION_NUMBER, offsetof(settings, seed), .help = "of chance"},
    {0, "arena", "SIZE", OPTION_SIZE, offsetof(settings, arena_bytes), .least = 1024, .most = 4096,
     .help = "memory"},
    {0, "seconds", "T", OPTION_REAL, offsetof(settings, seconds), .most = 100, .help = "how long"},
    {0, "paint", "COLOUR", OPTION_CHOICE, offsetof(settings, paint), .choices = COLOURS,
     .help = "red or blue"},
    {0, "normals", "[=F]", OPTION_TAKEN, .take = take_normals, .wrong = "must be good",
     .help = "a layer of them"},
    {0, "numbers", "LIST", OPTION_LIST, offsetof(settings, number_count), .take = take_number,
     .wrong = "has one letter", .help = "with commas between them"},
    {0, "a-name-too-long-to-stand-in-the-column", "VALUE", OPTION_TEXT, offsetof(settings, output),
     .help = "has a meaning that goes on and on, so that it has to be wrapped, and more than once"},
    {.name = NULL},
};

static const option_table TABLE = {
    .command = "paint",
    .usage = {"WORLD [OPTION]…", "--nothing"},
    .about = "Paints a world, in one colour or in another, as may be seen when it has been "
             "painted, and not before.\nOnce.",
    .rows = ROWS,
    .end = "Exit codes: 0 done.",
    .surplus = "only one world can be painted",
    .operand_at = offsetof(settings, world),
};

/* A line of words with blanks between them, as argv; the words live in `line`. */
static int split(char *line, char *argv[WORDS_MOST])
{
    static char name[] = "paint";
    int argc = 1;
    argv[0] = name;
    for (char *at = strtok(line, " "); at != NULL; at = strtok(NULL, " ")) {
        argv[argc++] = at;
    }
    argv[argc] = NULL;
    return argc;
}

/* Reads what went to a stream since it was redirected, and puts the stream back. */
static void take_back(FILE *stream, int kept, FILE *said, char text[SAID_BYTES])
{
    (void)fflush(stream);
    assert_int_equal(dup2(kept, fileno(stream)), fileno(stream));
    (void)close(kept);
    rewind(said);
    text[fread(text, 1, SAID_BYTES - 1, said)] = '\0';
    (void)fclose(said);
}

static int redirect(FILE *stream, FILE *said)
{
    (void)fflush(stream);
    const int kept = dup(fileno(stream));
    assert_true(kept >= 0 && said != NULL);
    assert_int_equal(dup2(fileno(said), fileno(stream)), fileno(stream));
    return kept;
}

/* Runs options_read, with what it says on `stream`. */
static bool read_line(const char *line, settings *s, int *code, FILE *stream, char said[SAID_BYTES])
{
    char words[1024], *argv[WORDS_MOST];
    (void)snprintf(words, sizeof words, "%s", line);
    const int argc = split(words, argv);
    FILE *file = tmpfile();
    const int kept = redirect(stream, file);
    const bool good = options_read(&TABLE, argc, argv, s, code);
    take_back(stream, kept, file, said);
    return good;
}

static void reads_each_kind(void **state)
{
    (void)state;
    char words[] =
        "-qo out --set a=1 w.mega --set b=2 -t 7 --seed 18446744073709551615 --arena=2KiB "
        "--seconds 1.5 --paint blue --normals=f --numbers a,b,c",
         *argv[WORDS_MOST];
    const int argc = split(words, argv);
    settings s = {.paint = RED};
    int code = -1;
    assert_true(options_read(&TABLE, argc, argv, &s, &code));
    assert_int_equal(code, EXIT_DONE);
    assert_true(s.quiet);
    assert_string_equal(s.output, "out");
    assert_string_equal(s.world, "w.mega");
    assert_int_equal(s.sets.count, 2);
    assert_string_equal(s.sets.all[1], "b=2");
    assert_int_equal(s.threads, 7);
    assert_true(s.seed == UINT64_MAX);
    assert_int_equal(s.arena_bytes, 2048);
    assert_true(s.seconds > 1.4 && s.seconds < 1.6);
    assert_int_equal(s.paint, BLUE);
    assert_string_equal(s.normals_format, "f");
    assert_int_equal(s.number_count, 3);
    assert_int_equal(s.numbers[2], 'c');
}

static void leaves_alone_what_was_not_said(void **state)
{
    (void)state;
    char words[] = "--normals", *argv[WORDS_MOST];
    const int argc = split(words, argv);
    settings s = {.threads = 9, .paint = RED, .seed = 4};
    int code = -1;
    assert_true(options_read(&TABLE, argc, argv, &s, &code));
    assert_true(s.normals && s.threads == 9 && s.paint == RED && s.seed == 4 && s.world == NULL);
}

/* A list that is given twice is that of the second time. */
static void a_list_begins_anew(void **state)
{
    (void)state;
    char words[] = "--numbers a,b --numbers c", *argv[WORDS_MOST];
    const int argc = split(words, argv);
    settings s = {.threads = 0};
    int code = -1;
    assert_true(options_read(&TABLE, argc, argv, &s, &code));
    assert_int_equal(s.number_count, 1);
    assert_int_equal(s.numbers[0], 'c');
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *what;
    } cases[] = {
        {"--bogus", "--bogus: no such option"},
        {"-z", "-z: no such option"},
        {"-qz", "-z: no such option"},
        {"--quiet=yes", "--quiet=yes: takes no value"},
        {"--output", "--output: needs a value"},
        {"-o", "-o: needs a value"},
        {"-t 0", "--threads 0: must be a number from 1 to 256"},
        {"--threads 257", "--threads 257: must be a number from 1 to 256"},
        {"--threads -1", "--threads -1: must be a number from 1 to 256"},
        {"--threads 7x", "--threads 7x: must be a number from 1 to 256"},
        {"--seed 18446744073709551616",
         "--seed 18446744073709551616: must be a number from 0 to 18446744073709551615"},
        {"--arena 64MB", "--arena 64MB: must be a size from 1 KiB to 4 KiB, in B, KiB, MiB, GiB or "
                         "TiB"},
        {"--arena 1", "--arena 1: must be a size from 1 KiB to 4 KiB, in B, KiB, MiB, GiB or TiB"},
        {"--seconds nan", "--seconds nan: must be a number from 0 to 100"},
        {"--seconds 0x1", "--seconds 0x1: must be a number from 0 to 100"},
        {"--paint green", "--paint green: must be one of red blue"},
        {"--normals=bad", "--normals bad: must be good"},
        {"--numbers a,bb,c", "--numbers bb: has one letter"},
        {"--numbers a,,c", "--numbers : has one letter"},
        {"a.mega b.mega", "b.mega: only one world can be painted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char said[SAID_BYTES], wanted[SAID_BYTES];
        settings s = {.threads = 0};
        int code = -1;
        assert_false(read_line(cases[i].line, &s, &code, stderr, said));
        assert_int_equal(code, EXIT_USAGE);
        (void)snprintf(wanted, sizeof wanted,
                       "megabuddy: paint: %s (megabuddy paint --help says more)\n", cases[i].what);
        assert_string_equal(said, wanted);
    }
}

static void a_value_too_many_is_refused(void **state)
{
    (void)state;
    char line[2048] = "", said[SAID_BYTES];
    settings s = {.threads = 0};
    int code = -1;
    for (int i = 0; i <= OPTIONS_TEXTS; i++) {
        (void)strcat(line, "--set=a ");
    }
    assert_false(read_line(line, &s, &code, stderr, said));
    assert_int_equal(code, EXIT_USAGE);
    assert_non_null(strstr(said, "--set a: more than 64 of them"));
}

static void help_fits_into_80_columns(void **state)
{
    (void)state;
    char said[SAID_BYTES];
    settings s = {.threads = 0};
    int code = -1;
    assert_false(read_line("--help", &s, &code, stdout, said));
    assert_int_equal(code, EXIT_DONE);
    assert_string_equal(
        said, "usage: megabuddy paint WORLD [OPTION]…\n"
              "       megabuddy paint --nothing\n"
              "\n"
              "Paints a world, in one colour or in another, as may be seen when it has been\n"
              "painted, and not before.\n"
              "\n"
              "Once.\n"
              "\n"
              "  -q, --quiet          only errors\n"
              "  -o, --output FILE    where to\n"
              "      --set KEY=VALUE  one setting\n"
              "  -t, --threads N      threads\n"
              "      --seed S         of chance\n"
              "      --arena SIZE     memory\n"
              "      --seconds T      how long\n"
              "      --paint COLOUR   red or blue\n"
              "      --normals[=F]    a layer of them\n"
              "      --numbers LIST   with commas between them\n"
              "      --a-name-too-long-to-stand-in-the-column VALUE\n"
              "                       has a meaning that goes on and on, so that it has to be\n"
              "                       wrapped, and more than once\n"
              "  -h, --help           this text\n"
              "\n"
              "Exit codes: 0 done.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_kind),
        cmocka_unit_test(leaves_alone_what_was_not_said),
        cmocka_unit_test(a_list_begins_anew),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(a_value_too_many_is_refused),
        cmocka_unit_test(help_fits_into_80_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
