// sky.frag: the sky where there is no ground; around a picture, plain dark. Goes after #version and
// scene.glsl.
in vec3 ray;
layout(location = 0) out vec4 colour;

const float STAR_CELLS = 48.0; // cells along an edge of a cube around the camera

vec3 hash(vec3 p)
{
    p = fract(p * vec3(0.1031, 0.1030, 0.0973));
    p += dot(p, p.yxz + 33.33);
    return fract((p.xxy + p.yxx) * p.zyx);
}

// Stars in direction `to`; `pixel` is the angle of a pixel. Each cell of the cube has a star or
// none, at a place that depends on the cell alone. A star that would be smaller than a pixel is
// drawn dimmer instead, so that it does not flicker while the camera turns.
vec3 stars(vec3 to, float pixel)
{
    vec3 size = abs(to);
    bool x = size.x > max(size.y, size.z), y = !x && size.y > size.z;
    vec3 face = x ? to.xyz : y ? to.yzx : to.zxy;
    vec2 place = (face.yz / abs(face.x) * 0.5 + 0.5) * STAR_CELLS;
    vec3 cell = vec3(floor(place), (x ? 1.0 : y ? 2.0 : 3.0) + (face.x > 0.0 ? 10.0 : 20.0));
    vec3 random = hash(cell), other = hash(cell.yzx + 17.0);
    vec2 away = (fract(place) - (0.2 + 0.6 * random.xy)) * (2.0 / STAR_CELLS);
    float radius = max(1.3 * pixel, 0.0011);
    float spot = max(1.0 - dot(away, away) / (radius * radius), 0.0);
    float bright = random.z * random.z;
    bright *= bright; // few are bright
    vec3 tint = mix(vec3(1.0, 0.82, 0.66), vec3(0.72, 0.84, 1.0), other.y);
    float dim = 0.0011 / radius;
    return tint * (other.x > 0.55 ? spot * spot * (0.04 + 1.1 * bright * bright) * dim * dim : 0.0);
}

void main()
{
    float stretch = length(ray);
    vec3 to = ray / stretch;
    float pixel = length(dFdy(ray)) / stretch;
    vec3 sky = scene_sky(to);
    sky += stars(to, pixel) * max(1.0 - dot(sky, vec3(6.0)), 0.0);
    sky = scene_lit > 0.5 ? scene_dither(scene_tone(sky), gl_FragCoord.xy)
                          : vec3(0.012, 0.013, 0.016);
    colour = vec4(sky, 1.0);
}
