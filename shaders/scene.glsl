// scene.glsl: what the scene's shaders know of a frame, and the air between the camera and what it
// sees. Goes after #version. Positions are relative to the camera; units and axes as in
// tools/view/camera.h.
#define SCENE_BLOCK_BINDING 0

// Filled by tools/view/scene/scene.c; struct frame_block there is its other half.
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

const float AIR_HEIGHT = 12.0; // world units in which the air thins to 1/e
const float AIR_SIGHT = 150.0; // distance at which haze hides all but 1/e, at sea level
const vec3 SCATTER = vec3(0.55, 0.85, 1.45); // blue is scattered first, near and far
const vec3 HAZE = vec3(0.56, 0.70, 0.88);
const vec3 ZENITH = vec3(0.055, 0.17, 0.46);
const vec3 SPACE = vec3(0.002, 0.004, 0.012);
const vec3 SUN = vec3(1.0, 0.92, 0.78);

// Distance of the horizon.
float scene_horizon()
{
    return sqrt(max(scene_altitude, 0.5) / max(scene_bend, 1e-9));
}

// The sun's glow in the air, for the cosine of the angle to it.
float scene_glow(float facing)
{
    float two = facing * facing;
    return two * two * facing;
}

// Light that comes from the sky in direction `to` (unit length).
vec3 scene_sky(vec3 to)
{
    float thin = exp(-scene_altitude / 150.0); // 1 on the ground, 0 in space
    float dip = 2.0 * scene_altitude / scene_horizon(); // slope down to the horizon
    float up = to.y + dip * inversesqrt(1.0 + dip * dip); // above the horizon
    // From up high the air is a thin bright line; below it, where the map ends, is space again.
    float air = exp(-max(up, 0.0) * mix(26.0, 3.6, thin) + min(up, 0.0) * mix(26.0, 0.0, thin));
    vec3 sky = mix(mix(SPACE, ZENITH, thin), HAZE, air);
    float facing = max(dot(to, scene_sun.xyz), 0.0);
    float glow = scene_glow(facing);
    float halo = glow * glow * glow * glow; // to the 40th: the brighter ring round the disc
    halo *= halo;
    sky += SUN * (0.28 * glow * air + 0.22 * halo);
    sky += SUN * 12.0 * smoothstep(0.9995, 0.9999, facing);
    return sky;
}

// The light of the horizon's air in the direction of `away`: what haze looks like.
vec3 scene_air(vec3 away)
{
    vec2 along = away.xz / max(length(away.xz), 1e-6);
    float dip = 2.0 * scene_altitude / scene_horizon();
    vec3 to = normalize(vec3(along.x, -dip, along.y));
    return HAZE + SUN * 0.28 * scene_glow(max(dot(to, scene_sun.xyz), 0.0));
}

// How much of the light from something `away`, at `height` above the sea, comes through the air.
vec3 scene_seen(vec3 away, float height)
{
    float from = exp(-max(scene_altitude, 0.0) / AIR_HEIGHT);
    float to = exp(-max(height, 0.0) / AIR_HEIGHT);
    float climb = (max(scene_altitude, 0.0) - max(height, 0.0)) / AIR_HEIGHT;
    float density = abs(climb) < 1e-3 ? to : (to - from) / climb; // mean along the way
    float distance = length(away);
    vec3 seen = exp(-distance * density / AIR_SIGHT * SCATTER);
    // Near the horizon the way through the air gets longer than a flat map knows.
    return seen * (1.0 - 0.92 * smoothstep(0.55, 1.02, distance / scene_horizon()));
}

// Rolls bright light off softly instead of clipping it.
vec3 scene_tone(vec3 light)
{
    return light * (1.0 + light * 0.12) / (1.0 + light * 0.30);
}
