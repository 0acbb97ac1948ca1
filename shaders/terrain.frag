// terrain.frag: the ground in colour: the streamed texture, lit by the sun, seen through the air.
// After #version, vt_glsl() and scene.glsl.
layout(binding = 1) uniform sampler2D shade; // normal x, z (heightmap_shade)

in vec2 uv;
in vec3 air;
in vec3 seen;
layout(location = 0) out vec4 colour;

// The picture is as dark as the ground seen from space; this is how much brighter it is shown.
const float EXPOSURE = 1.45;
// The bake has relief drawn into the picture already: the sun only adds to it.
const float SUN_SHARE = 0.72;

vec3 lit(vec3 ground)
{
    vec2 slope = (texture(shade, uv).xy * 255.0 - 128.0) / 127.0;
    vec3 normal = normalize(vec3(slope.x, sqrt(max(1.0 - dot(slope, slope), 0.05)), slope.y));
    float facing = max(dot(normal, scene_sun.xyz), 0.0) / scene_sun.y; // 1 on level ground
    float direct = min(facing, 1.7) * SUN_SHARE;
    vec3 light = SUN * 1.08 * direct + vec3(0.80, 0.95, 1.20) * (1.0 - SUN_SHARE);
    return ground * light * EXPOSURE;
}

void main()
{
    vec3 ground = vt_sample(uv).rgb;
    if (scene_lit > 0.5) {
        ground = scene_tone(mix(air, lit(ground), seen));
    }
    colour = vec4(ground, 1.0);
}
