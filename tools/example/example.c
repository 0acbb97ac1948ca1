/* example.c: a virtual texture in an OpenGL program of one's own, in five calls of engine/vt.h.
 * Flies over a page file; arrow keys steer and climb, Esc quits. One thread, with the context. */
#include "engine/vt.h"

#include <glad/gl.h>
#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Both passes share the vertices. The ground is 1 deep around the origin; uv (0, 0) is the
 * picture's upper left corner and v runs downward: north is -z, and nothing is flipped. */
static const char VERTEX[] =
    "layout(location = 0) uniform vec4 eye; layout(location = 1) uniform vec4 lens; out vec2 uv;\n"
    "void main() { uv = vec2(gl_VertexID & 1, gl_VertexID >> 1);\n"
    "  vec3 p = vec3((uv.x - 0.5) * lens.x, 0.0, uv.y - 0.5) - eye.xyz;\n"
    "  p.xz = mat2(cos(eye.w), -sin(eye.w), sin(eye.w), cos(eye.w)) * p.xz;\n"
    "  p.yz = mat2(0.87, 0.5, -0.5, 0.87) * p.yz; // looks down by 30 degrees\n"
    "  gl_Position = vec4(p.xy * vec2(1.7 / lens.y, 1.7) - p.z * lens.zw, -p.z - 0.002, -p.z); }\n";
static const char FEEDBACK[] = "in vec2 uv; out uint id; void main() { id = vt_feedback(uv); }\n";
static const char COLOUR[] = "in vec2 uv; out vec4 c; void main() { c = vt_sample(uv); }\n";
static float eye[4] = {-0.3f, 0.15f, 0, 0}, wide; /* x, y, z in heights of the map, and yaw */

static int fail(const char *why, int code)
{
    (void)fprintf(stderr, "megabuddy_example: %s\n", why);
    return code;
}

/* The text of vt_glsl() belongs between #version and the fragment shader. 0: it does not link. */
static GLuint make_program(const char *vt_text, const char *fragment)
{
    const char *const texts[2][3] = {{"#version 450 core\n", VERTEX, ""},
                                     {"#version 450 core\n", vt_text, fragment}};
    const GLuint program = glCreateProgram();
    for (int i = 0; i < 2; i++) {
        const GLuint shader = glCreateShader(i == 0 ? GL_VERTEX_SHADER : GL_FRAGMENT_SHADER);
        glShaderSource(shader, 3, texts[i], NULL);
        glCompileShader(shader);
        glAttachShader(program, shader);
    }
    GLint linked;
    glLinkProgram(program);
    glGetProgramiv(program, GL_LINK_STATUS, &linked);
    return linked ? program : 0;
}

static void draw(GLuint program, float aspect, float jitter_x, float jitter_y)
{
    glUseProgram(program);
    glUniform4fv(0, 1, eye);
    glUniform4f(1, wide, aspect, jitter_x, jitter_y);
    glDrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

static void draw_frame(GLFWwindow *w, vt *world, GLuint feedback, GLuint colour)
{
    int width, height;
    glfwGetFramebufferSize(w, &width, &height);
    const float aspect = (float)width / (float)(height > 0 ? height : 1);
    /* 2. Pages that have arrived go into the atlas; what earlier frames wanted is sent for. */
    vt_update(world, &(vt_clock){.now_ms = glfwGetTime() * 1000});
    /* 3. Which pages does it want? Draw all that shows the texture or hides it, small. The jitter,
     * in pixels (clip space is 2 across), lets it see the whole screen in time. */
    if (vt_feedback_begin(world, VT_FEEDBACK_NOW)) {
        uint32_t across, down;
        float x, y;
        vt_feedback_size(world, &across, &down);
        vt_feedback_jitter(world, &x, &y);
        draw(feedback, aspect, 2 * x / (float)across, 2 * y / (float)down);
        vt_feedback_end(world);
    }
    /* 4. What is drawn now finds atlas and page table. The pass above left its own target bound. */
    vt_bind(world);
    glBindFramebuffer(GL_FRAMEBUFFER, 0);
    glViewport(0, 0, width, height);
    glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
    draw(colour, aspect, 0, 0);
    glfwSwapBuffers(w);
}

static int fly_over(GLFWwindow *w, vt *world, double end)
{
    const GLuint feedback = make_program(vt_glsl(world), FEEDBACK);
    const GLuint colour = make_program(vt_glsl(world), COLOUR);
    if (feedback == 0 || colour == 0) {
        return fail("the shaders do not link", 1);
    }
    GLuint nothing; /* vertices are made from their numbers, but OpenGL insists on an array */
    glCreateVertexArrays(1, &nothing);
    glBindVertexArray(nothing);
    glEnable(GL_DEPTH_TEST); /* in both passes: each target has a depth of its own */
    glClearColor(0.3f, 0.5f, 0.8f, 1);
    glEnable(GL_FRAMEBUFFER_SRGB); /* vt_sample gives linear light; the card encodes it */
    const vt_shape shape = vt_get_info(world)->shape;
    wide = (float)shape.width / (float)shape.height;
    float now = 0;
    while (now < end && !glfwWindowShouldClose(w) && !glfwGetKey(w, GLFW_KEY_ESCAPE)) {
        const float step = (float)glfwGetTime() - now;
        now += step;
        const int right = glfwGetKey(w, GLFW_KEY_RIGHT) - glfwGetKey(w, GLFW_KEY_LEFT);
        eye[3] += step * (0.1f + 0.5f * (float)right); /* round and round over the middle */
        eye[1] *= expf(step * (float)(glfwGetKey(w, GLFW_KEY_UP) - glfwGetKey(w, GLFW_KEY_DOWN)));
        eye[0] += step * 0.03f * sinf(eye[3]);
        eye[2] -= step * 0.03f * cosf(eye[3]);
        draw_frame(w, world, feedback, colour);
        if (floorf(now) > floorf(now - step)) { /* once a second */
            vt_stats s;
            vt_get_stats(world, &s);
            (void)printf("pages: %u missing, %u of %u slots used, %.0f uploaded\n", s.missing,
                         s.vram.slots_used, s.vram.slots, (double)s.pages.uploaded);
            (void)fflush(stdout);
        }
        glfwPollEvents();
    }
    return 0;
}

int main(int argc, char **argv)
{
    const double end = argc > 2 ? atof(argv[2]) : HUGE_VAL;
    if (argc < 2 || argc > 3 || !(end > 0)) {
        return fail("usage: megabuddy_example WORLD.mega [SECONDS]", 2);
    }
    (void)glfwInit(); /* where it fails there is no window either */
    glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 4);
    glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 5);
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHint(GLFW_SRGB_CAPABLE, GLFW_TRUE);
    GLFWwindow *w = glfwCreateWindow(1280, 720, "Megabuddy: an example", NULL, NULL);
    if (w == NULL) {
        return fail("no window with OpenGL 4.5", 1);
    }
    glfwMakeContextCurrent(w);
    gladLoadGL(glfwGetProcAddress);
    glfwSwapInterval(1);
    glfwSetInputMode(w, GLFW_STICKY_KEYS, GLFW_TRUE); /* a short press in a long frame counts */
    /* 1. Budgets, formats and workers have defaults. The screen's size does not follow the window:
     * one that grows looks softer, until the world is destroyed and created anew. */
    char error[256];
    const vt_desc desc = {.path = argv[1], .screen_width = 1280, .screen_height = 720};
    vt *world = vt_create(&desc, error, sizeof error);
    const int code = world != NULL ? fly_over(w, world, end) : fail(error, 1);
    vt_destroy(world); /* 5. While the context is still there. */
    glfwTerminate();
    return code;
}
