/* conf.c: the table of keys, and the three ways to use it: a libconfig file, --set, and writing.
 *
 *     file ──libconfig──▶ setting ──typed──▶ text ┐
 *     --set tier.key=value ──────────────────▶ text ┴─▶ assign(): one parser, one range check
 */
#include "tools/view/conf.h"

#include "tools/base/sync.h"
#include "tools/base/units.h"
#include "tools/view/conf_text.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

enum {
    VALUE_SHOWN = 80, /* bytes of a bad value that an error repeats */
    RANGE_BYTES = 160,
};

static const choice FORMATS[] = {
    {"auto", VT_FORMAT_AUTO}, {"bc1", VT_FORMAT_BC1}, {"rgba8", VT_FORMAT_RGBA8}, {NULL, 0}};
static const choice SCENES[] = {
    {"auto", SCENE_AUTO}, {"terrain", SCENE_TERRAIN}, {"picture", SCENE_PICTURE}, {NULL, 0}};

static const conf_key KEYS[] = {
    {"disk", "source", CONF_TEXT, offsetof(conf, disk.source), 0, 0, NULL, "",
     "the world (.mega) to open when the command line names none", 0, 0, true},
    {"disk", "workers", CONF_COUNT, offsetof(conf, disk.workers), 1, 32, NULL, "2",
     "threads that read pages", 1, 8, true},
    {"disk", "delay_ms", CONF_REAL, offsetof(conf, disk.delay_ms), 0, 10000, NULL, "0",
     "a slower disk than there is: the least time that a request takes; 0: as it is", 0, 200,
     false},
    {"disk", "rate", CONF_SIZE, offsetof(conf, disk.rate), 0, TIB, NULL, "0 B",
     "likewise the most bytes a second, of all requests together; 0: as fast as it is", 0,
     256 * MIB, false},
    {"ram", "budget", CONF_SIZE, offsetof(conf, ram.budget), 64 * KIB, 16 * TIB, NULL, "256 MiB",
     "all that streaming may hold in memory", 4 * MIB, 4096 * MIB, true},
    {"ram", "sync", CONF_CHOICE, offsetof(conf, ram.sync), 0, 0, SYNC_NAMES, "lockfree",
     "how the allocator's threads keep out of each other's way", 0, 0, true},
    {"ram", "prefault", CONF_BOOL, offsetof(conf, ram.prefault), 0, 0, NULL, "false",
     "touch the memory at the start, so that no page fault comes later", 0, 0, true},
    {"ram", "suspend", CONF_TEXT, offsetof(conf, ram.suspend), 0, 0, NULL, "",
     "file that keeps what is in memory from one run to the next; empty: none", 0, 0, true},
    {"vram", "budget", CONF_SIZE, offsetof(conf, vram.budget), 64 * KIB, TIB, NULL, "64 MiB",
     "all textures and buffers that streaming may make on the graphics card", 4 * MIB, 1024 * MIB,
     true},
    {"vram", "format", CONF_CHOICE, offsetof(conf, vram.format), 0, 0, FORMATS, "auto",
     "texels on the card: auto is as stored, or rgba8 where software draws and has room", 0, 0,
     true},
    {"stream", "prefetch_ms", CONF_REAL, offsetof(conf, stream.prefetch_ms), 0, 10000, NULL, "300",
     "how far ahead of the camera pages are read into memory; 0: not at all", 0, 2000, false},
    {"stream", "upload_ms", CONF_REAL, offsetof(conf, stream.upload_ms), 0, 1000, NULL, "2",
     "most time a frame spends on uploads; one page always goes", 0, 20, false},
    {"stream", "upload_bytes", CONF_SIZE, offsetof(conf, stream.upload_bytes), 0, TIB, NULL,
     "4 MiB", "most bytes a frame uploads; one page always goes", 64 * KIB, 64 * MIB, false},
    {"stream", "fade_ms", CONF_REAL, offsetof(conf, stream.fade_ms), 0, 10000, NULL, "200",
     "how long a page that arrives takes to fade in", 0, 2000, false},
    {"stream", "anisotropy", CONF_COUNT, offsetof(conf, stream.anisotropy), 1, 16, NULL, "1",
     "samples along a slanted surface; 1: off; at most what the world's border allows", 1, 16,
     true},
    {"stream", "bias_max", CONF_REAL, offsetof(conf, stream.bias_max), 0, 16, NULL, "4",
     "most mips that all gets softer when the card's budget is too small", 0, 8, false},
    {"view", "width", CONF_COUNT, offsetof(conf, view.width), 16, 16384, NULL, "1280", "pixels", 0,
     0, false},
    {"view", "height", CONF_COUNT, offsetof(conf, view.height), 16, 16384, NULL, "720", "pixels", 0,
     0, false},
    {"view", "fps_max", CONF_COUNT, offsetof(conf, view.fps_max), 0, 1000, NULL, "60",
     "most frames a second; 0: no cap", 0, 240, false},
    {"view", "scale", CONF_REAL, offsetof(conf, view.scale), 0, 4, NULL, "0",
     "of letters and buttons, from the next start on; 0: as the screen asks", 0, 0, false},
    {"view", "scene", CONF_CHOICE, offsetof(conf, view.scene), 0, 0, SCENES, "auto",
     "how the world is shown: auto is what the page file says it is", 0, 0, false},
    {"view", "path", CONF_TEXT, offsetof(conf, view.path), 0, 0, NULL, "",
     "camera path to fly along; empty: the built-in tour", 0, 0, false},
};

#define KEY_COUNT ((int)(sizeof KEYS / sizeof KEYS[0]))

uint32_t conf_key_count(void)
{
    return KEY_COUNT;
}

const conf_key *conf_get_key(uint32_t index)
{
    return index < KEY_COUNT ? &KEYS[index] : NULL;
}

void *conf_value(conf *c, const conf_key *key)
{
    return (char *)c + key->offset;
}

/* Whether a key has the same value in both. */
static bool is_same(const conf *a, const conf *b, const conf_key *key)
{
    const void *left = (const char *)a + key->offset, *right = (const char *)b + key->offset;
    switch (key->type) {
    case CONF_SIZE:
        return *(const uint64_t *)left == *(const uint64_t *)right;
    case CONF_COUNT:
        return *(const uint32_t *)left == *(const uint32_t *)right;
    case CONF_REAL:
        return !(*(const double *)left < *(const double *)right) &&
               !(*(const double *)left > *(const double *)right);
    case CONF_BOOL:
        return *(const bool *)left == *(const bool *)right;
    case CONF_CHOICE:
        return *(const int *)left == *(const int *)right;
    case CONF_TEXT:
        return strcmp(left, right) == 0;
    }
    return true;
}

bool conf_differs(const conf *a, const conf *b, bool *reopens)
{
    bool differs = false;
    *reopens = false;
    for (int i = 0; i < KEY_COUNT; i++) {
        if (!is_same(a, b, &KEYS[i])) {
            differs = true;
            *reopens = *reopens || KEYS[i].reopens;
        }
    }
    return differs;
}

/* Where a value stands: what an error's line begins with. */
typedef struct conf_place {
    const char *file; /* NULL: --set */
    unsigned line;
} conf_place;

static bool fail(conf_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(conf_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->line, sizeof error->line, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- what a key allows ---- */

/* Writes "a size from 1 MiB to 1 TiB" and the like. */
static void describe_range(const conf_key *key, char text[RANGE_BYTES])
{
    char least[UNITS_TEXT], most[UNITS_TEXT], words[RANGE_BYTES / 2];
    switch (key->type) {
    case CONF_SIZE:
        (void)snprintf(text, RANGE_BYTES, "a size from %s to %s",
                       units_format_bytes(key->least, least), units_format_bytes(key->most, most));
        break;
    case CONF_COUNT:
        (void)snprintf(text, RANGE_BYTES, "a whole number from %" PRIu64 " to %" PRIu64, key->least,
                       key->most);
        break;
    case CONF_REAL:
        (void)snprintf(text, RANGE_BYTES, "a number from %" PRIu64 " to %" PRIu64, key->least,
                       key->most);
        break;
    case CONF_BOOL:
        (void)snprintf(text, RANGE_BYTES, "true or false");
        break;
    case CONF_CHOICE:
        (void)snprintf(text, RANGE_BYTES, "one of %s",
                       choice_list(key->choices, words, sizeof words));
        break;
    case CONF_TEXT:
        (void)snprintf(text, RANGE_BYTES, "text of at most %d bytes", CONF_TEXT_BYTES - 1);
        break;
    }
}

/* The same for a value that was refused: a size whose unit is unknown is told the known ones. */
static void describe_wanted(const conf_key *key, const char *value, char text[RANGE_BYTES])
{
    uint64_t bytes;
    describe_range(key, text);
    if (key->type == CONF_SIZE && !units_parse_bytes(value, &bytes)) {
        const size_t used = strlen(text);
        (void)snprintf(text + used, RANGE_BYTES - used, ", in " UNITS_KNOWN);
    }
}

/* ---- text to value ---- */

static bool assign_size(const conf_key *key, const char *value, void *at)
{
    uint64_t bytes;
    if (!units_parse_bytes(value, &bytes) || bytes < key->least || bytes > key->most) {
        return false;
    }
    memcpy(at, &bytes, sizeof bytes);
    return true;
}

static bool assign_count(const conf_key *key, const char *value, void *at)
{
    uint64_t number;
    if (!units_parse_count(value, key->least, key->most, &number)) {
        return false;
    }
    const uint32_t count = (uint32_t)number;
    memcpy(at, &count, sizeof count);
    return true;
}

static bool assign_real(const conf_key *key, const char *value, void *at)
{
    double number;
    if (!units_parse_reals(value, ',', 1, (double)key->least, (double)key->most, &number)) {
        return false;
    }
    memcpy(at, &number, sizeof number);
    return true;
}

static bool assign_choice(const conf_key *key, const char *value, void *at)
{
    int number; /* an enumeration is as large */
    if (!choice_find(key->choices, value, &number)) {
        return false;
    }
    memcpy(at, &number, sizeof number);
    return true;
}

static bool assign_bool(const char *value, void *at)
{
    const bool yes = strcmp(value, "true") == 0;
    if (!yes && strcmp(value, "false") != 0) {
        return false;
    }
    memcpy(at, &yes, sizeof yes);
    return true;
}

static bool assign_string(const char *value, size_t room, void *at)
{
    const size_t length = strlen(value);
    if (length >= room) {
        return false;
    }
    memcpy(at, value, length + 1);
    return true;
}

/* Puts the value that `value` spells into c. False, and c as it was, when the key does not allow
 * it. */
static bool assign(conf *c, const conf_key *key, const char *value)
{
    void *at = (char *)c + key->offset;
    switch (key->type) {
    case CONF_SIZE:
        return assign_size(key, value, at);
    case CONF_COUNT:
        return assign_count(key, value, at);
    case CONF_REAL:
        return assign_real(key, value, at);
    case CONF_BOOL:
        return assign_bool(value, at);
    case CONF_CHOICE:
        return assign_choice(key, value, at);
    case CONF_TEXT:
        return assign_string(value, CONF_TEXT_BYTES, at);
    }
    return false;
}

static bool assign_or_explain(conf *c, const conf_key *key, const char *value, conf_place place,
                              conf_error *error)
{
    if (assign(c, key, value)) {
        return true;
    }
    char range[RANGE_BYTES];
    describe_wanted(key, value, range);
    if (place.file == NULL) {
        return fail(error, "--set %s.%s=%.*s: must be %s", key->group, key->name, VALUE_SHOWN,
                    value, range);
    }
    return fail(error, "%s:%u: %s.%s = %.*s: must be %s", place.file, place.line, key->group,
                key->name, VALUE_SHOWN, value, range);
}

/* ---- finding keys ---- */

static bool group_exists(const char *group)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i].group, group) == 0) {
            return true;
        }
    }
    return false;
}

static const conf_key *find_key(const char *group, const char *name)
{
    for (int i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i].group, group) == 0 && strcmp(KEYS[i].name, name) == 0) {
            return &KEYS[i];
        }
    }
    return NULL;
}

/* Writes the groups, or the keys of a group, separated by blanks. */
static void list_names(const char *group, char *text, size_t room)
{
    const char *last = "";
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < KEY_COUNT; i++) {
        const char *name = group == NULL ? KEYS[i].group : KEYS[i].name;
        if ((group != NULL && strcmp(KEYS[i].group, group) != 0) || strcmp(name, last) == 0) {
            continue;
        }
        const int written = snprintf(text + used, room - used, "%s%s", used ? " " : "", name);
        if (written < 0 || (size_t)written >= room - used) {
            return;
        }
        used += (size_t)written;
        last = name;
    }
}

/* ---- a file ---- */

/* Writes the value of a setting as --set would take it. False: a type that the key does not take.
 */
static bool setting_text(const config_setting_t *setting, conf_type type, char *text, size_t room)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING:
        if (strlen(config_setting_get_string(setting)) >= room) {
            return false;
        }
        (void)snprintf(text, room, "%s", config_setting_get_string(setting));
        return type == CONF_SIZE || type == CONF_CHOICE || type == CONF_TEXT;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void)snprintf(text, room, "%lld", (long long)config_setting_get_int64(setting));
        return type == CONF_SIZE || type == CONF_COUNT || type == CONF_REAL;
    case CONFIG_TYPE_FLOAT:
        (void)snprintf(text, room, "%.17g", config_setting_get_float(setting));
        return type == CONF_REAL;
    case CONFIG_TYPE_BOOL:
        (void)snprintf(text, room, "%s", config_setting_get_bool(setting) ? "true" : "false");
        return type == CONF_BOOL;
    default:
        (void)snprintf(text, room, "a group or list");
        return false;
    }
}

static bool take_setting(conf *c, const char *group, const config_setting_t *setting,
                         const char *file, conf_error *error)
{
    const conf_place place = {file, config_setting_source_line(setting)};
    const char *name = config_setting_name(setting);
    const conf_key *key = find_key(group, name);
    if (key == NULL) {
        char names[256];
        list_names(group, names, sizeof names);
        return fail(error, "%s:%u: %s.%.*s: no such key; %s has: %s", file, place.line, group,
                    VALUE_SHOWN, name, group, names);
    }
    char value[2 * CONF_TEXT_BYTES] = "a text that is too long";
    if (!setting_text(setting, key->type, value, sizeof value)) {
        char range[RANGE_BYTES];
        describe_range(key, range);
        return fail(error, "%s:%u: %s.%s = %.*s: must be %s", file, place.line, group, name,
                    VALUE_SHOWN, value, range);
    }
    return assign_or_explain(c, key, value, place, error);
}

static bool take_group(conf *c, const config_setting_t *group, const char *file, conf_error *error)
{
    const char *name = config_setting_name(group);
    const unsigned line = config_setting_source_line(group);
    if (!group_exists(name)) {
        char names[256];
        list_names(NULL, names, sizeof names);
        return fail(error, "%s:%u: %.*s: no such group; there are: %s", file, line, VALUE_SHOWN,
                    name, names);
    }
    if (!config_setting_is_group(group)) {
        return fail(error, "%s:%u: %s: must be a group, as in %s: { key = value; }", file, line,
                    name, name);
    }
    for (int i = 0; i < config_setting_length(group); i++) {
        if (!take_setting(c, name, config_setting_get_elem(group, (unsigned)i), file, error)) {
            return false;
        }
    }
    return true;
}

static bool take_file(conf *c, const config_t *parsed, const char *path, conf_error *error)
{
    const config_setting_t *root = config_root_setting(parsed);
    for (int i = 0; i < config_setting_length(root); i++) {
        if (!take_group(c, config_setting_get_elem(root, (unsigned)i), path, error)) {
            return false;
        }
    }
    return true;
}

bool conf_read(conf *c, const char *path, conf_error *error)
{
    char *text = conf_text_read(path, error);
    if (text == NULL) {
        return false;
    }
    conf next = *c;
    config_t parsed;
    config_init(&parsed);
    bool good = true;
    if (config_read_string(&parsed, text) != CONFIG_TRUE) {
        good =
            fail(error, "%s:%d: %s", path, config_error_line(&parsed), config_error_text(&parsed));
    }
    good = good && take_file(&next, &parsed, path, error);
    config_destroy(&parsed);
    free(text);
    if (good) {
        *c = next;
    }
    return good;
}

/* ---- --set ---- */

bool conf_set(conf *c, const char *assignment, conf_error *error)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = strchr(assignment, '.');
    if (equals == NULL || dot == NULL || dot > equals) {
        return fail(error, "--set %.*s: must look like tier.key=value", VALUE_SHOWN, assignment);
    }
    char group[32], name[32];
    (void)snprintf(group, sizeof group, "%.*s", (int)(dot - assignment), assignment);
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    const conf_key *key = find_key(group, name);
    if (key == NULL) {
        const bool known = group_exists(group);
        char names[256];
        list_names(known ? group : NULL, names, sizeof names);
        return fail(error, "--set %s.%s: no such %s; %s: %s", group, name, known ? "key" : "group",
                    known ? "this group has" : "there are", names);
    }
    return assign_or_explain(c, key, equals + 1, (conf_place){NULL, 0}, error);
}

/* ---- defaults and writing ---- */

void conf_defaults(conf *c)
{
    *c = (conf){.ram.prefault = false};
    for (int i = 0; i < KEY_COUNT; i++) {
        if (!assign(c, &KEYS[i], KEYS[i].initial)) {
            abort(); /* the table contradicts itself; tests/tools/view/test_conf.c sees to it that
                      * it does not */
        }
    }
}

static void write_quoted(const char *text, FILE *out)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', out);
        }
        if ((unsigned char)*text < ' ') {
            (void)fprintf(out, "\\x%02x", (unsigned char)*text);
        } else {
            (void)fputc(*text, out);
        }
    }
    (void)fputc('"', out);
}

/* Writes a size so that it reads back exactly: in the largest unit that divides it. */
static void write_size(uint64_t bytes, FILE *out)
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    (void)fprintf(out, "\"%" PRIu64 " %s\"", bytes, UNITS[unit]);
}

static void write_value(const conf *c, const conf_key *key, FILE *out)
{
    const void *at = (const char *)c + key->offset;
    switch (key->type) {
    case CONF_SIZE:
        write_size(*(const uint64_t *)at, out);
        break;
    case CONF_COUNT:
        (void)fprintf(out, "%" PRIu32, *(const uint32_t *)at);
        break;
    case CONF_REAL:
        /* libconfig takes a number without a point for an integer, and so do we for a real */
        (void)fprintf(out, "%.15g", *(const double *)at);
        break;
    case CONF_BOOL:
        (void)fputs(*(const bool *)at ? "true" : "false", out);
        break;
    case CONF_CHOICE:
        write_quoted(choice_text(key->choices, *(const int *)at), out);
        break;
    case CONF_TEXT:
        write_quoted(at, out);
        break;
    }
}

void conf_write(const conf *c, FILE *out)
{
    const char *group = "";
    for (int i = 0; i < KEY_COUNT; i++) {
        const conf_key *key = &KEYS[i];
        if (strcmp(key->group, group) != 0) {
            (void)fprintf(out, "%s%s:\n{\n", i == 0 ? "" : "};\n\n", key->group);
            group = key->group;
        }
        char range[RANGE_BYTES];
        describe_range(key, range);
        (void)fprintf(out, "    # %s (%s)\n    %s = ", key->meaning, range, key->name);
        write_value(c, key, out);
        (void)fputs(";\n", out);
    }
    (void)fputs("};\n", out);
}

char *conf_to_text(const conf *c)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out != NULL) {
        conf_write(c, out);
        (void)fclose(out);
    }
    return text;
}
