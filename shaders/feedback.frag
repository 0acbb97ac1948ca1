// feedback.frag: the last lines of a feedback pass, after #version, vt_glsl() and a vertex shader
// that gives uv: which page does this pixel want?
in vec2 uv;
layout(location = 0) out uint page_id;

void main()
{
    page_id = vt_feedback(uv);
}
