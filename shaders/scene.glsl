// scene.glsl: what the scene's shaders know of a frame, and the air between the camera and what it
// sees. Goes after #version. Positions are relative to the camera; units and axes as in
// tools/camera.h.
#define SCENE_BLOCK_BINDING 0

// Filled by tools/scene.c; struct frame_block there is its other half.
layout(std140, binding = SCENE_BLOCK_BINDING) uniform scene_block
{
    mat4 scene_projection; // from positions relative to the camera to clip space
    vec4 scene_ray_x;      // xyz: from the picture's middle to its right edge, at distance 1
    vec4 scene_ray_y;      // xyz: to its top edge
    vec4 scene_ray_z;      // xyz: where the camera looks
    vec4 scene_sun;        // xyz: towards it
    float scene_altitude;  // of the camera above the sea
    float scene_bend;      // the ground drops by this times the square of the distance
    float scene_relief;    // world units a metre
    float scene_lit;       // 1: terrain under a sky; 0: a picture, shown as it is
};

const float AIR_HEIGHT = 30.0;    // world units in which the air thins to 1/e
const float AIR_SIGHT = 210.0;    // distance at which haze hides all but 1/e, at sea level
const vec3 HAZE = vec3(0.60, 0.72, 0.86);
const vec3 ZENITH = vec3(0.075, 0.19, 0.46);
const vec3 SPACE = vec3(0.004, 0.007, 0.02);
const vec3 SUN = vec3(1.0, 0.93, 0.80);

// Light that comes from the sky in direction `to` (unit length).
vec3 scene_sky(vec3 to)
{
    float thin = exp(-scene_altitude / 260.0);               // 1 on the ground, 0 in space
    float dip = sqrt(4.0 * scene_bend * max(scene_altitude, 0.0)); // of the horizon, slope
    float rise = to.y + dip / sqrt(1.0 + dip * dip);         // above the horizon
    float up = clamp(rise, 0.0, 1.0);
    vec3 high = mix(SPACE, ZENITH, thin);
    float glow = exp(-up * mix(14.0, 4.2, thin)); // from up high the air is a thin bright line
    vec3 sky = mix(high, HAZE, glow);
    float facing = max(dot(to, scene_sun.xyz), 0.0);
    sky += SUN * (0.20 * pow(facing, 6.0) * glow + 0.30 * pow(facing, 64.0));
    sky += SUN * 14.0 * smoothstep(0.99955, 0.99985, facing) * step(0.0, rise);
    return sky;
}

// `colour`, seen from `away` through the air that lies between; `height` is its own above the sea.
vec3 scene_haze(vec3 colour, vec3 away, float height)
{
    float from = exp(-max(scene_altitude, 0.0) / AIR_HEIGHT);
    float to = exp(-max(height, 0.0) / AIR_HEIGHT);
    float climb = (max(scene_altitude, 0.0) - max(height, 0.0)) / AIR_HEIGHT;
    float density = abs(climb) < 1e-3 ? to : (to - from) / climb; // mean along the way
    float seen = exp(-length(away) * density / AIR_SIGHT);
    vec3 along = normalize(vec3(away.x, max(away.y, 0.0), away.z)); // haze is the horizon's light
    return mix(scene_sky(along), colour, seen);
}

// Rolls bright light off softly instead of clipping it.
vec3 scene_tone(vec3 light)
{
    return light * (1.0 + light * 0.12) / (1.0 + light * 0.30);
}
