/* about.c: asks the system. */
#include "tools/bench/about.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* A debug build measures its assertions. */
#ifdef NDEBUG
#define BUILD ""
#else
#define BUILD ", with assertions"
#endif

/* What /proc/cpuinfo calls it; empty where it says nothing. */
static void read_cpu(char *out, size_t bytes)
{
    char line[256];
    FILE *in = fopen("/proc/cpuinfo", "r");
    out[0] = '\0';
    while (in != NULL && out[0] == '\0' && fgets(line, sizeof line, in) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon != NULL && strncmp(line, "model name", 10) == 0) {
            (void)snprintf(out, bytes, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        }
    }
    if (in != NULL) {
        fclose(in);
    }
}

static void join(char *out, size_t bytes, int argc, char *const argv[])
{
    size_t length = (size_t)snprintf(out, bytes, "megabuddy bench");
    for (int i = 0; i < argc && length < bytes; i++) {
        length += (size_t)snprintf(out + length, bytes - length, " %s", argv[i]);
    }
}

void about_machine(bench_about *out, int argc, char *const argv[])
{
    struct utsname system = {.sysname = ""};
    time_t now = time(NULL);
    struct tm day;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    *out = (bench_about){.cpus = cpus > 0 ? (uint32_t)cpus : 1, .compiler = COMPILER BUILD};
    read_cpu(out->cpu, sizeof out->cpu);
    uname(&system);
    (void)snprintf(out->kernel, sizeof out->kernel, "%.50s %.64s", system.sysname, system.release);
    strftime(out->date, sizeof out->date, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &day));
    join(out->argv, sizeof out->argv, argc, argv);
}

void about_print(const bench_about *about)
{
    printf("%s, %" PRIu32 " processors, %s, %s\n", about->cpu, about->cpus, about->kernel,
           about->compiler);
}
