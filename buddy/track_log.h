/* track_log.h: the log that a track writes, and its reader.
 *
 *     "buddylog" 01                         the name and the version
 *     head | fields                         a record, and so on
 *       head    thread << 2 | operation
 *       ALLOC   0: block, bytes, time
 *       FREE    1: block, time
 *       REALLOC 2: block, bytes, time       it may have moved; it stays the same block
 *       END     3: records before this one  the last thing in the file; thread is 0
 *
 * Every head and field is a number in base 128: seven bits a byte, lowest first, the top bit set in
 * all bytes but the last, ten bytes at most. Threads count from 1. A block's number, from 1, is
 * used again once it is free, so numbers stay as small as there are live blocks. Bytes are as asked
 * for; what a block was aligned to is not told. Time is in nanoseconds since the record before.
 * Records are in an order in which it all could have happened one after another.
 *
 * A process that was killed leaves a log without END: the reader then says so at its end.
 *
 * Reading: one thread, from memory, nothing allocated. */
#ifndef BUDDY_TRACK_LOG_H
#define BUDDY_TRACK_LOG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define BUDDY_TRACK_LOG_MAGIC       "buddylog\x01"
#define BUDDY_TRACK_LOG_MAGIC_BYTES 9u

/* X(name, text): how a step of the reader can end. */
#define BUDDY_TRACK_LOG_STATUSES(X)                                         \
    X(BUDDY_TRACK_LOG_OK, "a record was read")                              \
    X(BUDDY_TRACK_LOG_DONE, "the log has ended")                            \
    X(BUDDY_TRACK_LOG_FOREIGN, "is not a log of this version")              \
    X(BUDDY_TRACK_LOG_TRUNCATED, "is cut off: it has no end")               \
    X(BUDDY_TRACK_LOG_BAD_NUMBER, "has a number of more than 64 bits")      \
    X(BUDDY_TRACK_LOG_BAD_RECORD, "has a thread or a block that cannot be") \
    X(BUDDY_TRACK_LOG_BAD_END, "has an end that does not fit what is before")

#define X(name, text) name,
typedef enum buddy_track_log_status { BUDDY_TRACK_LOG_STATUSES(X) } buddy_track_log_status;
#undef X

typedef enum buddy_track_operation {
    BUDDY_TRACK_OP_ALLOC = 0,
    BUDDY_TRACK_OP_FREE,
    BUDDY_TRACK_OP_REALLOC,
    BUDDY_TRACK_OP_END
} buddy_track_operation;

typedef struct buddy_track_event {
    buddy_track_operation operation; /* never BUDDY_TRACK_OP_END */
    uint32_t thread;                 /* from 1 */
    uint32_t block;                  /* from 1 */
    uint64_t bytes;                  /* 0 for a free */
    uint64_t time_ns;                /* since the log began */
} buddy_track_event;

typedef struct buddy_track_log_reader {
    const uint8_t *at, *end;
    uint64_t records, time_ns;
} buddy_track_log_reader;

/* Begins to read `bytes` bytes at `data`. BUDDY_TRACK_LOG_OK, BUDDY_TRACK_LOG_FOREIGN or
 * BUDDY_TRACK_LOG_TRUNCATED. */
buddy_track_log_status buddy_track_log_begin(buddy_track_log_reader *r, const void *data,
                                             size_t bytes);

/* The next record: BUDDY_TRACK_LOG_OK. Any other answer is the last one. Whether a block that is
 * freed was ever allocated is not looked at. */
buddy_track_log_status buddy_track_log_next(buddy_track_log_reader *r, buddy_track_event *out);

const char *buddy_track_log_status_text(buddy_track_log_status status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
