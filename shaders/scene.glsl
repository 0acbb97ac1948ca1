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
    float scene_crisp;     // distance to which the world's own normals are seen
};

const float AIR_HEIGHT = 14.0; // world units in which the air thins to 1/e
const float AIR_SIGHT = 240.0; // distance at which haze hides all but 1/e, at sea level
const vec3 SCATTER = vec3(0.50, 0.82, 1.45);         // how much haze hides, by colour
const vec3 RAYLEIGH = vec3(0.0070, 0.0162, 0.0375); // of the sky's light, a unit of thick air
const vec3 HAZE = vec3(0.58, 0.70, 0.86);
const vec3 SPACE = vec3(0.0008, 0.0012, 0.0030);
const vec3 SUN = vec3(1.0, 0.89, 0.72);

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

// How much air a ray passes, as a length of air at sea level. The ray begins at a height where the
// air is `thin` times as dense as there; `up` is its slope, at least 0; `along` is the most.
float scene_column(float thin, float up, float along)
{
    return thin * AIR_HEIGHT / (up + 2.0 * AIR_HEIGHT / along);
}

// What scatters towards the camera along so much air, seen at an angle of cosine `facing` to the
// sun: blue where there is little of it, white where there is much, golden towards the sun.
vec3 scene_scatter(float column, float facing)
{
    float glow = scene_glow(max(facing, 0.0));
    vec3 light = HAZE + SUN * (0.34 * glow + 0.40 * glow * glow * glow);
    return light * (1.0 - exp(-column * RAYLEIGH));
}

// Light that comes from the sky in direction `to` (unit length).
vec3 scene_sky(vec3 to)
{
    float along = sqrt(3.14159 * AIR_HEIGHT / max(scene_bend, 1e-9)); // air from edge to edge
    float thin = exp(-max(scene_altitude, 0.0) / AIR_HEIGHT);
    float slope = min(to.y * inversesqrt(max(1.0 - to.y * to.y, 1e-6)), 8.0);
    float column = scene_column(thin, abs(slope), along);
    if (slope < 0.0) { // down to where it passes the ground, and up again
        float lowest = scene_altitude - slope * slope / max(4.0 * scene_bend, 1e-9);
        // Where the map ends below the horizon, there is haze near the ground, from above space.
        float below = min(lowest, 0.0) * (1.0 - exp(-scene_altitude / 150.0));
        column = along * exp(-(max(lowest, 0.0) - below) / AIR_HEIGHT) - column;
    }
    float facing = dot(to, scene_sun.xyz);
    vec3 sky = SPACE + scene_scatter(max(column, 0.0), facing);
    float halo = max(facing, 0.0);
    halo *= halo;
    halo *= halo;
    halo *= halo;
    halo *= halo;
    halo *= halo; // to the 32nd
    halo *= halo * halo * halo; // to the 128th: the brighter ring round the disc
    sky += vec3(1.0, 0.80, 0.54) * (0.5 * halo + 16.0 * smoothstep(0.99945, 0.99975, facing));
    return sky;
}

// The light of the horizon's air in the direction of `away`: what haze looks like, and what the
// ground turns into where the sky begins.
vec3 scene_air(vec3 away)
{
    vec2 along = away.xz / max(length(away.xz), 1e-6);
    float dip = 2.0 * scene_altitude / scene_horizon();
    vec3 to = normalize(vec3(along.x, -dip, along.y));
    return scene_scatter(600.0, dot(to, scene_sun.xyz));
}

// The cosine between the ground's upward direction at `away` and the direction to the camera.
float scene_upright(vec3 away)
{
    vec3 up = vec3(2.0 * scene_bend * away.x, 1.0, 2.0 * scene_bend * away.z);
    return max(-dot(up, away) * inversesqrt(dot(up, up) * dot(away, away)), 0.0);
}

// How much of the light from something `away`, at `height` above the sea, comes through the air.
vec3 scene_seen(vec3 away, float height)
{
    float from = exp(-max(scene_altitude, 0.0) / AIR_HEIGHT);
    float to = exp(-max(height, 0.0) / AIR_HEIGHT);
    float climb = (max(scene_altitude, 0.0) - max(height, 0.0)) / AIR_HEIGHT;
    float density = abs(climb) < 1e-3 ? to : (to - from) / climb; // mean along the way
    float thick = length(away) * density / AIR_SIGHT;
    // Near the horizon the way through the air is longer than on a flat map: seen from high up, the
    // longer the more aslant the ground lies; from low down, all is hidden at the very end.
    float high = 1.0 - exp(-scene_altitude / 150.0);
    thick += high * 0.055 / (scene_upright(away) + 0.03);
    float near = 1.0 - smoothstep(mix(0.5, 0.94, high), 1.0, length(away.xz) / scene_horizon());
    return exp(-thick * SCATTER) * mix(near * near, 1.0, 0.03);
}

// Rolls bright light off softly instead of clipping it.
vec3 scene_tone(vec3 light)
{
    return light * (1.10 + light * 0.08) / (1.0 + light * 0.50);
}

// Half a step of 8 bits either way, by the pixel's place (gl_FragCoord.xy) alone: skies do not show
// their steps, and a frame is the same whenever it is drawn. The target is sRGB, about the square
// root of light.
vec3 scene_dither(vec3 light, vec2 pixel)
{
    float noise = fract(52.9829189 * fract(dot(pixel, vec2(0.06711056, 0.00583715))));
    return light + sqrt(light) * ((noise - 0.5) * (2.0 / 255.0));
}
