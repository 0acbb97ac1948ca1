// plain.glsl: the yardstick: vt_sample() as one ordinary mip-mapped texture that is all there. Goes
// in vt_glsl()'s place.
layout(binding = 2) uniform sampler2D plain;

vec4 vt_sample(vec2 uv)
{
    return texture(plain, uv);
}
