/* plugin.h: what the plugins of test_plugin.c can do: each has libbuddy.a in it, all for itself. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>

/* What a plugin makes of the library. */
enum { PLUGIN_HEAP = 1, PLUGIN_POOL = 2, PLUGIN_SLAB = 4, PLUGIN_WATCHED = 8, PLUGIN_ALL = 15 };

typedef struct plugin {
    bool (*begin)(int parts); /* false: no memory */
    bool (*use)(void);        /* by any thread, between begin and end; false: no memory */
    void (*end)(void);
} plugin;

/* Each plugin exports `the_plugin`. */

#endif
