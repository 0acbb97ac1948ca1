#include "tools/bench/stream/picture_pair.h"

#include "tools/bench/stream/stream.h"
#include "tools/view/headless/measure.h"
#include "tools/view/headless/reference.h"

#include <math.h>
#include <stdlib.h>

double picture_pairs_compare(const picture_pair pairs[], uint32_t count, scene *s, vt_desc desc,
                             const target *colour, const target *verdict)
{
    char error[STREAM_LINE_BYTES];
    const size_t pixels = (size_t)colour->width * colour->height;
    uint8_t *right = malloc(pixels * 4), *verdicts = malloc(pixels);
    vt *world = reference_open(desc, error, sizeof error);
    double clock_ms = 0;
    bool good = right != NULL && verdicts != NULL && world != NULL;
    double least_db = MEASURE_PSNR_CAP;
    for (uint32_t i = 0; i < count && good; i++) {
        good = reference_fetch(s, world, &pairs[i].at, &clock_ms);
        if (good) {
            scene_draw_into(s, world, &pairs[i].at, colour, SCENE_COLOUR);
            target_read(colour, right);
            scene_draw_into(s, world, &pairs[i].at, verdict, SCENE_AUDIT);
            target_read(verdict, verdicts);
            least_db = fmin(least_db, measure_psnr(pairs[i].pixels, right, verdicts, pixels));
        }
    }
    vt_destroy(world);
    free(right);
    free(verdicts);
    if (!good) {
        (void)stream_fail("pictures could not be compared with those of a world all there");
    }
    return good ? least_db : -1;
}
