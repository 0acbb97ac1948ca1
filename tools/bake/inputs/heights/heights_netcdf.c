/* heights_netcdf.c: a file's rows may run from either pole, and its longitudes may begin anywhere.
 * Its coordinates tell, and rows and columns are put in the order of heights.h. */
#include "tools/bake/inputs/heights/heightsink.h"
#include "tools/bake/inputs/heights/netcdf_header.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of rows that are read together: libnetcdf unpacks a packed chunk anew for each read. */
#define READ_BYTES (16 << 20)

typedef struct netcdf_layout {
    int variable; /* -1: none */
    uint64_t width, height;
    bool south_first;
    uint32_t shift;      /* columns from -180 degrees to the file's first, eastward */
    float missing[2];    /* stored values that mean no height; NaN: there is none */
    float scale, offset; /* metres are scale * what is stored + offset */
} netcdf_layout;

/* The first two values of a dimension's coordinates. false: it has none. */
static bool read_axis(int file, int dimension, double out[2])
{
    char name[NC_MAX_NAME + 1];
    size_t length = 0;
    int variable = 0, dimensions = 0, of = 0;
    const size_t start = 0, count = 2;
    return nc_inq_dim(file, dimension, name, &length) == NC_NOERR && length >= 2 &&
           nc_inq_varid(file, name, &variable) == NC_NOERR &&
           nc_inq_varndims(file, variable, &dimensions) == NC_NOERR && dimensions == 1 &&
           nc_inq_vardimid(file, variable, &of) == NC_NOERR && of == dimension &&
           nc_get_vara_double(file, variable, &start, &count, out) == NC_NOERR;
}

/* Takes a variable if it has two dimensions and is the largest so far. */
static void look_at(int file, int variable, netcdf_layout *out)
{
    int dimensions = 0, ids[NC_MAX_VAR_DIMS];
    size_t height = 0, width = 0;
    nc_type type = NC_NAT;
    if (nc_inq_var(file, variable, NULL, &type, &dimensions, ids, NULL) != NC_NOERR ||
        dimensions != 2 || type < NC_BYTE || type > NC_UINT64 || type == NC_CHAR ||
        nc_inq_dimlen(file, ids[0], &height) != NC_NOERR ||
        nc_inq_dimlen(file, ids[1], &width) != NC_NOERR) {
        return;
    }
    if ((double)width * (double)height > (double)out->width * (double)out->height) {
        out->variable = variable;
        out->height = height;
        out->width = width;
    }
}

/* An attribute that is one number. */
static bool read_number(int file, int variable, const char *name, float *out)
{
    size_t length = 0;
    return nc_inq_attlen(file, variable, name, &length) == NC_NOERR && length == 1 &&
           nc_get_att_float(file, variable, name, out) == NC_NOERR;
}

/* Reads what the variable's numbers mean. Without a _FillValue, values that were never written are
 * the format's own fill value; that of the types other than short is beyond all heights anyway. */
static void read_meaning(int file, netcdf_layout *at)
{
    nc_type type = NC_NAT;
    at->scale = 1;
    at->offset = 0;
    at->missing[0] = at->missing[1] = NAN;
    read_number(file, at->variable, "scale_factor", &at->scale);
    read_number(file, at->variable, "add_offset", &at->offset);
    read_number(file, at->variable, "missing_value", &at->missing[1]);
    if (!read_number(file, at->variable, "_FillValue", &at->missing[0]) &&
        nc_inq_vartype(file, at->variable, &type) == NC_NOERR && type == NC_SHORT) {
        at->missing[0] = NC_FILL_SHORT;
    }
}

/* Reads how the variable lies on the globe. */
static void orient(int file, netcdf_layout *at)
{
    int ids[2];
    double x[2], y[2];
    if (nc_inq_vardimid(file, at->variable, ids) != NC_NOERR) {
        return;
    }
    at->south_first = read_axis(file, ids[0], y) && y[1] > y[0];
    if (!read_axis(file, ids[1], x)) {
        return;
    }
    const double columns = (double)at->width;
    const double column = (x[0] + 180) * columns / 360; /* of the file's first */
    if (fabs((x[1] - x[0]) * columns - 360) < 0.5 && column > -1 && column < 2 * columns) {
        at->shift = (uint32_t)((uint64_t)(column + 0.5) % at->width);
    }
}

static void put_row(const netcdf_layout *at, const float *row, float *turned, heightsink *sink)
{
    for (uint32_t x = 0; x < sink->width; x++) {
        const bool is_void = row[x] == at->missing[0] || row[x] == at->missing[1];
        turned[(x + at->shift) % sink->width] = is_void ? NAN : row[x] * at->scale + at->offset;
    }
    heightsink_row(sink, turned);
}

/* Gives the sink its next `count` rows: from the file's end backwards if the south comes first,
 * else from where the last ended. */
static bool read_some(int file, const netcdf_layout *at, uint32_t count, float *rows,
                      heightsink *sink)
{
    const uint32_t next = sink->next;
    const size_t start[2] = {at->south_first ? sink->height - next - count : next, 0};
    const size_t counts[2] = {count, sink->width};
    const int status = nc_get_vara_float(file, at->variable, start, counts, rows);
    if (status != NC_NOERR && status != NC_ERANGE) { /* too large for a float: no height */
        return false;
    }
    float *turned = rows + (size_t)count * sink->width;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t row = at->south_first ? count - 1 - i : i;
        put_row(at, rows + (size_t)row * sink->width, turned, sink);
    }
    return true;
}

static const char *read_rows(int file, const netcdf_layout *at, heightsink *sink)
{
    const uint32_t fit = READ_BYTES / (uint32_t)(sink->width * sizeof(float));
    const uint32_t most = fit < sink->height ? fit : sink->height;
    float *rows = malloc((size_t)(most + 1) * sink->width * sizeof *rows);
    const char *wrong = rows == NULL ? "needs more memory than there is" : NULL;
    while (wrong == NULL && sink->next < sink->height) {
        const uint32_t left = sink->height - sink->next;
        if (!read_some(file, at, left < most ? left : most, rows, sink)) {
            wrong = "could not be read: damaged";
        }
    }
    free(rows);
    return wrong;
}

static bool load(int file, heightsink *sink, char *why, size_t why_bytes)
{
    netcdf_layout at = {.variable = -1};
    int variables = 0;
    nc_inq_nvars(file, &variables);
    for (int i = 0; i < variables; i++) {
        look_at(file, i, &at);
    }
    if (at.variable < 0) {
        snprintf(why, why_bytes, "holds no numbers of two dimensions");
        return false;
    }
    const uint32_t width = at.width > UINT32_MAX ? UINT32_MAX : (uint32_t)at.width;
    const uint32_t height = at.height > UINT32_MAX ? UINT32_MAX : (uint32_t)at.height;
    if (!heightsink_begin(sink, width, height, why, why_bytes)) {
        return false;
    }
    orient(file, &at);
    read_meaning(file, &at);
    const char *wrong = read_rows(file, &at, sink);
    if (wrong != NULL) {
        snprintf(why, why_bytes, "%s", wrong);
    }
    return wrong == NULL;
}

bool heights_from_netcdf(const char *path, heightsink *sink, char *why, size_t why_bytes)
{
    int file = 0;
    /* also keeps libnetcdf from taking the name for an address on the net */
    if (!netcdf_header_check(path, why, why_bytes)) {
        return false;
    }
    const int status = nc_open(path, NC_NOWRITE, &file);
    if (status != NC_NOERR) {
        snprintf(why, why_bytes, "%s",
                 status > 0 ? strerror(status) : "is not a netCDF file, or a damaged one");
        return false;
    }
    const bool done = load(file, sink, why, why_bytes);
    nc_close(file);
    return done;
}
