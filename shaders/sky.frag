// sky.frag: the sky where there is no ground; around a picture, plain dark. After #version and
// scene.glsl.
in vec3 ray;
layout(location = 0) out vec4 colour;

void main()
{
    vec3 sky = scene_lit > 0.5 ? scene_tone(scene_sky(normalize(ray))) : vec3(0.012, 0.013, 0.016);
    colour = vec4(sky, 1.0);
}
