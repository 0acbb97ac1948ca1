// terrain.vert: a patch of the ground: a grid whose heights come from the relief's texture. Goes
// after #version and scene.glsl. A corner's place in the grid follows from its number, so there is
// no vertex buffer; a patch is an instance (struct patch_instance of tools/view/scene/scene.c).
layout(binding = 0) uniform sampler2D relief; // metres / 32767

layout(location = 0) in vec4 patch_place;  // x, z of its corner, width, depth; world units
layout(location = 1) in vec4 patch_map;    // u, v of its corner, du, dv
layout(location = 2) in vec4 patch_detail; // mip of the relief; skirt, world units; distances
                                           // between which it turns into its parent's grid

out vec2 uv;
// The air between the camera and the ground changes slowly: computing it at the corners is enough.
out vec3 air;  // its light
out vec3 seen; // share of the ground's light that comes through
out vec3 mirrored; // light that water would mirror here, as far as it comes through the air
out float crisp; // how much the world's own normals count, if it has any

const int CELLS = 32;          // PATCHES_CELLS of tools/view/scene/patches.h
const int CORNERS = CELLS + 3; // along a side: the grid's and a skirt's on both ends

float height_at(vec2 at, float mip)
{
    return textureLod(relief, at, mip).r * 32767.0 * scene_relief;
}

// About sin(2 pi turns), for a fraction of the time.
vec4 swing(vec4 turns)
{
    vec4 half_turns = fract(turns) * 2.0 - 1.0;
    return 4.0 * half_turns * (abs(half_turns) - 1.0);
}

// How much the wind ruffles the sea, from calm, 0, to rough, 1: broad bands with swirls, and finer
// ones where cells are small enough. Each wave has a whole number of turns over the map, so that
// there is no seam.
float ruffled(vec2 map, float fine)
{
    vec4 swirl = swing(vec4(map.y * 23.0, map.x * 17.0, map.x * 61.0 + map.y * 19.0, map.y * 71.0));
    vec4 band = swing(vec4(map.x * 9.0 + 0.31 * swirl.x, map.y * 13.0 + 0.27 * swirl.y,
                           map.x * 97.0 + map.y * 61.0 + 0.42 * swirl.w,
                           map.y * 383.0 - map.x * 149.0 + 0.65 * swirl.z));
    return 0.5 + 0.24 * band.x * band.y + 0.14 * band.z + 0.12 * fine * band.w;
}

const vec3 GLINT = vec3(1.0, 0.84, 0.60); // low in the sky, the sun is golden

// The sun and the sky mirrored in the sea, seen along `away`. Waves are facets at many angles, so
// the sun's image becomes a broad band; the farther away, the more facets lie in a pixel.
vec3 mirror(vec3 away, vec2 map)
{
    float distance = length(away);
    vec3 eye = away / -distance;
    vec3 up = normalize(vec3(2.0 * scene_bend * away.x, 1.0, 2.0 * scene_bend * away.z));
    vec3 facet = normalize(eye + scene_sun.xyz); // the one that mirrors the sun
    float level = max(dot(up, facet), 0.05), seen_up = max(dot(up, eye), 0.0);
    float tilt = (1.0 - level * level) / (level * level); // square of its slope's tangent
    float far = distance / (distance + 150.0);
    float rough = mix(0.010, 0.024, far) * (0.3 + 1.4 * ruffled(map, 1.0 - far));
    float lobe = rough / (rough + tilt);
    float glint = lobe * lobe / (rough + 0.004) * 0.013 / (seen_up + 0.2);
    float grazing = 1.0 - seen_up, square = grazing * grazing;
    float share = 0.02 + 0.60 * square * square * grazing; // of the sky; rough seas mirror less
    vec3 sky = mix(vec3(0.10, 0.22, 0.46), HAZE, square * square);
    return sky * share + GLINT * glint;
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
    float low = clamp(1.5 - altitude, 0.0, 1.0); // ends at 1200 m: a cell at the coast may be high
    mirrored = mirror(away, uv) * seen * low;
    crisp = 1.0 - smoothstep(0.3 * scene_crisp, scene_crisp, length(away));
    gl_Position = scene_projection * vec4(away, 1.0);
}
