#include "tools/view/frame.h"

#include "tools/base/clock.h"

#include <glad/gl.h>

static void draw_feedback(const frame_input *in, const camera *at, vt_feedback_kind kind)
{
    scene_feedback(in->scene, in->world, at, in->width, in->height, kind);
}

/* Looks where the camera will be if it goes on as it did since the last frame; after a cut nobody
 * knows. */
static void draw_predicted(const frame_loop *loop, const frame_input *in)
{
    if (loop->count == 0 || loop->count % FRAME_PREDICT_EVERY != 0 || in->cut ||
        in->steps_ahead <= 0) {
        return;
    }
    const camera ahead = camera_ahead(&loop->last, in->at, in->steps_ahead);
    const camera kept = scene_keep_above(in->scene, &ahead);
    draw_feedback(in, &kept, VT_FEEDBACK_PREDICTED);
}

double frame_run(frame_loop *loop, const frame_input *in)
{
    vt_trace *const t = loop->trace;
    const double from_ms = clock_ms();
    uint64_t ns = vt_trace_now(t);
    vt_update(in->world, &(vt_clock){.now_ms = in->now_ms, .cut = in->cut});
    ns = vt_trace_span(t, loop->trace_row, "vt_update", ns, 0, loop->count);
    draw_feedback(in, in->at, VT_FEEDBACK_NOW);
    draw_predicted(loop, in);
    ns = vt_trace_span(t, loop->trace_row, "feedback pass", ns, 0, loop->count);
    loop->draw(loop->user, in->at);
    ns = vt_trace_span(t, loop->trace_row, "draw", ns, 0, loop->count);
    loop->last = *in->at; /* now: who ends the frame may move the camera */
    if (loop->finish != NULL) {
        loop->finish(loop->user);
    } else {
        glFinish();
        vt_trace_span(t, loop->trace_row, "finish", ns, 0, loop->count);
    }
    loop->count++;
    return clock_ms() - from_ms;
}
