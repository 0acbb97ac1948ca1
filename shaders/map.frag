// map.frag: the atlas itself, small: the texels of every slot, and by colour the size of the
// cluster that it is part of, or how long nobody has wanted it. Row 0 of the atlas is the picture's
// first row. Goes after #version, vt_glsl() and views.h. Writes sRGB as it is: the overlay shows
// bytes.
layout(location = MAP_LOCATION_SCALE) uniform vec2 scale; // slots a pixel
layout(location = MAP_LOCATION_AGE) uniform bool by_age;  // else by the order of clusters
layout(binding = VIEW_UNIT_SLOTS) uniform usampler2D slots;

layout(location = 0) out vec4 colour;

const vec3 TINTS[VIEW_TINTS] = vec3[](
    vec3(VIEW_TINT_0), vec3(VIEW_TINT_1), vec3(VIEW_TINT_2), vec3(VIEW_TINT_3),
    vec3(VIEW_TINT_4), vec3(VIEW_TINT_5), vec3(VIEW_TINT_6), vec3(VIEW_TINT_7));

vec3 texels(ivec2 slot, vec2 inside)
{
    vec2 at = vec2(slot * VT_PAGE_TEXELS) + vt_border + inside * vt_payload;
    vec2 quarter = scale * vt_payload * 0.25; // four samples to a pixel of the map
    vec3 sum = vt_texel(0, at + quarter).rgb + vt_texel(0, at - quarter).rgb +
               vt_texel(0, at + vec2(quarter.x, -quarter.y)).rgb +
               vt_texel(0, at + vec2(-quarter.x, quarter.y)).rgb;
    return pow(clamp(sum * 0.32, 0.0, 1.0), vec3(1.0 / 2.2)); // somewhat brighter: it is small
}

// Whether a pixel lies on the edge of the cluster that the slot is part of.
bool on_edge(ivec2 slot, vec2 inside, int order)
{
    vec2 at = vec2(slot & ((1 << order) - 1)) + inside;
    return at.x < scale.x || at.y < scale.y;
}

void main()
{
    vec2 at = gl_FragCoord.xy * scale;
    ivec2 slot = ivec2(at);
    vec2 inside = fract(at);
    uvec4 who = texelFetch(slots, slot, 0);
    int order = int(who.SLOT_ORDER);
    bool used = (who.SLOT_FLAGS & SLOT_USED) != 0u;
    bool pinned = (who.SLOT_FLAGS & SLOT_PINNED) != 0u;
    vec3 map = used ? texels(slot, inside) : vec3(((slot.x + slot.y) & 1) == 0 ? 0.06 : 0.09);
    if (used && by_age && !pinned) {
        float old = min(log2(1.0 + float(who.SLOT_UNUSED)) / 8.0, 1.0);
        map = mix(map, mix(vec3(1.0, 0.75, 0.35), vec3(0.10, 0.16, 0.42), old), 0.65);
    }
    bool fine = max(scale.x, scale.y) < 0.25; // a slot has pixels to spare for lines
    if (used && fine && on_edge(slot, inside, order)) {
        map = pinned ? vec3(0.95) : order > 0 ? TINTS[(order + 1) % VIEW_TINTS] : vec3(0.25);
    } else if (used && !fine && !by_age) {
        map = mix(map, TINTS[(order + 1) % VIEW_TINTS], order > 0 ? 0.35 : 0.0);
    }
    colour = vec4(map, 1.0);
}
