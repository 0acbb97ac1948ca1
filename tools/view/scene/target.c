#include "tools/view/scene/target.h"

#include <glad/gl.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

bool target_init(target *t, target_format format, uint32_t width, uint32_t height)
{
    *t = (target){.format = format, .width = width, .height = height};
    GLint most = 0;
    glGetIntegerv(GL_MAX_TEXTURE_SIZE, &most);
    if (width > (uint32_t)most || height > (uint32_t)most) {
        return false;
    }
    glCreateTextures(GL_TEXTURE_2D, 1, &t->picture);
    glTextureStorage2D(t->picture, 1, format == TARGET_COLOUR ? GL_SRGB8_ALPHA8 : GL_R8UI,
                       (GLsizei)width, (GLsizei)height);
    glTextureParameteri(t->picture, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTextureParameteri(t->picture, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glCreateRenderbuffers(1, &t->depth);
    glNamedRenderbufferStorage(t->depth, GL_DEPTH_COMPONENT32F, (GLsizei)width, (GLsizei)height);
    glCreateFramebuffers(1, &t->framebuffer);
    glNamedFramebufferTexture(t->framebuffer, GL_COLOR_ATTACHMENT0, t->picture, 0);
    glNamedFramebufferRenderbuffer(t->framebuffer, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, t->depth);
    if (glCheckNamedFramebufferStatus(t->framebuffer, GL_DRAW_FRAMEBUFFER) !=
        GL_FRAMEBUFFER_COMPLETE) {
        target_finish(t);
        return false;
    }
    return true;
}

void target_finish(target *t)
{
    glDeleteFramebuffers(1, &t->framebuffer);
    glDeleteRenderbuffers(1, &t->depth);
    glDeleteTextures(1, &t->picture);
    *t = (target){.format = TARGET_COLOUR};
}

void target_begin(const target *t)
{
    static const GLuint NOTHING[4] = {0, 0, 0, 0};
    static const GLfloat FARTHEST = 1;
    glBindFramebuffer(GL_FRAMEBUFFER, t->framebuffer);
    glViewport(0, 0, (GLsizei)t->width, (GLsizei)t->height);
    glDepthMask(GL_TRUE); /* it also decides whether clearing does anything */
    glClearNamedFramebufferfv(t->framebuffer, GL_DEPTH, 0, &FARTHEST);
    if (t->format == TARGET_VERDICT) {
        glClearNamedFramebufferuiv(t->framebuffer, GL_COLOR, 0, NOTHING);
    }
}

void target_cover(const target *t, int32_t x, int32_t y, uint32_t width, uint32_t height)
{
    static const GLfloat NEAREST = 0; /* no depth passes before it */
    glEnable(GL_SCISSOR_TEST);
    glScissor(x, (GLint)t->height - y - (GLint)height, (GLsizei)width, (GLsizei)height);
    glClearNamedFramebufferfv(t->framebuffer, GL_DEPTH, 0, &NEAREST);
    glDisable(GL_SCISSOR_TEST);
}

/* OpenGL's rows go bottom up. */
static void flip_rows(uint8_t *rows, size_t row_bytes, uint32_t height)
{
    uint8_t held[1024];
    for (uint32_t y = 0; y < height / 2; y++) {
        uint8_t *a = rows + y * row_bytes, *b = rows + (height - 1 - y) * row_bytes;
        for (size_t at = 0; at < row_bytes; at += sizeof held) {
            const size_t bytes = row_bytes - at < sizeof held ? row_bytes - at : sizeof held;
            memcpy(held, a + at, bytes);
            memcpy(a + at, b + at, bytes);
            memcpy(b + at, held, bytes);
        }
    }
}

void target_read(const target *t, uint8_t *out)
{
    const bool colour = t->format == TARGET_COLOUR;
    const size_t row_bytes = (size_t)t->width * (colour ? 4 : 1);
    glPixelStorei(GL_PACK_ALIGNMENT, 1);
    glGetTextureImage(t->picture, 0, colour ? GL_RGBA : GL_RED_INTEGER, GL_UNSIGNED_BYTE,
                      (GLsizei)(row_bytes * t->height), out);
    glPixelStorei(GL_PACK_ALIGNMENT, 4);
    flip_rows(out, row_bytes, t->height);
}

void target_show(const target *t, uint32_t window_width, uint32_t window_height)
{
    /* Both sides take bytes as they are: the window's framebuffer is not an sRGB one. It is bound,
     * since Mesa asks how large a window has become only for one that is. */
    glDisable(GL_FRAMEBUFFER_SRGB);
    glBindFramebuffer(GL_READ_FRAMEBUFFER, t->framebuffer);
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, 0);
    glBlitFramebuffer(0, 0, (GLint)t->width, (GLint)t->height, 0, 0, (GLint)window_width,
                      (GLint)window_height, GL_COLOR_BUFFER_BIT,
                      t->width == window_width && t->height == window_height ? GL_NEAREST
                                                                             : GL_LINEAR);
}

void target_read_window(uint32_t width, uint32_t height, uint8_t *out)
{
    const size_t texels = (size_t)width * height;
    glBindFramebuffer(GL_READ_FRAMEBUFFER, 0);
    glReadBuffer(GL_BACK);
    glReadPixels(0, 0, (GLsizei)width, (GLsizei)height, GL_RGBA, GL_UNSIGNED_BYTE, out);
    for (size_t i = 0; i < texels; i++) {
        out[4 * i + 3] = 255; /* a window need not have an alpha */
    }
    flip_rows(out, (size_t)width * 4, height);
}

static void first_line(const char *what, const char *log, char *error, uint32_t error_bytes)
{
    (void)snprintf(error, error_bytes, "%s: %.*s", what, (int)strcspn(log, "\n"), log);
}

static GLuint compile(GLenum kind, const char *const pieces[4], char *error, uint32_t error_bytes)
{
    const char *text[5] = {"#version 450 core\n"};
    GLsizei count = 1;
    for (int i = 0; i < 4 && pieces[i] != NULL; i++) {
        text[count++] = pieces[i];
    }
    const GLuint shader = glCreateShader(kind);
    glShaderSource(shader, count, text, NULL);
    glCompileShader(shader);
    GLint good = 0;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &good);
    if (good) {
        return shader;
    }
    char log[1024] = "";
    glGetShaderInfoLog(shader, sizeof log, NULL, log);
    first_line(kind == GL_VERTEX_SHADER ? "vertex shader" : "fragment shader", log, error,
               error_bytes);
    glDeleteShader(shader);
    return 0;
}

uint32_t target_program(const char *const vertex[4], const char *const fragment[4], char *error,
                        uint32_t error_bytes)
{
    const GLuint first = compile(GL_VERTEX_SHADER, vertex, error, error_bytes);
    const GLuint second = first ? compile(GL_FRAGMENT_SHADER, fragment, error, error_bytes) : 0;
    GLuint program = 0;
    if (second != 0) {
        program = glCreateProgram();
        glAttachShader(program, first);
        glAttachShader(program, second);
        glLinkProgram(program);
        GLint good = 0;
        glGetProgramiv(program, GL_LINK_STATUS, &good);
        if (!good) {
            char log[1024] = "";
            glGetProgramInfoLog(program, sizeof log, NULL, log);
            first_line("shader program", log, error, error_bytes);
            glDeleteProgram(program);
            program = 0;
        }
    }
    glDeleteShader(first); /* 0 is ignored; a linked program keeps what it needs */
    glDeleteShader(second);
    return program;
}
