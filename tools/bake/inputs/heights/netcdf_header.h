/* netcdf_header.h: checks a file of the classic formats before libnetcdf opens it, which believes
 * whatever the header says, and reads zeros beyond the end. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_NETCDF_HEADER_H
#define MEGABUDDY_TOOLS_BAKE_NETCDF_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* Walks the header of a classic file (versions 1, 2 and 5; "NetCDF Classic Format Specification",
 * Unidata): every count must be one that libnetcdf takes, and all data must lie inside the file.
 * Files of other formats pass unchecked. On failure returns false, and `why` says what is wrong. */
bool netcdf_header_check(const char *path, char *why, size_t why_bytes);

#endif
