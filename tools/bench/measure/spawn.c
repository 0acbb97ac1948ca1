/* spawn.c: fork, exec, a pipe. */
#include "tools/bench/measure/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/measure/ticks.h"

#define PATIENCE_MS 120000u /* far more than any trial takes: something hangs */
#define POLL_MS     200     /* a signal may come between the look at the flag and the wait */
#define PATH_BYTES  8192
#define FIRST       3u /* words of the command before the spec */
#define WORDS_MOST  16u
#define SELF        "/proc/self/exe"

_Static_assert(FIRST + TRIAL_ARGUMENTS < WORDS_MOST, "all words of a trial fit");

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void spawn_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = note_interrupt}; /* no SA_RESTART: waits end */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool spawn_interrupted(void)
{
    return interrupted != 0;
}

static bool fail(char cause[FIGURES_CAUSE], const char *what)
{
    (void)snprintf(cause, FIGURES_CAUSE, "%s", what);
    return false;
}

/* ---- the child, until it is the trial ---- */

static void set_preload(const char *preload)
{
    if (preload != NULL) {
        setenv("LD_PRELOAD", preload, 1);
    } else {
        unsetenv("LD_PRELOAD"); /* glibc means glibc */
    }
}

_Noreturn static void become_trial(const char *const words[], const char *preload, bool quiet,
                                   int answer)
{
    char *argv[WORDS_MOST + 2] = {(char *)(uintptr_t)SELF}; /* exec changes none of them */
    for (uint32_t i = 0; i < WORDS_MOST && words[i] != NULL; i++) {
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    int nothing = quiet ? open("/dev/null", O_WRONLY) : -1;
    if (nothing >= 0) {
        dup2(nothing, STDERR_FILENO);
    }
    dup2(answer, STDOUT_FILENO);
    set_preload(preload);
    execv(SELF, argv);
    _exit(127);
}

/* ---- the parent ---- */

/* Reads until the other end closes. False after an interrupt or too long a time. */
static bool read_answer(int from, char line[FIGURES_LINE], char cause[FIGURES_CAUSE])
{
    size_t length = 0;
    uint64_t begin = clock_ns();
    for (;;) {
        struct pollfd wait = {.fd = from, .events = POLLIN};
        int ready = poll(&wait, 1, POLL_MS);
        if (interrupted) {
            return fail(cause, "interrupted");
        }
        if (clock_ns() - begin > PATIENCE_MS * NS_PER_MS) {
            return fail(cause, "did not end");
        }
        ssize_t got = ready > 0 ? read(from, line + length, FIGURES_LINE - 1 - length) : -1;
        if (got == 0) {
            line[length] = '\0';
            return true;
        }
        length += got > 0 ? (size_t)got : 0;
    }
}

/* Waits for its end. Returns its exit code, or -1 with a cause when it was killed. */
static int reap(pid_t child, char cause[FIGURES_CAUSE])
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        (void)snprintf(cause, FIGURES_CAUSE, "was killed by signal %d", WTERMSIG(status));
        return -1;
    }
    return WEXITSTATUS(status);
}

/* A trial that came to a bad end has given no good figures, whatever it wrote. */
static bool hear(pid_t child, int from, figures *out, char cause[FIGURES_CAUSE])
{
    char line[FIGURES_LINE], death[FIGURES_CAUSE];
    if (!read_answer(from, line, cause)) {
        kill(child, SIGKILL);
        (void)reap(child, death);
        return false;
    }
    int code = reap(child, cause);
    if (code < 0 || !figures_parse(line, out, cause)) {
        return false;
    }
    if (code > 0) {
        (void)snprintf(cause, FIGURES_CAUSE, "ended with exit code %d", code);
    }
    return code == 0;
}

bool spawn_words(const char *const words[], const char *preload, bool quiet, figures *out,
                 char cause[FIGURES_CAUSE])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail(cause, strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        become_trial(words, preload, quiet, ends[1]);
    }
    int reason = errno;
    close(ends[1]);
    bool good = child > 0 ? hear(child, ends[0], out, cause) : fail(cause, strerror(reason));
    close(ends[0]);
    return good;
}

bool spawn_trial(const trial_spec *spec, const char *preload, bool quiet, figures *out,
                 char cause[FIGURES_CAUSE])
{
    char texts[TRIAL_ARGUMENTS][TRIAL_TEXT];
    const char *words[FIRST + TRIAL_ARGUMENTS + 1] = {"bench", "alloc", TRIAL_OPTION};
    trial_format(spec, texts);
    for (uint32_t i = 0; i < TRIAL_ARGUMENTS; i++) {
        words[FIRST + i] = texts[i];
    }
    return spawn_words(words, preload, quiet, out, cause);
}

/* Ours lies beside this program in a build folder, or in a lib folder where it was installed. NULL:
 * neither. */
static const char *find_ours(const char *name)
{
    static const char *const PLACES[] = {"buddy/", "../lib/", "../lib/x86_64-linux-gnu/",
                                         "../lib/aarch64-linux-gnu/"};
    static char path[PATH_BYTES];
    char self[PATH_BYTES / 2];
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) {
        return NULL;
    }
    self[length] = '\0';
    *(strrchr(self, '/') + 1) = '\0';
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s%s", self, PLACES[i], name);
        if (access(path, R_OK) == 0) {
            return path;
        }
    }
    return NULL;
}

const char *spawn_library(const subject *who)
{
    trial_spec probe = {.name = TRIAL_PROBE, .subject = who->name, .threads = 1};
    for (uint32_t i = 0; i < 2 && who->libraries[i] != NULL; i++) {
        const char *library = who->is_ours ? find_ours(who->libraries[i]) : who->libraries[i];
        figures none;
        char cause[FIGURES_CAUSE];
        if (library != NULL && spawn_trial(&probe, library, true, &none, cause)) {
            return library;
        }
    }
    return NULL;
}
