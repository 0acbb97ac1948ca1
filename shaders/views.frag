// views.frag: the ground coloured by what streaming does to it instead of by its texture, which
// stays visible as light and dark. Goes after #version, vt_glsl() and views.h.
layout(location = VIEW_LOCATION) uniform int view; // VIEW_*
layout(binding = VIEW_UNIT_SLOTS) uniform usampler2D slots;

in vec2 uv;
layout(location = 0) out vec4 colour;

const vec3 TINTS[VIEW_TINTS] = vec3[](
    vec3(VIEW_TINT_0), vec3(VIEW_TINT_1), vec3(VIEW_TINT_2), vec3(VIEW_TINT_3),
    vec3(VIEW_TINT_4), vec3(VIEW_TINT_5), vec3(VIEW_TINT_6), vec3(VIEW_TINT_7));
const vec3 LACKS[3] = vec3[](vec3(VIEW_LACKS_1), vec3(VIEW_LACKS_2), vec3(VIEW_LACKS_3));

vec3 linear(vec3 srgb)
{
    return srgb * srgb * (0.7 * srgb + 0.3); // close enough for a legend
}

// Light and dark of the texture, never black, so that a colour on it can be recognised.
float shade(vec3 texel)
{
    return 0.25 + 0.75 * sqrt(clamp(dot(texel, vec3(0.3, 0.6, 0.1)) * 2.0, 0.0, 1.0));
}

vec3 tint(int mip)
{
    return linear(TINTS[mip % VIEW_TINTS]);
}

// The mip shown; while a page fades in, both.
vec3 got(vt_view seen)
{
    vec3 fine = tint(seen.fine.mip);
    return seen.arrived ? fine : mix(fine, tint(seen.coarse.mip), seen.weight);
}

uvec4 slot_of(vt_hit hit)
{
    return texelFetch(slots, ivec2(hit.at) / VT_PAGE_TEXELS, 0);
}

// Beyond the poles the ground is the map's last row, stretched: it has no edges of its own.
float on_map()
{
    return uv.y > 0.0 && uv.y < 1.0 ? 1.0 : 0.0;
}

// How much of the pixel a line covers that is `width` pixels wide and runs along the edge of a
// square. In texels: the pixel's place `inside` the square, the square's `side`, and the size of a
// `pixel`.
float line(vec2 inside, float side, vec2 pixel, float width)
{
    vec2 edge = min(inside, side - inside) / max(pixel, 1e-6);
    float nearest = min(edge.x, edge.y);
    return on_map() * (1.0 - smoothstep(0.5 * width - 0.5, 0.5 * width + 0.5, nearest));
}

// Pages have thin borders; the cluster that a page still lies in with its siblings has a thick one,
// coloured by its order. `pixel`: texels of mip 0.
vec3 borders(vec3 texel, vt_footprint p, vt_view seen, vec2 pixel)
{
    float scale = vt_mip_scale(seen.fine.mip);
    int order = int(slot_of(seen.fine).SLOT_ORDER);
    ivec2 page = p.page >> seen.fine.mip;
    vec2 inside = p.texel * scale - vec2(page) * vt_payload;
    vec2 in_cluster = inside + vec2(page & ((1 << order) - 1)) * vt_payload;
    vec3 ground = texel * 1.3 + 0.01;
    ground = mix(ground, vec3(0.85), 0.8 * line(inside, vt_payload, pixel * scale, 1.0));
    float thick = line(in_cluster, vt_payload * float(1 << order), pixel * scale, 4.0);
    return mix(ground, tint(order + 1), order > 0 ? thick : 0.0);
}

// White-hot just now, then red, and blue after half a minute. Pinned pages are grey: their age says
// nothing.
vec3 age(vt_view seen)
{
    uvec4 slot = slot_of(seen.fine);
    float old = float(slot.SLOT_AGE) / 160.0; // 1: 31 seconds
    vec3 young = mix(vec3(1.0, 0.95, 0.75), vec3(0.95, 0.28, 0.10), smoothstep(0.0, 0.45, old));
    vec3 both = mix(young, vec3(0.13, 0.18, 0.42), smoothstep(0.4, 1.0, old));
    return (slot.SLOT_FLAGS & SLOT_PINNED) != 0u ? vec3(0.30) : linear(both);
}

vec3 heat(vt_footprint p, vt_view seen)
{
    int lacks = seen.fine.mip - int(vt_clamp_lod(p.lod));
    vec3 sharp = seen.arrived ? vec3(0.10, 0.13, 0.16) : vec3(0.10, 0.35, 0.55);
    return lacks <= 0 ? sharp : linear(LACKS[min(lacks, 3) - 1]);
}

void main()
{
    vt_footprint p = vt_locate(uv);
    vec2 pixel = fwidth(p.texel); // texels of mip 0
    vt_view seen = vt_look(p);
    vec3 texel = vt_sample(uv).rgb;
    vec3 light = vec3(0.0);
    switch (view) {
    case VIEW_WANTED:
        light = tint(int(vt_clamp_lod(p.lod))) * shade(texel);
        break;
    case VIEW_GOT:
        light = got(seen) * shade(texel);
        break;
    case VIEW_BORDERS:
        light = borders(texel, p, seen, pixel);
        break;
    case VIEW_AGE:
        light = age(seen) * shade(texel);
        break;
    case VIEW_HEAT:
        light = heat(p, seen) * shade(texel);
        break;
    case VIEW_WIREFRAME:
        light = vec3(0.35, 0.85, 0.95);
        break;
    }
    float opacity = view == VIEW_WIREFRAME ? 0.3 : 1.0;
    colour = vec4(seen.resident ? light : vec3(1.0, 0.0, 1.0), opacity);
}
