// pick.frag: what a pixel wants and what it shows. Goes after #version and vt_glsl();
// tools/view/scene/views.c reads it back.
in vec2 uv;
layout(location = 0) out uvec4 seen;

void main()
{
    vt_footprint p = vt_locate(uv);
    vt_view view = vt_look(p);
    int mip = int(vt_clamp_lod(p.lod));
    uvec2 slot = uvec2(view.fine.at) / uint(VT_PAGE_TEXELS);
    seen = uvec4(vt_pack(mip, p.page >> mip), uint(view.fine.mip) | (view.arrived ? 256u : 0u),
                 floatBitsToUint(p.lod), slot.y << 8 | slot.x);
}
