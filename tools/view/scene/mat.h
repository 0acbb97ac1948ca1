/* mat.h: the few matrices that a camera needs: 4x4, column-major, as OpenGL takes them. Pure. */
#ifndef MEGABUDDY_TOOLS_VIEW_MAT_H
#define MEGABUDDY_TOOLS_VIEW_MAT_H

#include <math.h>

#define MAT_DEGREE 0.017453292519943295

typedef struct vec3 {
    float x, y, z;
} vec3;

/* at[c * 4 + r] is row r of column c. */
typedef struct mat4 {
    float at[16];
} mat4;

static inline vec3 vec3_unit(vec3 v)
{
    const float length = sqrtf(v.x * v.x + v.y * v.y + v.z * v.z);
    const vec3 unit = {v.x / length, v.y / length, v.z / length};
    return unit;
}

static inline mat4 mat_multiply(const mat4 *a, const mat4 *b)
{
    mat4 product;
    for (int c = 0; c < 4; c++) {
        for (int r = 0; r < 4; r++) {
            float sum = 0;
            for (int k = 0; k < 4; k++) {
                sum += a->at[k * 4 + r] * b->at[c * 4 + k];
            }
            product.at[c * 4 + r] = sum;
        }
    }
    return product;
}

/* The axes of a camera (camera.h says what yaw and pitch mean), in world units. */
static inline void mat_camera_axes(double yaw, double pitch, vec3 *right, vec3 *up, vec3 *forward)
{
    const double sy = sin(yaw * MAT_DEGREE), cy = cos(yaw * MAT_DEGREE);
    const double sp = sin(pitch * MAT_DEGREE), cp = cos(pitch * MAT_DEGREE);
    const vec3 r = {(float)cy, 0, (float)sy};
    const vec3 u = {(float)(-sy * sp), (float)cp, (float)(cy * sp)};
    const vec3 f = {(float)(sy * cp), (float)sp, (float)(-cy * cp)};
    *right = r;
    *up = u;
    *forward = f;
}

/* From positions relative to the camera to eye space, in which the camera looks along -z. */
static inline mat4 mat_view(double yaw, double pitch)
{
    vec3 r, u, f;
    mat_camera_axes(yaw, pitch, &r, &u, &f);
    const mat4 view = {{r.x, u.x, -f.x, 0, r.y, u.y, -f.y, 0, r.z, u.z, -f.z, 0, 0, 0, 0, 1}};
    return view;
}

/* Perspective with a vertical field of view of 2 * atan(tan_half), depth -1 … 1, whose image is
 * moved by (shift_x, shift_y) of normalized device coordinates. */
static inline mat4 mat_perspective(double tan_half, double aspect, double near, double far,
                                   double shift_x, double shift_y)
{
    mat4 p = {{0}};
    p.at[0] = (float)(1 / (tan_half * aspect));
    p.at[5] = (float)(1 / tan_half);
    p.at[8] = (float)-shift_x;
    p.at[9] = (float)-shift_y;
    p.at[10] = (float)((near + far) / (near - far));
    p.at[11] = -1;
    p.at[14] = (float)(2 * near * far / (near - far));
    return p;
}

/* The six planes (a, b, c, d) of a frustum, inside where a x + b y + c z + d >= 0. */
static inline void mat_frustum(const mat4 *view_projection, float planes[6][4])
{
    for (int i = 0; i < 6; i++) {
        const float sign = i % 2 == 0 ? 1.0f : -1.0f;
        for (int c = 0; c < 4; c++) {
            const float *column = &view_projection->at[c * 4];
            planes[i][c] = column[3] + sign * column[i / 2];
        }
    }
}

#endif
