// terrain.frag: the ground in colour: the streamed texture, lit by the sun, seen through the air.
// Goes after #version, vt_glsl() and scene.glsl, and after #define TERRAIN_NORMALS where the world
// has normals in its second layer.
layout(binding = 1) uniform sampler2D shade; // normal x, z (heightmap_shade)

in vec2 uv;
in vec3 air;
in vec3 seen;
in vec3 mirrored;
in float crisp;
layout(location = 0) out vec4 colour;

// The picture is as dark as the ground seen from space: it is drawn so much brighter.
const float EXPOSURE = 1.55;
// The baked picture has shaded relief already: the sun only adds to it.
const float SUN_SHARE = 0.74;
const vec3 SHADE_LIGHT = vec3(0.74, 0.94, 1.26); // the sky's
const float NORMAL_GAIN = 2.5; // the layer's slopes are drawn 5 times too steep, the relief 25 times

// x and z of the ground's normal.
#ifdef TERRAIN_NORMALS
vec2 tilt()
{
    vec2 near = vt_sample_layer(1, uv).rg, far = texture(shade, uv).rg;
    return mix(far * (255.0 / 127.0) - 128.0 / 127.0,
               near * (NORMAL_GAIN * 255.0 / 127.0) - NORMAL_GAIN * 128.0 / 127.0, crisp);
}
#else
vec2 tilt()
{
    return texture(shade, uv).rg * (255.0 / 127.0) - 128.0 / 127.0;
}
#endif

vec3 lit(vec3 ground, float wet)
{
    vec2 slope = tilt();
    float upright = sqrt(max(1.0 - dot(slope, slope), 0.05));
    // 1 on level ground
    float facing = max(dot(slope, scene_sun.xz / scene_sun.y) + upright, 0.0);
    float direct = mix(min(facing, 1.9), 1.0, wet); // the sea is flat, whatever lies below it
    return ground * (SUN * (1.08 * SUN_SHARE * EXPOSURE) * direct +
                     SHADE_LIGHT * ((1.0 - SUN_SHARE) * EXPOSURE));
}

// How much of a texel is water: nothing else has so little red for its blue. So the coast is as
// sharp as the picture. That water lies low is in `mirrored` already.
float water(vec3 ground)
{
    return clamp(1.3 - 1.6 * ground.r / (ground.b + 1e-4), 0.0, 1.0);
}

// The checkerboard behind the transparent parts of a picture.
vec3 backdrop()
{
    bvec2 odd = greaterThan(fract(gl_FragCoord.xy / 24.0), vec2(0.5)); // squares of 12 pixels
    return vec3(odd.x == odd.y ? 0.13 : 0.20);
}

void main()
{
    vec4 texel = vt_sample(uv);
    float wet = water(texel.rgb);
    vec3 light = mix(air, lit(texel.rgb, wet), seen) + mirrored * wet;
    vec3 ground = scene_lit > 0.5 ? scene_dither(scene_tone(light), gl_FragCoord.xy)
                                  : mix(backdrop(), texel.rgb, texel.a);
    colour = vec4(ground, 1.0);
}
