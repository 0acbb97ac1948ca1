/* The settings: defaults, files, --set, and what is said when they are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/view/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static char folder[] = "/tmp/test_conf_XXXXXX";
static char file_name[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(file_name, sizeof file_name, "%s/a.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(file_name);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t count)
{
    FILE *file = fopen(file_name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* Reads `text` as a config file over the defaults. */
static bool read_text(const char *text, conf *c, conf_error *error)
{
    write_file(text, strlen(text));
    conf_defaults(c);
    return conf_read(c, file_name, error);
}

static void defaults_are_those_that_are_promised(void **state)
{
    (void)state;
    conf c;
    conf_defaults(&c);
    assert_int_equal(c.disk.workers, 2);
    assert_float_equal(c.disk.delay_ms, 0, 0);
    assert_int_equal(c.disk.rate, 0);
    assert_string_equal(c.disk.source, "");
    assert_int_equal(c.ram.budget, 256 * MIB);
    assert_int_equal(c.ram.sync, VT_SYNC_LOCKFREE);
    assert_false(c.ram.prefault);
    assert_int_equal(c.vram.budget, 64 * MIB);
    assert_int_equal(c.vram.format, VT_FORMAT_AUTO);
    assert_true(c.stream.prefetch_ms == 300 && c.stream.upload_ms == 2 && c.stream.fade_ms == 200);
    assert_int_equal(c.stream.upload_bytes, 4 * MIB);
    assert_int_equal(c.stream.anisotropy, 1);
    assert_true(c.stream.bias_max == 4);
    assert_int_equal(c.view.width, 1280);
    assert_int_equal(c.view.height, 720);
    assert_int_equal(c.view.fps_max, 60);
    assert_int_equal(c.view.scene, SCENE_AUTO);
}

static void a_file_changes_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    conf c, plain;
    conf_error error = {""};
    conf_defaults(&plain);
    assert_true(
        read_text("ram: { budget = \"1.5 GiB\"; prefault = true; };\n"
                  "vram: { budget = 5000000000L; format = \"bc1\"; }; # bytes, past 32 bits\n"
                  "stream = { upload_ms = 3; fade_ms = 12.5; };\n",
                  &c, &error));
    assert_int_equal(c.ram.budget, 1536 * MIB);
    assert_true(c.ram.prefault);
    assert_int_equal(c.vram.budget, UINT64_C(5000000000));
    assert_int_equal(c.vram.format, VT_FORMAT_BC1);
    assert_true(c.stream.upload_ms == 3 && c.stream.fade_ms == 12.5);
    assert_memory_equal(&c.view, &plain.view, sizeof c.view);
    assert_memory_equal(&c.disk, &plain.disk, sizeof c.disk);
}

static void every_mistake_in_a_file_is_one_line_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *parts[3]; /* of the line that must come */
    } cases[] = {
        {"ram:\n{\n  budget = -5;\n};",
         {":3: ram.budget = -5: must be a size", "64 KiB", "16 TiB"}},
        {"ram: { budget = \"-5 MiB\"; };", {":1: ram.budget = -5 MiB: must be a size", "", ""}},
        {"ram: { budget = 1.5; };", {":1: ram.budget = 1.5: must be a size", "", ""}},
        {"ram: { budget = \"64 MB\"; };", {":1: ram.budget = 64 MB: ", "", ""}},
        {"\n\nram: { bugdet = 5; };", {":3: ram.bugdet: no such key", "budget sync prefault", ""}},
        {"rum: { budget = 5; };", {":1: rum: no such group", "disk ram vram stream view", ""}},
        {"ram = 5;", {":1: ram: must be a group", "", ""}},
        {"ram: { sync = \"none\"; };",
         {":1: ram.sync = none: must be one of lockfree spinlock mutex", "", ""}},
        {"ram: { prefault = 1; };", {":1: ram.prefault = 1: must be true or false", "", ""}},
        {"view: { width = \"1280\"; };", {":1: view.width = 1280: must be a whole", "16384", ""}},
        {"view: { width = 0; };", {":1: view.width = 0: ", "from 16 to 16384", ""}},
        {"view: { width = ( 1, 2 ); };", {":1: view.width = a group or list: ", "", ""}},
        {"vram: { format = \"dxt\"; };", {": must be one of auto bc1 rgba8", "", ""}},
        {"stream: { bias_max = 17; };", {":1: stream.bias_max = 17: ", "from 0 to 16", ""}},
        {"ram: {\n budget = ;\n};", {":2: syntax error", "", ""}},
        {"ram: { budget = 5; budget = 6; };", {":1: duplicate setting name", "", ""}},
        {"ram: { budget = \"9\n", {": ", "", ""}},
        {"/* \n */ ram: { budget = 5000000000; };", {":2: 5000000000: too large", "", ""}},
        {"ram: { budget = 0x100000000; };", {":1: 0x100000000: too large", "", ""}},
        {"ram: { budget = -99999999999999999999L; };", {":1: -99999999999999999999L: too", "", ""}},
        {"a = \"\\\"\"; @include \"x\"", {":1: @include: not supported", "", ""}},
        {"\n  @include \"/etc/passwd\"\n", {":2: @include: not supported", "", ""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        conf c, before;
        conf_error error = {""};
        conf_defaults(&before);
        if (read_text(cases[i].text, &c, &error)) {
            fail_msg("accepted: %s", cases[i].text);
        }
        assert_memory_equal(&c, &before, sizeof c);
        assert_memory_equal(error.line, file_name, strlen(file_name));
        assert_null(strchr(error.line, '\n'));
        for (int part = 0; part < 3; part++) {
            if (strstr(error.line, cases[i].parts[part]) == NULL) {
                fail_msg("\"%s\" does not say \"%s\"", error.line, cases[i].parts[part]);
            }
        }
    }
}

static void a_bad_file_late_in_its_text_changes_nothing(void **state)
{
    (void)state;
    conf c, before;
    conf_error error;
    conf_defaults(&before);
    assert_false(read_text("view: { width = 640; };\nram: { budget = -1; };", &c, &error));
    assert_memory_equal(&c, &before, sizeof c);
}

static void what_is_no_config_file_is_refused(void **state)
{
    (void)state;
    conf c;
    conf_error error = {""};
    conf_defaults(&c);
    assert_false(conf_read(&c, "/nonexistent/x.conf", &error));
    assert_non_null(strstr(error.line, "/nonexistent/x.conf: No such file"));
    assert_false(conf_read(&c, folder, &error)); /* a folder */
    write_file("ram: { };\0junk", 14);
    assert_false(conf_read(&c, file_name, &error));
    char *large = calloc(1, 2 * MIB);
    assert_non_null(large);
    memset(large, '#', 2 * MIB);
    write_file(large, 2 * MIB);
    free(large);
    assert_false(conf_read(&c, file_name, &error));
    assert_true(read_text("# @include 99999999999\nview: { path = \"@include 99999999999\"; };", &c,
                          &error));
    assert_true(read_text("", &c, &error)); /* nothing said, nothing changed */
    /* a pipe in the file's place, as while it is watched: not waited for */
    (void)alarm(60);
    assert_int_equal(unlink(file_name), 0);
    assert_int_equal(mkfifo(file_name, 0600), 0);
    assert_false(conf_read(&c, file_name, &error));
    assert_non_null(strstr(error.line, "is not a regular file"));
    assert_int_equal(unlink(file_name), 0);
    (void)alarm(0);
}

static void a_file_of_brackets_does_not_exhaust_the_stack(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *text = calloc(1, DEPTH + 1);
    assert_non_null(text);
    memset(text, '(', DEPTH);
    memcpy(text, "a=", 2);
    conf c;
    conf_error error = {""};
    assert_false(read_text(text, &c, &error));
    free(text);
}

static void set_takes_what_a_file_takes(void **state)
{
    (void)state;
    conf c;
    conf_error error;
    conf_defaults(&c);
    assert_true(conf_set(&c, "vram.budget=16 MiB", &error));
    assert_true(conf_set(&c, "ram.budget=67108864", &error));
    assert_true(conf_set(&c, "ram.prefault=true", &error));
    assert_true(conf_set(&c, "stream.fade_ms=0", &error));
    assert_true(conf_set(&c, "view.path=a=b.path", &error));
    assert_true(conf_set(&c, "view.path=", &error));
    assert_true(conf_set(&c, "view.path=/tmp/a.b", &error));
    assert_int_equal(c.vram.budget, 16 * MIB);
    assert_int_equal(c.ram.budget, 64 * MIB);
    assert_true(c.ram.prefault);
    assert_true(c.stream.fade_ms == 0);
    assert_string_equal(c.view.path, "/tmp/a.b");
}

static void set_refuses_the_rest_and_says_what_would_do(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"vram.budget=-5", "--set vram.budget=-5: must be a size from 64 KiB to 1 TiB"},
        {"vram.budget=", "--set vram.budget=: must be a size"},
        {"vram.budget=64 MB", "in B, KiB, MiB, GiB or TiB"},
        {"vram.budget", "must look like tier.key=value"},
        {"=5", "must look like tier.key=value"},
        {"vram=a.b", "must look like tier.key=value"},
        {"", "must look like tier.key=value"},
        {"vram.size=5", "--set vram.size: no such key; this group has: budget format"},
        {"gpu.budget=5", "--set gpu.budget: no such group; there are: disk ram vram stream view"},
        {"ram.sync=spin", "must be one of lockfree spinlock mutex"},
        {"disk.workers=+2", "whole number from 1 to 32"},
        {"disk.workers=99999999999999999999", "whole number from 1 to 32"},
        {"disk.delay_ms=10001", "number from 0 to 10000"},
        {"disk.rate=2 TiB", "a size from 0 B to 1 TiB"},
        {"stream.fade_ms=nan", "a number from 0 to 10000"},
        {"stream.fade_ms=1e999", "a number from 0 to 10000"},
        {"stream.fade_ms=0x10", "a number from 0 to 10000"},
        {"stream.fade_ms= 1", "a number from 0 to 10000"},
        {"ram.prefault=yes", "true or false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        conf c, before;
        conf_error error = {""};
        conf_defaults(&c);
        conf_defaults(&before);
        if (conf_set(&c, cases[i][0], &error) || strstr(error.line, cases[i][1]) == NULL) {
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i][0], error.line, cases[i][1]);
        }
        assert_memory_equal(&c, &before, sizeof c);
    }
}

static void a_value_of_any_length_gives_one_line(void **state)
{
    (void)state;
    char text[4096] = "vram.format=";
    memset(text + strlen(text), 'x', sizeof text - strlen(text) - 1);
    conf c;
    conf_error error = {""};
    conf_defaults(&c);
    assert_false(conf_set(&c, text, &error));
    assert_true(strlen(error.line) < 256);
    memcpy(text, "view.path===", 12);
    assert_false(conf_set(&c, text, &error));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    conf c, back;
    conf_error error = {""};
    conf_defaults(&c);
    assert_true(conf_set(&c, "vram.budget=1073741825", &error)); /* not a multiple of anything */
    assert_true(conf_set(&c, "stream.upload_bytes=0", &error));
    assert_true(conf_set(&c, "view.path=a \"quoted\\\t\" path", &error));
    assert_true(conf_set(&c, "stream.fade_ms=0.125", &error));
    FILE *file = fopen(file_name, "w");
    assert_non_null(file);
    conf_write(&c, file);
    assert_int_equal(fclose(file), 0);
    conf_defaults(&back);
    if (!conf_read(&back, file_name, &error)) {
        fail_msg("%s", error.line);
    }
    assert_memory_equal(&c, &back, sizeof c);
}

static void the_shipped_file_holds_every_key_at_its_default(void **state)
{
    (void)state;
    conf c, shipped;
    conf_error error = {""};
    conf_defaults(&c);
    memset(&shipped, 0, sizeof shipped); /* so that a key that is missing shows */
    if (!conf_read(&shipped, MEGABUDDY_SOURCE "/assets/megabuddy.conf", &error)) {
        fail_msg("%s", error.line);
    }
    assert_memory_equal(&c, &shipped, sizeof c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_that_are_promised),
        cmocka_unit_test(a_file_changes_what_it_names_and_nothing_else),
        cmocka_unit_test(every_mistake_in_a_file_is_one_line_with_its_place),
        cmocka_unit_test(a_bad_file_late_in_its_text_changes_nothing),
        cmocka_unit_test(what_is_no_config_file_is_refused),
        cmocka_unit_test(a_file_of_brackets_does_not_exhaust_the_stack),
        cmocka_unit_test(set_takes_what_a_file_takes),
        cmocka_unit_test(set_refuses_the_rest_and_says_what_would_do),
        cmocka_unit_test(a_value_of_any_length_gives_one_line),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(the_shipped_file_holds_every_key_at_its_default),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
