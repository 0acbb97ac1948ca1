// sample.glsl: how a fragment shader looks into a virtual texture. Goes after #version 450 and
// vt_shared.h, before the shader's own text; vt_glsl() is both of them.
//
//     uv ──▶ level of detail ──▶ page table, once ──▶ atlas, twice ──▶ mix
//         vt_locate                vt_entry, vt_find     vt_fetch
//                                  └──── vt_look ────┘
//
// An entry of the page table names two pages: the nearest resident one, and the nearest above it,
// which are the two that trilinear filtering mixes.
//
// uv runs from 0 to 1 over the picture, v downward. Its screen derivatives choose the mip, so call
// these functions outside of branches that pixels of one surface take differently, and let uv run on
// over a seam (1.1 rather than 0.1): it is wrapped here, after its derivatives have been taken.
//
// #define VT_ISOTROPIC above this text, in all programs, leaves anisotropic filtering out, whatever
// vt_anisotropy says. Where anisotropy is off anyway, a software renderer gains by it, since it
// executes both sides of a branch: measured 10 instead of 17 ms for 1280x720 on two cores.
//
// #define VT_RECTANGLE where the atlas is made of rectangle textures (engine/vram/gpu.h): they take
// texels for coordinates, so that filtering in floats gives the same colour in every slot.

layout(binding = VT_UNIT_TABLE) uniform usampler2D vt_table; // a texel a page, all mips
layout(binding = VT_UNIT_AUDIT) uniform usampler2D vt_audit_ids;
#ifdef VT_RECTANGLE
layout(binding = VT_UNIT_ATLAS) uniform sampler2DRect vt_atlas[VT_MAX_LAYERS];
#else
layout(binding = VT_UNIT_ATLAS) uniform sampler2D vt_atlas[VT_MAX_LAYERS];
#endif

// Filled by gpu_bind(); struct gpu_block of engine/vram/gpu_private.h has the same layout.
layout(std140, binding = VT_BLOCK_BINDING) uniform vt_block
{
    vec2 vt_size;          // texels of mip 0
    vec2 vt_atlas_texel;   // 1 / texels of the atlas
    float vt_payload;      // texels of a page without its border
    float vt_border;       // texels
    float vt_bias;         // mips, added to the level of detail
    float vt_feedback_lod; // mips by which the feedback target is coarser than the screen
    ivec2 vt_grid;         // pages of mip 0
    int vt_mips;
    float vt_anisotropy; // 1: off; at most the border
    uint vt_texture;     // number in page ids
    uint vt_wrap_x;      // 1: the left edge continues at the right one
};

// Where a pixel lies in the picture, and how much of it the pixel covers.
struct vt_footprint {
    vec2 texel; // of mip 0
    ivec2 page; // of mip 0; page >> m is the page of mip m, since every mip halves exactly
    vec2 axis;  // texels of mip 0: the footprint's long side
    float ratio; // of its sides; at most vt_anisotropy
    float lod;   // unbiased, not clamped
};

// A resident page, and where in the atlas the pixel lies in it.
struct vt_hit {
    int mip;
    vec2 at; // texel of the atlas
};

// What a pixel shows: `fine`, mixed with `coarse` by `weight`.
struct vt_view {
    vt_hit fine, coarse;
    float weight;
    bool resident; // false: a hole
    bool arrived;  // fine has faded in
};

// 2^-mip, exactly: exp2() is only an approximation on some cards.
float vt_mip_scale(int mip)
{
    return uintBitsToFloat(uint(127 - mip) << 23);
}

vt_footprint vt_locate(vec2 uv)
{
    vec2 dx = dFdx(uv) * vt_size, dy = dFdy(uv) * vt_size;
    float xx = max(dot(dx, dx), 1e-20); // squares of the footprint's sides; 1e-20 is for
    float yy = max(dot(dy, dy), 1e-20); // footprints without extent
    vt_footprint p;
#ifdef VT_ISOTROPIC
    p.axis = vec2(0.0);
    p.ratio = 1.0;
    p.lod = 0.5 * log2(max(xx, yy));
#else
    float square = min(max(xx, yy) / min(xx, yy), vt_anisotropy * vt_anisotropy);
    p.axis = xx > yy ? dx : dy;
    p.ratio = sqrt(square);
    p.lod = 0.5 * log2(max(xx, yy) / square); // of the long side, less what filtering takes care of
#endif
    p.texel = clamp(vec2(vt_wrap_x != 0u ? fract(uv.x) : uv.x, uv.y), 0.0, 1.0) * vt_size;
    // For a texel on the line between two pages a rounding error may pick either: both have it, one
    // of them in its border.
    p.page = min(ivec2(p.texel / vt_payload), vt_grid - 1);
    return p;
}

float vt_clamp_lod(float lod)
{
    return clamp(lod, 0.0, float(vt_mips - 1));
}

uint vt_pack(int mip, ivec2 page)
{
    return vt_texture << VT_ID_TEXTURE_SHIFT | uint(mip) << VT_ID_MIP_SHIFT |
           uint(page.y) << VT_ID_Y_SHIFT | uint(page.x);
}

// The entry of the page of `mip`; engine/page/page.h has the layout of the table.
uvec2 vt_entry(vt_footprint p, int mip)
{
    int above = max(mip - 1, 0);
    ivec2 beside = ivec2(vt_grid.x, vt_grid.y - (vt_grid.y >> above) + above);
    return texelFetch(vt_table, (p.page >> mip) + (mip > 0 ? beside : ivec2(0)), 0).rg;
}

vt_hit vt_find(vt_footprint p, uint slot, uint mip)
{
    vt_hit hit;
    hit.mip = int(mip & 15u);
    // Both terms are whole multiples of the float's last place, so the difference is exact however
    // large the picture is.
    vec2 inside = p.texel * vt_mip_scale(hit.mip) - vec2(p.page >> hit.mip) * vt_payload;
    // Cards weigh by 256ths of a texel. In the middle of one, a rounding error that depends on the
    // slot does not change the weight: a page looks the same wherever it lies.
    inside = (floor(inside * 256.0) + 0.5) / 256.0;
    hit.at = vec2(uvec2(slot, slot >> 8) & 255u) * float(VT_PAGE_TEXELS) + vt_border + inside;
    return hit;
}

// Trilinear filtering by hand, with fading: a page that has just arrived is mixed with the next
// coarser one, more of the latter at first. Where the page of the wanted mip is missing, its
// nearest ancestor is shown without mixing.
vt_view vt_look(vt_footprint p)
{
    float level = vt_clamp_lod(p.lod + vt_bias);
    int mip = int(level);
    uvec2 entry = vt_entry(p, mip);
    vt_view view;
    view.fine = vt_find(p, entry.x >> VT_ENTRY_SLOT_SHIFT, entry.y >> VT_ENTRY_MIP_SHIFT);
    view.coarse = vt_find(p, entry.x >> VT_ENTRY_COARSE_SLOT_SHIFT,
                          entry.y >> VT_ENTRY_COARSE_MIP_SHIFT);
    view.resident = (entry.y >> VT_ENTRY_OK_SHIFT & 1u) != 0u;
    uint fade = entry.y >> VT_ENTRY_FADE_SHIFT;
    view.arrived = fade == 255u;
    float arriving = 1.0 - float(fade) / 255.0;
    view.weight = view.fine.mip == mip ? max(level - float(mip), arriving) : arriving;
    if ((entry.y >> VT_ENTRY_COARSE_OK_SHIFT & 1u) == 0u) {
        view.coarse = view.fine; // nothing coarser to mix with
        view.weight = 0.0;
    }
    return view;
}

// One bilinear sample of the atlas, at a texel.
vec4 vt_texel(int layer, vec2 at)
{
#ifdef VT_RECTANGLE
    return texture(vt_atlas[layer], at);
#else
    return textureLod(vt_atlas[layer], at * vt_atlas_texel, 0.0);
#endif
}

#ifdef VT_ISOTROPIC

vec4 vt_fetch(int layer, vt_footprint p, vt_hit hit)
{
    return vt_texel(layer, hit.at);
}

#else

// One bilinear sample, or several along the footprint. Placed by hand, because a card that places
// them itself may reach beyond the page's border, and because Mesa 22.3's software renderer derives
// gradients from the atlas places of neighbouring pixels even where textureGrad() is given them.
vec4 vt_fetch(int layer, vt_footprint p, vt_hit hit)
{
    vec2 axis = p.axis * vt_mip_scale(hit.mip);
    float extent = length(axis);
    // An ancestor that stands in has fewer texels under the footprint, and needs fewer samples.
    int count = max(int(ceil(min(p.ratio, extent) - 0.01)), 1);
    // Between two mips the footprint is up to twice the ratio long. Where the level of detail was
    // clamped it is longer: cut off, so that the outermost samples stay within the border.
    axis *= min(1.0, 2.0 * vt_anisotropy / max(extent, 1e-10));
    vec4 sum = vec4(0.0);
    for (int i = 0; i < count; i++) {
        vec2 at = hit.at + axis * ((float(i) + 0.5) / float(count) - 0.5);
        sum += vt_texel(layer, at);
    }
    return sum / float(count);
}

#endif

// A layer of the texture at uv. `layer` must be the same for all pixels of a draw call.
vec4 vt_sample_layer(int layer, vec2 uv)
{
    vt_footprint p = vt_locate(uv);
    vt_view view = vt_look(p);
    if (!view.resident) {
        return vec4(0.5, 0.5, 0.5, 1.0); // a hole: plain, and vt_audit() reports it
    }
    vec4 colour = vt_fetch(layer, p, view.fine);
    if (view.weight > 0.0) {
        colour = mix(colour, vt_fetch(layer, p, view.coarse), view.weight);
    }
    return colour;
}

vec4 vt_sample(vec2 uv)
{
    return vt_sample_layer(0, uv);
}

// The mip that uv wants: unbiased, between 0 and the last one.
float vt_lod(vec2 uv)
{
    return vt_clamp_lod(vt_locate(uv).lod);
}

// The packed id of the page that uv wants under the bias. For the feedback target only: it has
// fewer pixels than the screen, so derivatives are larger there, and vt_feedback_lod takes that off
// again.
uint vt_feedback(vec2 uv)
{
    vt_footprint p = vt_locate(uv);
    int mip = int(vt_clamp_lod(p.lod - vt_feedback_lod + vt_bias));
    return vt_pack(mip, p.page >> mip);
}

// Whether the slot that hit points at was filled with the page that the entry means.
bool vt_is_right(vt_footprint p, vt_hit hit)
{
    ivec2 at = ivec2(floor(hit.at)) / (VT_PAGE_TEXELS / VT_AUDIT_TEXELS);
    return texelFetch(vt_audit_ids, at, 0).r == vt_pack(hit.mip, p.page >> hit.mip);
}

// A VT_AUDIT_* value: looks up what vt_sample() looks up, and compares it with the page ids that
// the atlas' slots were filled with. Works only with gpu_desc.audit.
uint vt_audit(vec2 uv)
{
    vt_footprint p = vt_locate(uv);
    vt_view view = vt_look(p);
    if (!view.resident) {
        return uint(VT_AUDIT_HOLE);
    }
    if (!vt_is_right(p, view.fine) || (view.weight > 0.0 && !vt_is_right(p, view.coarse))) {
        return uint(VT_AUDIT_WRONG);
    }
    bool sharp = view.arrived && view.fine.mip <= int(vt_clamp_lod(p.lod));
    return sharp ? uint(VT_AUDIT_SHARP) : uint(VT_AUDIT_COARSER);
}
