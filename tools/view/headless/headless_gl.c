#include "tools/view/headless/headless_gl.h"

#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>

#include <glad/egl.h>
#include <glad/gl.h>

#define MAX_DEVICES 16

static struct {
    void *egl;
    EGLDisplay display;
    EGLContext context;
    headless_gl_listener *listener;
    void *user;
} headless;

/* The few functions that are needed before there is a display to load the others with. */
typedef struct bootstrap {
    PFNEGLGETPROCADDRESSPROC get_proc_address;
    PFNEGLGETDISPLAYPROC get_display;
    PFNEGLINITIALIZEPROC initialize;
    PFNEGLTERMINATEPROC terminate;
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_platform_display; /* NULL: EGL without platforms */
    PFNEGLQUERYDEVICESEXTPROC query_devices;              /* NULL: EGL without devices */
} bootstrap;

static bool load_bootstrap(bootstrap *b, char *error, uint32_t error_bytes)
{
    /* NODELETE: drivers leave threads and exit handlers behind, so they must stay mapped. */
    headless.egl = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!headless.egl) {
        snprintf(error, error_bytes, "no EGL: %s", dlerror());
        return false;
    }
    b->get_proc_address = (PFNEGLGETPROCADDRESSPROC)dlsym(headless.egl, "eglGetProcAddress");
    if (!b->get_proc_address) {
        snprintf(error, error_bytes, "no EGL: libEGL.so.1 has no eglGetProcAddress");
        return false;
    }
    b->get_display = (PFNEGLGETDISPLAYPROC)b->get_proc_address("eglGetDisplay");
    b->initialize = (PFNEGLINITIALIZEPROC)b->get_proc_address("eglInitialize");
    b->terminate = (PFNEGLTERMINATEPROC)b->get_proc_address("eglTerminate");
    b->get_platform_display =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)b->get_proc_address("eglGetPlatformDisplayEXT");
    b->query_devices = (PFNEGLQUERYDEVICESEXTPROC)b->get_proc_address("eglQueryDevicesEXT");
    if (!b->get_display || !b->initialize || !b->terminate) {
        snprintf(error, error_bytes, "no EGL: libEGL.so.1 lacks functions of EGL 1.0");
        return false;
    }
    return true;
}

static EGLContext make_context(EGLDisplay display)
{
    static const EGLint config_wanted[] = {
        EGL_SURFACE_TYPE, EGL_PBUFFER_BIT, EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_NONE,
    };
    static const EGLint context_wanted[] = {
        EGL_CONTEXT_MAJOR_VERSION,
        4,
        EGL_CONTEXT_MINOR_VERSION,
        5,
        EGL_CONTEXT_OPENGL_PROFILE_MASK,
        EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
        EGL_CONTEXT_OPENGL_DEBUG,
        EGL_TRUE,
        EGL_NONE,
    };
    EGLConfig config;
    EGLint count = 0;
    if (!eglBindAPI(EGL_OPENGL_API) ||
        !eglChooseConfig(display, config_wanted, &config, 1, &count) || count < 1) {
        return EGL_NO_CONTEXT;
    }
    return eglCreateContext(display, config, EGL_NO_CONTEXT, context_wanted);
}

/* Makes a 4.5 core context on `display` current; false, and the display shut, when it has none. */
static bool open_on(const bootstrap *b, EGLDisplay display)
{
    EGLint major, minor;
    if (display == EGL_NO_DISPLAY || !b->initialize(display, &major, &minor)) {
        return false;
    }
    EGLContext context = EGL_NO_CONTEXT;
    if (!gladLoadEGL(display, (GLADloadfunc)b->get_proc_address) || !GLAD_EGL_VERSION_1_5) {
        goto fail;
    }
    context = make_context(display);
    if (context == EGL_NO_CONTEXT ||
        !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context)) {
        goto fail;
    }
    if (!gladLoadGL((GLADloadfunc)b->get_proc_address) || !GLAD_GL_VERSION_4_5) {
        eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        goto fail;
    }
    headless.display = display;
    headless.context = context;
    return true;
fail:
    if (context != EGL_NO_CONTEXT) {
        eglDestroyContext(display, context);
    }
    b->terminate(display);
    return false;
}

static bool open_on_a_device(const bootstrap *b)
{
    EGLDeviceEXT devices[MAX_DEVICES];
    EGLint count = 0;
    if (!b->get_platform_display || !b->query_devices ||
        !b->query_devices(MAX_DEVICES, devices, &count)) {
        return false;
    }
    for (EGLint i = 0; i < count; i++) {
        if (open_on(b, b->get_platform_display(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL))) {
            return true;
        }
    }
    return false;
}

bool headless_gl_open(char *error, uint32_t error_bytes)
{
    assert(!headless.egl);
    bootstrap b;
    if (!load_bootstrap(&b, error, error_bytes)) {
        headless_gl_close();
        return false;
    }
    if (open_on_a_device(&b) ||
        (b.get_platform_display &&
         open_on(&b, b.get_platform_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY,
                                            NULL))) ||
        open_on(&b, b.get_display(EGL_DEFAULT_DISPLAY))) {
        return true;
    }
    snprintf(error, error_bytes, "EGL has no OpenGL 4.5 core context to draw without a display");
    headless_gl_close();
    return false;
}

/* The display stays: a driver that is shut down and unloaded leaves memory behind. */
void headless_gl_close(void)
{
    if (headless.context != EGL_NO_CONTEXT) {
        eglMakeCurrent(headless.display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        eglDestroyContext(headless.display, headless.context);
    }
    headless.context = EGL_NO_CONTEXT;
    headless.display = EGL_NO_DISPLAY;
    headless.listener = NULL;
    if (headless.egl) {
        dlclose(headless.egl);
        headless.egl = NULL;
    }
}

static void GLAD_API_PTR forward_message(GLenum source, GLenum type, GLuint id, GLenum severity,
                                         GLsizei length, const GLchar *text, const void *user)
{
    (void)length;
    (void)user;
    if (headless.listener && type != GL_DEBUG_TYPE_PUSH_GROUP && type != GL_DEBUG_TYPE_POP_GROUP) {
        headless.listener(&(headless_gl_message){source, type, severity, id, text}, headless.user);
    }
}

void headless_gl_on_message(headless_gl_listener *listener, void *user)
{
    headless.listener = listener;
    headless.user = user;
    if (!listener) {
        glDebugMessageCallback(NULL, NULL);
        glDisable(GL_DEBUG_OUTPUT);
        return;
    }
    glEnable(GL_DEBUG_OUTPUT);
    glEnable(GL_DEBUG_OUTPUT_SYNCHRONOUS);
    glDebugMessageCallback(forward_message, NULL);
    glDebugMessageControl(GL_DONT_CARE, GL_DONT_CARE, GL_DONT_CARE, 0, NULL, GL_TRUE);
}
