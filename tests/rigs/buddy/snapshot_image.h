/* snapshot_image.h: a saved heap in memory, for tests that spoil one: copied, changed, given right
 * checksums again, and put where it is opened from. */
#ifndef MEGABUDDY_TESTS_SNAPSHOT_IMAGE_H
#define MEGABUDDY_TESTS_SNAPSHOT_IMAGE_H

#include "tests/rigs/buddy/snapshot_rig.h"

#include "buddy/snapshot/crc.h"
#include "buddy/snapshot/private.h"

typedef struct image {
    unsigned char *bytes;
    size_t length;
    format_layout layout;
} image;

static inline image image_copy_of(const image *from)
{
    image copy = *from;
    copy.bytes = malloc(from->length);
    assert_non_null(copy.bytes);
    memcpy(copy.bytes, from->bytes, from->length);
    return copy;
}

static inline void image_drop(image *spoilt)
{
    free(spoilt->bytes);
}

/* Puts `length` bytes of it where they are opened from. */
static inline void image_put_part(const image *spoilt, size_t length)
{
    (void)unlink(rig_path); /* who has the one before mapped keeps it */
    int fd = open(rig_path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    const size_t end_at = (size_t)(spoilt->layout.marks_at + spoilt->layout.marks_bytes);
    size_t front = length < end_at ? length : end_at;
    assert_int_equal(write(fd, spoilt->bytes, front), (ssize_t)front);
    size_t content = (size_t)spoilt->layout.content_at;
    if (length > content) {
        ssize_t rest = (ssize_t)(length - content);
        assert_int_equal(pwrite(fd, spoilt->bytes + content, (size_t)rest, (off_t)content), rest);
    }
    assert_int_equal(ftruncate(fd, (off_t)length), 0);
    close(fd);
}

static inline void image_put(const image *spoilt)
{
    image_put_part(spoilt, spoilt->length);
}

/* Makes the checksums of tables and header right again, and of content where asked to. */
static inline void image_seal(image *spoilt, bool content)
{
    unsigned char *b = spoilt->bytes;
    const format_layout *l = &spoilt->layout;
    for (uint64_t part = 0; content && part < l->parts; part++) {
        format_put32(b + l->parts_at + part * FORMAT_CRC_BYTES,
                     snapshot_crc(0, b + l->content_at + part * FORMAT_PART_BYTES,
                                  format_part_bytes(l, part)));
    }
    format_put32(b + FORMAT_AT_ROOTS_CRC, snapshot_crc(0, b + l->roots_at, (size_t)l->roots_bytes));
    format_put32(b + FORMAT_AT_PARTS_CRC, snapshot_crc(0, b + l->parts_at, (size_t)l->parts_bytes));
    format_put32(b + FORMAT_AT_MARKS_CRC, snapshot_crc(0, b + l->marks_at, (size_t)l->marks_bytes));
    format_seal(b);
}

#endif
