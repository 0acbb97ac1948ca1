// sky.vert: one triangle over the whole picture, behind everything. After #version and scene.glsl.
out vec3 ray;

void main()
{
    vec2 at = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
    ray = scene_ray_z.xyz + at.x * scene_ray_x.xyz + at.y * scene_ray_y.xyz;
    gl_Position = vec4(at, 1.0, 1.0);
}
