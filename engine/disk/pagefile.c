/* pagefile.c: reading a .mega page file. The bytes are described in pagefile_format.h.
 *
 *     open ── header: magic, version, crc, every field ── index: bounds, crc ── ready
 *     find ── entry: bounds, codec                                       read ── pread, crc
 *
 * Nothing that the file says is used before it was checked, so a truncated or hostile file ends in
 * a status. The index is read into memory and not mapped: a mapping would end the program with
 * SIGBUS when somebody truncates the file meanwhile, and its pages count against the RAM budget
 * anyway. */
#include "engine/disk/pagefile.h"

#include "engine/disk/lz4stream.h"
#include "engine/disk/pagefile_format.h"
#include "engine/files/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Constant after open. */
struct pagefile {
    int fd;
    vt_info info;
    uint32_t first_page[VT_MAX_MIPS]; /* of each mip, in the index */
    uint64_t index_offset;
    uint64_t heights_offset, heights_bytes;
    uint32_t heights_crc, index_crc;
    uint8_t *index; /* info.index_bytes, as in the file */
};

const char *pagefile_status_text(pagefile_status status)
{
#define X(name, text) [name] = text,
    static const char *const TEXTS[] = {PAGEFILE_STATUSES(X)};
#undef X
    const size_t at = (size_t)status;
    return at < sizeof TEXTS / sizeof TEXTS[0] ? TEXTS[at] : "failed in an unknown way";
}

/* Whether [offset, offset + bytes) lies within `limit` and behind the header. */
static bool range_is_inside(uint64_t offset, uint64_t bytes, uint64_t limit)
{
    return offset >= PAGEFILE_HEADER_BYTES && offset <= limit && bytes <= limit - offset;
}

/* Reads exactly `bytes` at `offset`. */
static pagefile_status read_at(int fd, void *buffer, size_t bytes, uint64_t offset)
{
    uint8_t *at = buffer;
    while (bytes > 0) {
        const ssize_t got = pread(fd, at, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return PAGEFILE_READ_FAILED;
        }
        if (got == 0) {
            return PAGEFILE_TRUNCATED;
        }
        at += got;
        offset += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return PAGEFILE_OK;
}

static bool parse_layer(const uint8_t *at, uint32_t version, vt_layer *layer)
{
    const uint32_t format = format_get32(at), flags = format_get32(at + 4);
    layer->format = (vt_texel_format)format;
    layer->srgb = (flags & PAGEFILE_FLAG_SRGB) != 0;
    layer->lossy = (flags & PAGEFILE_FLAG_LOSSY) != 0 && version > 1;
    memcpy(layer->name, at + 8, VT_NAME_BYTES);
    return texel_page_bytes(layer->format) != 0 && (version > 1 || format <= VT_TEXEL_BC5) &&
           memchr(layer->name, 0, VT_NAME_BYTES) != NULL;
}

static bool parse_layers(const uint8_t *header, vt_info *info)
{
    info->layer_count = format_get32(header + PAGEFILE_AT_LAYERS);
    if (info->layer_count < 1 || info->layer_count > VT_MAX_LAYERS) {
        return false;
    }
    for (uint32_t i = 0; i < info->layer_count; i++) {
        const uint8_t *at = header + PAGEFILE_AT_LAYER + i * PAGEFILE_LAYER_BYTES;
        if (!parse_layer(at, info->version, &info->layers[i])) {
            return false;
        }
    }
    return true;
}

static bool parse_shape(const uint8_t *header, vt_info *info)
{
    const uint32_t kind = format_get32(header + PAGEFILE_AT_KIND);
    info->kind = (vt_kind)kind;
    info->wrap_x = (format_get32(header + PAGEFILE_AT_FLAGS) & PAGEFILE_FLAG_WRAP_X) != 0;
    return (kind == VT_PICTURE || kind == VT_TERRAIN) &&
           page_shape_make(format_get32(header + PAGEFILE_AT_WIDTH),
                           format_get32(header + PAGEFILE_AT_HEIGHT),
                           format_get32(header + PAGEFILE_AT_BORDER), &info->shape) &&
           info->shape.mips == format_get32(header + PAGEFILE_AT_MIPS);
}

/* Checks that the heights lie inside the file, and are no larger than LZ4 could have made of what
 * is stored. That may be 255 times as much, so a header's word is no reason to allocate them
 * whole. */
static bool parse_heights(const uint8_t *header, pagefile *file)
{
    vt_info *info = &file->info;
    info->heights_width = format_get32(header + PAGEFILE_AT_HEIGHTS_WIDTH);
    info->heights_height = format_get32(header + PAGEFILE_AT_HEIGHTS_HEIGHT);
    file->heights_crc = format_get32(header + PAGEFILE_AT_HEIGHTS_CRC);
    file->heights_offset = format_get64(header + PAGEFILE_AT_HEIGHTS_OFFSET);
    file->heights_bytes = format_get64(header + PAGEFILE_AT_HEIGHTS_BYTES);
    if (info->heights_width == 0 && info->heights_height == 0) {
        return file->heights_bytes == 0;
    }
    const uint64_t raw = (uint64_t)info->heights_width * info->heights_height * sizeof(int16_t);
    return info->heights_width > 0 && info->heights_width <= PAGEFILE_MAX_HEIGHTS &&
           info->heights_height > 0 && info->heights_height <= PAGEFILE_MAX_HEIGHTS &&
           file->heights_bytes > 0 && file->heights_bytes <= INT32_MAX && raw <= INT32_MAX &&
           raw / 256 <= file->heights_bytes && /* LZ4 packs at most 255 to 1 */
           range_is_inside(file->heights_offset, file->heights_bytes, info->file_bytes);
}

static bool parse_index_place(const uint8_t *header, pagefile *file)
{
    vt_info *info = &file->info;
    info->index_bytes = format_get64(header + PAGEFILE_AT_INDEX_BYTES);
    info->identity = format_header_crc(header);
    file->index_offset = format_get64(header + PAGEFILE_AT_INDEX_OFFSET);
    file->index_crc = format_get32(header + PAGEFILE_AT_INDEX_CRC);
    const uint64_t entries = (uint64_t)page_count(&info->shape) * info->layer_count;
    return info->index_bytes == entries * PAGEFILE_ENTRY_BYTES &&
           range_is_inside(file->index_offset, info->index_bytes, info->file_bytes);
}

/* Reads and checks the header. The order matters for messages: a file that is none of ours must not
 * be called damaged. */
static pagefile_status read_header(pagefile *file, uint64_t actual_bytes)
{
    uint8_t header[PAGEFILE_HEADER_BYTES];
    if (actual_bytes < sizeof header) {
        return PAGEFILE_TOO_SHORT;
    }
    const pagefile_status status = read_at(file->fd, header, sizeof header, 0);
    if (status != PAGEFILE_OK) {
        return status;
    }
    if (memcmp(header, PAGEFILE_MAGIC, PAGEFILE_MAGIC_BYTES) != 0) {
        return PAGEFILE_NOT_OURS;
    }
    file->info.version = format_get32(header + PAGEFILE_AT_VERSION);
    if (file->info.version < 1 || file->info.version > PAGEFILE_VERSION) {
        return PAGEFILE_BAD_VERSION;
    }
    if (format_get32(header + PAGEFILE_AT_CRC) != format_header_crc(header)) {
        return PAGEFILE_BAD_HEADER;
    }
    file->info.file_bytes = format_get64(header + PAGEFILE_AT_FILE_BYTES);
    if (file->info.file_bytes > actual_bytes) {
        return PAGEFILE_TRUNCATED;
    }
    if (!parse_shape(header, &file->info) || !parse_layers(header, &file->info) ||
        !parse_index_place(header, file) || !parse_heights(header, file)) {
        return PAGEFILE_BAD_HEADER;
    }
    return PAGEFILE_OK;
}

static pagefile_status read_index(pagefile *file)
{
    const size_t bytes = (size_t)file->info.index_bytes;
    file->index = malloc(bytes);
    if (file->index == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    const pagefile_status status = read_at(file->fd, file->index, bytes, file->index_offset);
    if (status != PAGEFILE_OK) {
        return status;
    }
    if (crc32c(0, file->index, bytes) != file->index_crc) {
        return PAGEFILE_BAD_INDEX;
    }
    for (uint32_t mip = 0; mip < file->info.shape.mips; mip++) {
        file->first_page[mip] = format_first_page(&file->info.shape, mip);
    }
    return PAGEFILE_OK;
}

/* Opens and checks the file; the index is read only if it fits into most_bytes. */
static pagefile_status open_checked(pagefile *file, const char *path, uint64_t most_bytes)
{
    struct stat st;
    file->fd = regular_fd(path, &st);
    if (file->fd < 0) {
        return errno == ENOTSUP || errno == EISDIR ? PAGEFILE_NOT_A_FILE : PAGEFILE_CANNOT_OPEN;
    }
    pagefile_status status = read_header(file, (uint64_t)st.st_size);
    if (status == PAGEFILE_OK) {
        status =
            pagefile_memory_bytes(file) <= most_bytes ? read_index(file) : PAGEFILE_LARGE_INDEX;
    }
    /* Pages are read here and there, and readahead would read megabytes for each. Only a hint. */
    (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_RANDOM);
    return status;
}

pagefile_status pagefile_open(const char *path, pagefile **out)
{
    return pagefile_open_within(path, UINT64_MAX, out);
}

pagefile_status pagefile_open_within(const char *path, uint64_t most_bytes, pagefile **out)
{
    *out = NULL;
    pagefile *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    const pagefile_status status = open_checked(file, path, most_bytes);
    if (status != PAGEFILE_OK) {
        const int why = errno;
        pagefile_close(file);
        errno = why;
        return status;
    }
    *out = file;
    return PAGEFILE_OK;
}

void pagefile_close(pagefile *file)
{
    if (file == NULL) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->index);
    free(file);
}

const vt_info *pagefile_get_info(const pagefile *file)
{
    return &file->info;
}

size_t pagefile_memory_bytes(const pagefile *file)
{
    return sizeof *file + (size_t)file->info.index_bytes;
}

/* Whether layers of `format` may be stored so in files of this version. */
static bool has_codec(uint32_t version, vt_texel_format format, uint32_t codec)
{
    switch (codec) {
    case PAGE_STORED:
    case PAGE_LZ4:
        return true;
    case PAGE_ZSTD:
        return version > 1;
    case PAGE_JPEG:
        return version > 1 && format == VT_TEXEL_RGBA8;
    default:
        return false;
    }
}

/* The index is verified as a whole at opening; an entry is checked for sense when it is looked up,
 * since a right checksum does not make it so. */
pagefile_status pagefile_find(const pagefile *file, vt_page p, uint32_t layer, pagefile_entry *out)
{
    const vt_info *info = &file->info;
    if (!page_exists(&info->shape, p) || layer >= info->layer_count) {
        return PAGEFILE_NO_PAGE;
    }
    const uint64_t page =
        file->first_page[p.mip] + (uint64_t)p.y * page_columns(&info->shape, p.mip) + p.x;
    const uint8_t *at = file->index + (page * info->layer_count + layer) * PAGEFILE_ENTRY_BYTES;
    const uint32_t codec = format_get32(at + 16);
    *out = (pagefile_entry){
        .offset = format_get64(at),
        .bytes = format_get32(at + 8),
        .checksum = format_get32(at + 12),
        .codec = (page_codec)codec,
    };
    const bool good = out->bytes > 0 && out->bytes <= TEXEL_PAGE_MAX_BYTES &&
                      has_codec(info->version, info->layers[layer].format, codec) &&
                      range_is_inside(out->offset, out->bytes, info->file_bytes);
    return good ? PAGEFILE_OK : PAGEFILE_BAD_INDEX;
}

int pagefile_descriptor(const pagefile *file)
{
    return file->fd;
}

bool pagefile_is_intact(const pagefile_entry *entry, const void *stored)
{
    return crc32c(0, stored, entry->bytes) == entry->checksum;
}

pagefile_status pagefile_read(const pagefile *file, const pagefile_entry *entry, void *buffer)
{
    const pagefile_status status = read_at(file->fd, buffer, entry->bytes, entry->offset);
    if (status != PAGEFILE_OK) {
        return status;
    }
    return pagefile_is_intact(entry, buffer) ? PAGEFILE_OK : PAGEFILE_BAD_CHECKSUM;
}

/* The heights on their way from the file to the unpacker. */
typedef struct heights_source {
    const pagefile *file;
    uint64_t at; /* bytes of them that were read */
    uint32_t crc;
    pagefile_status status;
} heights_source;

static size_t read_stored_heights(void *context, void *buffer, size_t room)
{
    heights_source *source = context;
    const uint64_t left = source->file->heights_bytes - source->at;
    const size_t bytes = left < room ? (size_t)left : room;
    if (bytes == 0 || source->status != PAGEFILE_OK) {
        return 0;
    }
    source->status =
        read_at(source->file->fd, buffer, bytes, source->file->heights_offset + source->at);
    if (source->status != PAGEFILE_OK) {
        return 0;
    }
    source->crc = crc32c(source->crc, buffer, bytes);
    source->at += bytes;
    return bytes;
}

static void swap_row(int16_t *row, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) { /* in place, into this machine's order */
        const uint8_t *at = (const uint8_t *)&row[i];
        row[i] = (int16_t)(uint16_t)(at[0] | at[1] << 8);
    }
}

/* The result of unpacking the heights. If the bytes are not those that were written, that is the
 * reason to give, whatever the unpacker made of them; so the rest of them is read too. */
static pagefile_status judge_heights(heights_source *source, bool unpacked)
{
    uint8_t rest[4096];
    while (read_stored_heights(source, rest, sizeof rest) > 0) {
    }
    if (source->status != PAGEFILE_OK) {
        return source->status;
    }
    if (source->crc != source->file->heights_crc) {
        return PAGEFILE_BAD_CHECKSUM;
    }
    return unpacked ? PAGEFILE_OK : PAGEFILE_BAD_PAGE;
}

/* Unpacks the heights row by row. A row is given to `take` before the checksum of all is known,
 * which is why callers may use rows only after success. */
static pagefile_status scan_heights(const pagefile *file, int16_t *row, pagefile_take_row *take,
                                    void *context)
{
    const vt_info *info = &file->info;
    heights_source source = {.file = file, .crc = 0, .status = PAGEFILE_OK};
    lz4stream *unpacked = lz4stream_create(read_stored_heights, &source);
    if (unpacked == NULL) {
        return PAGEFILE_NO_MEMORY;
    }
    bool good = true;
    for (uint32_t y = 0; y < info->heights_height && good; y++) {
        good = lz4stream_read(unpacked, row, info->heights_width * sizeof *row);
        if (good && take != NULL) {
            swap_row(row, info->heights_width);
            take(context, y, row);
        }
    }
    good = good && lz4stream_ends(unpacked);
    lz4stream_destroy(unpacked);
    return judge_heights(&source, good);
}

pagefile_status pagefile_scan_heights(const pagefile *file, pagefile_take_row *take, void *context)
{
    if (file->info.heights_width == 0) {
        return PAGEFILE_NO_PAGE;
    }
    int16_t *row = malloc(file->info.heights_width * sizeof *row);
    const pagefile_status status =
        row != NULL ? scan_heights(file, row, take, context) : PAGEFILE_NO_MEMORY;
    free(row);
    return status;
}
