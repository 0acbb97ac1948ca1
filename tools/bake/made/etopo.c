/* etopo.c: the file's rows may run from either pole, and its longitudes begin at 0. Its coordinates
 * tell, and rows and columns are put in the order of etopo.h. */
#include "tools/bake/made/etopo.h"

#include "tools/bake/inputs/heights/netcdf_header.h"

#include <errno.h>
#include <netcdf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* How the heights lie in an open file. */
typedef struct layout {
    int variable;
    bool south_first;
    uint32_t shift; /* columns from -180 degrees to the file's first, eastward */
} layout;

/* The first two values of a dimension's coordinates. */
static bool read_axis(int file, int dimension, size_t wanted_length, double out[2])
{
    char name[NC_MAX_NAME + 1];
    size_t length = 0;
    int variable = 0, dimensions = 0;
    const size_t start = 0, count = 2;
    return nc_inq_dim(file, dimension, name, &length) == NC_NOERR && length == wanted_length &&
           nc_inq_varid(file, name, &variable) == NC_NOERR &&
           nc_inq_varndims(file, variable, &dimensions) == NC_NOERR && dimensions == 1 &&
           nc_get_vara_double(file, variable, &start, &count, out) == NC_NOERR;
}

static bool fits(int file, int variable, layout *out)
{
    int dimensions = 0;
    int ids[NC_MAX_VAR_DIMS];
    double x[2], y[2];
    if (nc_inq_varndims(file, variable, &dimensions) != NC_NOERR || dimensions != 2 ||
        nc_inq_vardimid(file, variable, ids) != NC_NOERR ||
        !read_axis(file, ids[0], ETOPO_HEIGHT, y) || !read_axis(file, ids[1], ETOPO_WIDTH, x)) {
        return false;
    }
    const double column = (x[0] + 180) * (ETOPO_WIDTH / 360.0);
    if (!(column > -1 && column < 2 * ETOPO_WIDTH)) {
        return false;
    }
    out->variable = variable;
    out->south_first = y[1] > y[0];
    out->shift = (uint32_t)(column + 0.5) % ETOPO_WIDTH;
    return true;
}

/* Finds the variable that has the shape of ETOPO5. */
static bool find_heights(int file, layout *out)
{
    int variables = 0;
    if (nc_inq_nvars(file, &variables) != NC_NOERR) {
        return false;
    }
    for (int i = 0; i < variables; i++) {
        if (fits(file, i, out)) {
            return true;
        }
    }
    return false;
}

/* A sample as int16 metres; a missing one (the file's fill value, or no number) becomes sea. */
static int16_t to_metres(float v)
{
    return v > -20000 && v < 20000 ? (int16_t)(v < 0 ? v - 0.5f : v + 0.5f) : 0;
}

static bool read_rows(int file, const layout *at, int16_t *out)
{
    static float row[ETOPO_WIDTH];
    for (uint32_t y = 0; y < ETOPO_HEIGHT; y++) {
        const size_t start[2] = {at->south_first ? ETOPO_HEIGHT - 1 - y : y, 0};
        const size_t count[2] = {1, ETOPO_WIDTH};
        if (nc_get_vara_float(file, at->variable, start, count, row) != NC_NOERR) {
            return false;
        }
        for (uint32_t x = 0; x < ETOPO_WIDTH; x++) {
            out[(size_t)y * ETOPO_WIDTH + (x + at->shift) % ETOPO_WIDTH] = to_metres(row[x]);
        }
    }
    return true;
}

static int16_t *load(int file, const char **why)
{
    layout at;
    if (!find_heights(file, &at)) {
        *why = "holds no heights of ETOPO5's shape (4320 x 2161)";
        return NULL;
    }
    int16_t *heights = malloc((size_t)ETOPO_WIDTH * ETOPO_HEIGHT * sizeof *heights);
    if (heights == NULL) {
        *why = "needs more memory than there is";
        return NULL;
    }
    if (!read_rows(file, &at, heights)) {
        *why = "could not be read: damaged";
        free(heights);
        return NULL;
    }
    return heights;
}

int16_t *etopo_load(const char *path, const char **why)
{
    static char said[256];
    struct stat st;
    int file = 0;
    if (stat(path, &st) != 0) { /* libnetcdf would take a name for an address on the net */
        *why = strerror(errno);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        *why = S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file";
        return NULL;
    }
    if (st.st_size == 0) {
        *why = "is empty";
        return NULL;
    }
    if (!netcdf_header_check(path, said, sizeof said)) {
        *why = said;
        return NULL;
    }
    const int status = nc_open(path, NC_NOWRITE, &file);
    if (status != NC_NOERR) {
        *why = status > 0 ? strerror(status) : "is not a netCDF file, or a damaged one";
        return NULL;
    }
    int16_t *heights = load(file, why);
    nc_close(file);
    return heights;
}
