/* log.h: the oldest few lines about what went wrong that nobody has taken yet. Bounded: when it is
 * full new lines are dropped and counted, so a bad disk does not flood it. Threads: the conductor's
 * only. */
#ifndef MEGABUDDY_ENGINE_LOG_H
#define MEGABUDDY_ENGINE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { LOG_LINES = 16, LOG_LINE_BYTES = 256 };

typedef struct log_lines {
    char lines[LOG_LINES][LOG_LINE_BYTES]; /* a ring */
    uint32_t first, count;
    uint64_t dropped;
} log_lines;

void log_add(log_lines *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes the oldest line; false: none. */
bool log_take(log_lines *log, char *line, uint32_t bytes);

#endif
