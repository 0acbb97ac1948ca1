/* netcdf_header.h: whether libnetcdf can be let near a file of the classic formats. It believes a
 * header, whatever it says, and reads zeros beyond the end. One thread. */
#ifndef MEGABUDDY_TOOLS_BAKE_NETCDF_HEADER_H
#define MEGABUDDY_TOOLS_BAKE_NETCDF_HEADER_H

#include <stdbool.h>
#include <stddef.h>

/* Walks the header of a classic file (versions 1, 2 and 5; "NetCDF Classic Format Specification",
 * Unidata): every count must be one that libnetcdf takes, and all data must lie in the file. Other
 * files pass. On failure returns false, and `why` says what is wrong. */
bool netcdf_header_check(const char *path, char *why, size_t why_bytes);

#endif
