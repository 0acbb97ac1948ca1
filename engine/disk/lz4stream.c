/* lz4stream.c: see lz4stream.h. An LZ4 block is a list of sequences: literals, bytes as they are,
 * then a match, bytes that stood up to 64 KiB before. Either is copied as far as the window has
 * room, and the rest of it later, so a state machine remembers where it stopped:
 *
 *     ┌─▶ AT_TOKEN ──▶ IN_LITERALS ──▶ BEHIND_LITERALS ──▶ IN_MATCH ─┐
 *     │                                 │ no bytes left: the end     │
 *     └──────────────────────────────────────────────────────────────┘
 *     any state ──▶ DAMAGED, for good: bytes are missing, or a match reaches back too far */
#include "engine/disk/lz4stream.h"

#include <stdlib.h>
#include <string.h>

enum {
    STORED_BYTES = 256 << 10, /* read at once */
    REACH = 1 << 16,          /* of a match */
    WINDOW_BYTES = 4 * REACH,
    LEAST_MATCH = 4, /* what a match's length 0 stands for */
    MANY = 15,       /* a length in a token that goes on in bytes */
};

typedef enum lz4stream_state {
    AT_TOKEN = 0,
    IN_LITERALS,
    BEHIND_LITERALS, /* the block ends here, or a match follows */
    IN_MATCH,
    DAMAGED,
} lz4stream_state;

/* given <= filled <= WINDOW_BYTES; at <= stored_bytes. */
struct lz4stream {
    lz4stream_from *from;
    void *context;
    lz4stream_state state;
    uint8_t token;
    uint64_t left;   /* bytes of the literals or of the match that are to be copied */
    uint32_t offset; /* of the match: how far back */
    size_t at, stored_bytes;
    size_t given, filled; /* in the window: what the caller has, and what there is */
    uint8_t stored[STORED_BYTES];
    uint8_t window[WINDOW_BYTES];
};

lz4stream *lz4stream_create(lz4stream_from *from, void *context)
{
    lz4stream *s = malloc(sizeof *s);
    if (s != NULL) {
        s->from = from;
        s->context = context;
        s->state = AT_TOKEN;
        s->at = s->stored_bytes = s->given = s->filled = 0;
    }
    return s;
}

void lz4stream_destroy(lz4stream *s)
{
    free(s);
}

/* ---- stored bytes ---- */

static bool has_stored(lz4stream *s)
{
    if (s->at == s->stored_bytes) {
        s->at = 0;
        s->stored_bytes = s->from(s->context, s->stored, sizeof s->stored);
    }
    return s->at < s->stored_bytes;
}

/* Takes the next stored byte. Where there is none the block is damaged. */
static uint8_t take_byte(lz4stream *s)
{
    if (!has_stored(s)) {
        s->state = DAMAGED;
        return 0;
    }
    return s->stored[s->at++];
}

/* Reads the rest of a length whose first four bits are `first`. */
static uint64_t take_length(lz4stream *s, uint32_t first)
{
    uint64_t length = first;
    uint8_t more = first == MANY ? 255 : 0;
    while (more == 255 && s->state != DAMAGED) {
        more = take_byte(s);
        length += more;
    }
    return length;
}

/* ---- sequences ---- */

static void enter(lz4stream *s, lz4stream_state next)
{
    if (s->state != DAMAGED) {
        s->state = next;
    }
}

static void begin_literals(lz4stream *s)
{
    s->token = take_byte(s);
    s->left = take_length(s, s->token >> 4);
    enter(s, IN_LITERALS);
}

static void begin_match(lz4stream *s)
{
    s->offset = take_byte(s);
    s->offset |= (uint32_t)take_byte(s) << 8;
    s->left = take_length(s, s->token & 15) + LEAST_MATCH;
    enter(s, s->offset > 0 && s->offset <= s->filled ? IN_MATCH : DAMAGED);
}

static size_t smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static void copy_literals(lz4stream *s)
{
    if (s->left > 0 && !has_stored(s)) {
        s->state = DAMAGED;
        return;
    }
    const size_t bytes =
        smaller(s->left, smaller(WINDOW_BYTES - s->filled, s->stored_bytes - s->at));
    memcpy(s->window + s->filled, s->stored + s->at, bytes);
    s->at += bytes;
    s->filled += bytes;
    s->left -= bytes;
    if (s->left == 0) {
        s->state = BEHIND_LITERALS;
    }
}

/* Copies a match. It may overlap what it is copied to, and then repeats itself: each copy doubles
 * what there is to copy from. */
static void copy_match(lz4stream *s)
{
    const size_t from = s->filled - s->offset;
    size_t rest = smaller(s->left, WINDOW_BYTES - s->filled);
    s->left -= rest;
    while (rest > 0) {
        const size_t bytes = smaller(rest, s->filled - from);
        memcpy(s->window + s->filled, s->window + from, bytes);
        s->filled += bytes;
        rest -= bytes;
    }
    if (s->left == 0) {
        s->state = AT_TOKEN;
    }
}

static void step(lz4stream *s)
{
    switch (s->state) {
    case AT_TOKEN:
        begin_literals(s);
        break;
    case IN_LITERALS:
        copy_literals(s);
        break;
    case BEHIND_LITERALS:
        begin_match(s);
        break;
    case IN_MATCH:
        copy_match(s);
        break;
    case DAMAGED:
        break;
    }
}

/* Empties the window, all of which the caller has, but for the last 64 KiB, which a match may
 * reach. */
static void make_room(lz4stream *s)
{
    if (s->filled > REACH) {
        memmove(s->window, s->window + s->filled - REACH, REACH);
        s->filled = s->given = REACH;
    }
}

/* ---- for the caller ---- */

bool lz4stream_read(lz4stream *s, void *out, size_t bytes)
{
    uint8_t *at = out;
    while (bytes > 0) {
        if (s->given == s->filled && s->filled == WINDOW_BYTES) {
            make_room(s);
        }
        while (s->filled < WINDOW_BYTES && s->filled - s->given < bytes && s->state != DAMAGED) {
            step(s);
        }
        const size_t part = smaller(bytes, s->filled - s->given);
        if (part == 0) {
            return false;
        }
        memcpy(at, s->window + s->given, part);
        s->given += part;
        at += part;
        bytes -= part;
    }
    return true;
}

bool lz4stream_ends(lz4stream *s)
{
    while (s->state == IN_LITERALS && s->left == 0) {
        step(s);
    }
    if (s->state == AT_TOKEN && s->given == s->filled) {
        step(s); /* the last sequence may be empty */
        return s->state == IN_LITERALS && s->left == 0 && !has_stored(s);
    }
    return s->state == BEHIND_LITERALS && s->given == s->filled && !has_stored(s);
}
