#include "tests/rigs/engine/gl_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "shaders/embedded.h"
#include "tools/view/headless/headless_gl.h"

static struct {
    unsigned complaints;
    char first[256];
    const char *defines;
    bool rectangles;
    GLuint vertices; /* core profile draws nothing without a vertex array, even an empty one */
} rig;

static const char vertex_text[] =
    "#version 450 core\n"
    "layout(location = 0) uniform vec4 area;\n"
    "out vec2 uv;\n"
    "void main()\n"
    "{\n"
    "    vec2 at = vec2(gl_VertexID == 1 ? 2.0 : 0.0, gl_VertexID == 2 ? 2.0 : 0.0);\n"
    "    uv = area.xy + at * area.zw;\n"
    "    gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0);\n"
    "}\n";

/* Drivers chat (where a buffer lies, that a shader was recompiled): only these types are about us.
 */
static bool is_complaint(uint32_t type)
{
    return type == GL_DEBUG_TYPE_ERROR || type == GL_DEBUG_TYPE_DEPRECATED_BEHAVIOR ||
           type == GL_DEBUG_TYPE_UNDEFINED_BEHAVIOR || type == GL_DEBUG_TYPE_PORTABILITY ||
           type == GL_DEBUG_TYPE_PERFORMANCE;
}

static void listen(const headless_gl_message *message, void *user)
{
    (void)user;
    if (is_complaint(message->type) && rig.complaints++ == 0) {
        snprintf(rig.first, sizeof rig.first, "%s", message->text);
    }
}

bool gl_rig_open(void)
{
    char error[256];
    if (!headless_gl_open(error, sizeof error)) {
        printf("skipped: %s\n", error);
        return false;
    }
    headless_gl_on_message(listen, NULL);
    glCreateVertexArrays(1, &rig.vertices);
    return true;
}

void gl_rig_close(void)
{
    glDeleteVertexArrays(1, &rig.vertices);
    headless_gl_close();
}

void gl_rig_expect_quiet(void)
{
    const unsigned complaints = rig.complaints;
    rig.complaints = 0;
    if (complaints > 0) {
        fail_msg("%u complaints of the driver; the first: %s", complaints, rig.first);
    }
    assert_int_equal(glGetError(), GL_NO_ERROR);
}

static GLuint compile(GLenum stage, GLsizei count, const char *const *texts)
{
    const GLuint shader = glCreateShader(stage);
    glShaderSource(shader, count, texts, NULL);
    glCompileShader(shader);
    GLint compiled = 0;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
    if (!compiled) {
        char log[1024];
        glGetShaderInfoLog(shader, sizeof log, NULL, log);
        fail_msg("shader: %s", log);
    }
    return shader;
}

void gl_rig_define(const char *text)
{
    rig.defines = text;
}

void gl_rig_set_rectangles(bool rectangles)
{
    rig.rectangles = rectangles;
}

GLuint gl_rig_program(const char *body)
{
    const char *const vertex[] = {vertex_text};
    const char *const fragment[] = {"#version 450 core\n",
                                    rig.rectangles ? "#define VT_RECTANGLE\n" : "",
                                    rig.defines ? rig.defines : "", shader_vt_glsl, body};
    const GLuint program = glCreateProgram();
    const GLuint stages[] = {compile(GL_VERTEX_SHADER, 1, vertex),
                             compile(GL_FRAGMENT_SHADER, 5, fragment)};
    glAttachShader(program, stages[0]);
    glAttachShader(program, stages[1]);
    glLinkProgram(program);
    glDeleteShader(stages[0]);
    glDeleteShader(stages[1]);
    GLint linked = 0;
    glGetProgramiv(program, GL_LINK_STATUS, &linked);
    if (!linked) {
        char log[1024];
        glGetProgramInfoLog(program, sizeof log, NULL, log);
        fail_msg("program: %s", log);
    }
    return program;
}

void gl_rig_draw(GLuint program, gl_rig_area area)
{
    glUseProgram(program);
    glProgramUniform4f(program, 0, area.u, area.v, area.width, area.height);
    glBindVertexArray(rig.vertices);
    glDrawArrays(GL_TRIANGLES, 0, 3);
}

static void draw_into(GLenum internal, GLuint program, gl_rig_area area, uint32_t width,
                      uint32_t height, GLenum format, GLenum type, void *out)
{
    GLuint texture, framebuffer;
    glCreateTextures(GL_TEXTURE_2D, 1, &texture);
    glTextureStorage2D(texture, 1, internal, (GLsizei)width, (GLsizei)height);
    glCreateFramebuffers(1, &framebuffer);
    glNamedFramebufferTexture(framebuffer, GL_COLOR_ATTACHMENT0, texture, 0);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glViewport(0, 0, (GLsizei)width, (GLsizei)height);
    gl_rig_draw(program, area);
    glReadPixels(0, 0, (GLsizei)width, (GLsizei)height, format, type, out);
    glBindFramebuffer(GL_FRAMEBUFFER, 0);
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteTextures(1, &texture);
}

void gl_rig_draw_colours(GLuint program, gl_rig_area area, uint32_t width, uint32_t height,
                         float *rgba)
{
    draw_into(GL_RGBA32F, program, area, width, height, GL_RGBA, GL_FLOAT, rgba);
}

void gl_rig_draw_ids(GLuint program, gl_rig_area area, uint32_t width, uint32_t height,
                     uint32_t *ids)
{
    draw_into(GL_R32UI, program, area, width, height, GL_RED_INTEGER, GL_UNSIGNED_INT, ids);
}
