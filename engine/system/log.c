/* log.c: see log.h. */
#include "engine/system/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_add(log_lines *log, const char *format, ...)
{
    if (log->count == LOG_LINES) {
        log->dropped++;
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(log->lines[(log->first + log->count) % LOG_LINES], LOG_LINE_BYTES, format, arguments);
    va_end(arguments);
    log->count++;
}

bool log_take(log_lines *log, char *line, uint32_t bytes)
{
    if (log->count == 0) {
        return false;
    }
    snprintf(line, bytes, "%s", log->lines[log->first]);
    log->first = (log->first + 1) % LOG_LINES;
    log->count--;
    return true;
}
