/* gpu_load.c: finds OpenGL's functions: by the loader that the program names, or by that of the
 * context which is current. */
#include "engine/vram/gpu.h"

#include <dlfcn.h>
#include <stdio.h>

#include <glad/gl.h>

/* A library that makes contexts, its function that returns the current one, and its loader. */
typedef struct context_library {
    const char *name, *current, *loader;
} context_library;

/* The loader of a library that has a current context on this thread; else NULL. The library is not
 * loaded for that: a program that has a context of it has loaded it. */
static vt_get_proc_address *loader_of(const context_library *library)
{
    typedef void *get_current_context(void);
    void *handle = dlopen(library->name, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == NULL) {
        return NULL;
    }
    get_current_context *current = (get_current_context *)dlsym(handle, library->current);
    vt_get_proc_address *loader = (vt_get_proc_address *)dlsym(handle, library->loader);
    const bool good = current != NULL && current() != NULL;
    (void)dlclose(handle); /* it stays: the context needs it */
    return good ? loader : NULL;
}

static vt_get_proc_address *find_loader(void)
{
    static const context_library LIBRARIES[] = {
        {"libEGL.so.1", "eglGetCurrentContext", "eglGetProcAddress"},
        {"libGL.so.1", "glXGetCurrentContext", "glXGetProcAddressARB"},
        {"libGLX.so.0", "glXGetCurrentContext", "glXGetProcAddressARB"},
    };
    vt_get_proc_address *found = NULL;
    for (size_t i = 0; found == NULL && i < sizeof LIBRARIES / sizeof LIBRARIES[0]; i++) {
        found = loader_of(&LIBRARIES[i]);
    }
    return found;
}

bool gpu_load(vt_get_proc_address *loader, char *error, uint32_t error_bytes)
{
    vt_get_proc_address *get = loader != NULL ? loader : find_loader();
    if (get == NULL) {
        (void)snprintf(error, error_bytes, "no OpenGL context is current on this thread");
        return false;
    }
    const bool good = gladLoadGL(get) != 0 && GLAD_GL_VERSION_4_5 != 0;
    if (!good) {
        (void)snprintf(error, error_bytes, "the current context is not one of OpenGL 4.5");
    }
    return good;
}
