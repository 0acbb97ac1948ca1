// plain.glsl: what streaming is measured by: vt_sample() as one ordinary mip-mapped texture that is
// all there. Takes vt_glsl()'s place.
layout(binding = 2) uniform sampler2D plain;

vec4 vt_sample(vec2 uv)
{
    return texture(plain, uv);
}
