/* bias.h: makes a texture a little coarser when the atlas is too small for what the frame wants of
 * it, and finer again when there is room: a softer picture instead of pages that push each other
 * out. A control loop as a pure state machine; the conductor feeds it once for each feedback image.
 *
 * The bias goes up while wanted pages find no slot. Demand falls by four with every mip, so the
 * first step already goes as far as the excess calls for. It goes down by small steps, each only
 * when the demand that a finer step should bring still leaves a margin. Where the step brings more
 * than that, as when a whole picture crosses from one mip to the next, it is taken back and not
 * tried again until demand has fallen. So a still camera comes to rest at any budget. */
#ifndef MEGABUDDY_ENGINE_BIAS_H
#define MEGABUDDY_ENGINE_BIAS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct bias {
    float value;    /* mips; 0 … limit; what shaders add to the level of detail */
    float limit;    /* mips */
    float peak;     /* largest value so far */
    uint32_t quiet; /* images since value last changed */

    uint32_t before;   /* pages wanted before the last step, when that was one down; else 0 */
    float barrier;     /* a value that proved too fine … */
    uint32_t too_many; /* … when so many pages were wanted just above it; 0: there is none */
} bias;

/* One image: `wanted` pages of it and of those before that are still kept, `capacity` slots for
 * them, and whether some had to be refused. Returns whether the value changed. */
bool bias_step(bias *b, uint32_t wanted, uint32_t capacity, bool refused);

#endif
