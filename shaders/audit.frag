// audit.frag: the last lines of an audit pass, after #version, vt_glsl() and a vertex shader that
// gives uv: is what vt_sample shows at this pixel right?
in vec2 uv;
layout(location = 0) out uint verdict;

void main()
{
    verdict = vt_audit(uv);
}
