// terrain.vert: a patch of the ground: a grid whose heights come from the relief's texture. After
// #version and scene.glsl. A corner's place in the grid follows from its number: no vertex buffer,
// one instance a patch (struct patch_instance of tools/view/scene/scene.c).
layout(binding = 0) uniform sampler2D relief; // metres / 32767

layout(location = 0) in vec4 patch_place;  // x, z of its corner, width, depth; world units
layout(location = 1) in vec4 patch_map;    // u, v of its corner, du, dv
layout(location = 2) in vec4 patch_detail; // mip of the relief; skirt, world units; distances
                                           // between which it turns into its parent's grid

out vec2 uv;
// The air between the camera and the ground changes slowly: once a corner is enough.
out vec3 air;  // its light
out vec3 seen; // share of the ground's light that comes through

const int CELLS = 32;          // PATCHES_CELLS of tools/view/scene/patches.h
const int CORNERS = CELLS + 3; // along a side: the grid's and a skirt's on both ends

float height_at(vec2 at, float mip)
{
    return textureLod(relief, at, mip).r * 32767.0 * scene_relief;
}

void main()
{
    ivec2 corner = ivec2(gl_VertexID % CORNERS, gl_VertexID / CORNERS) - 1;
    ivec2 inner = clamp(corner, ivec2(0), ivec2(CELLS));
    vec2 grid = vec2(inner);
    vec2 flat_place = patch_place.xy + grid / float(CELLS) * patch_place.zw;
    float far = length(vec3(flat_place.x, scene_altitude, flat_place.y));
    float merge = clamp((far - patch_detail.z) / (patch_detail.w - patch_detail.z), 0.0, 1.0);
    grid -= vec2(inner & 1) * merge;

    uv = patch_map.xy + grid / float(CELLS) * patch_map.zw;
    vec2 place = patch_place.xy + grid / float(CELLS) * patch_place.zw;
    float altitude = height_at(uv, patch_detail.x + merge);
    float skirt = corner == inner ? 0.0 : patch_detail.y;
    vec3 away = vec3(place.x, altitude - skirt - scene_altitude - scene_bend * dot(place, place),
                place.y);
    air = scene_air(away);
    seen = scene_seen(away, altitude);
    gl_Position = scene_projection * vec4(away, 1.0);
}
