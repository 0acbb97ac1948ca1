// terrain.frag: the ground in colour: the streamed texture, lit by the sun, seen through the air.
// After #version, vt_glsl() and scene.glsl.
layout(binding = 1) uniform sampler2D shade; // normal x, z; sea (heightmap_shade)

in vec2 uv;
in vec3 away;
in float altitude;
layout(location = 0) out vec4 colour;

// The bake has relief drawn into the picture already: the sun only adds to it.
const float SUN_SHARE = 0.55;

vec3 lit(vec3 ground)
{
    vec4 texel = texture(shade, uv);
    vec2 slope = (texel.xy * 255.0 - 128.0) / 127.0;
    vec3 normal = normalize(vec3(slope.x, sqrt(max(1.0 - dot(slope, slope), 0.05)), slope.y));
    float facing = max(dot(normal, scene_sun.xyz), 0.0) / scene_sun.y; // 1 on level ground
    vec3 light = mix(vec3(0.86, 0.95, 1.10), SUN * 1.08, min(facing, 1.6) * SUN_SHARE + 0.1);
    vec3 shown = ground * light * (1.0 - SUN_SHARE + SUN_SHARE * min(facing, 1.8));
    // A glint of the sun on the sea, wide since the waves are not drawn.
    vec3 half_way = normalize(scene_sun.xyz - normalize(away));
    float glint = pow(max(half_way.y, 0.0), 90.0) * texel.z;
    return shown + SUN * glint * 0.35;
}

void main()
{
    vec3 ground = vt_sample(uv).rgb;
    if (scene_lit > 0.5) {
        ground = scene_tone(scene_haze(lit(ground), away, altitude));
    }
    colour = vec4(ground, 1.0);
}
