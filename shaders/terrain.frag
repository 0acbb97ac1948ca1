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

// What lies behind the transparent parts of a picture: the squares that pictures have behind them.
vec3 backdrop()
{
    ivec2 square = ivec2(gl_FragCoord.xy) / 12;
    return vec3(((square.x + square.y) & 1) == 0 ? 0.13 : 0.20);
}

void main()
{
    vec4 texel = vt_sample(uv);
    vec3 ground = scene_lit > 0.5 ? scene_tone(mix(air, lit(texel.rgb), seen))
                                  : mix(backdrop(), texel.rgb, texel.a);
    colour = vec4(ground, 1.0);
}
