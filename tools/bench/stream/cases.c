/* cases.c: what `bench stream` flies. World units: a map is 1000 high, so one of two to one is 2000
 * wide; places beyond a narrower map are moved back into it. */
#include "tools/bench/stream/stream.h"

/* A slow look all round, twice. */
static const char PAN[] = "0     0  40  0     0 -22\n"
                          "8.4   0  40  0   360 -28\n"
                          "16.7  0  60  0   720 -20\n";

/* Low and fast over half of the map. */
static const char FLIGHT[] = "0    -700  30   120   60 -20\n"
                             "8    -250  24   -60   75 -17\n"
                             "16    200  42    60  110 -26\n"
                             "25    650  26  -120   85 -15\n"
                             "33.4  950  60   -40  140 -30\n";

static const char STILL[] = "0  -120  45  30  40 -24\n";

/* Ten places: high and low, near and far from each other. */
static const char PLACES[] = "0  -800  40  -200   20 -25 cut\n"
                             "1   500  25   150  200 -20 cut\n"
                             "2    20  90   -50  100 -40 cut\n"
                             "3   850  30   240  310 -22 cut\n"
                             "4  -420  18   260  160 -18 cut\n"
                             "5   250 140  -260   45 -50 cut\n"
                             "6  -650  28    60  270 -20 cut\n"
                             "7   680  60  -120  130 -35 cut\n"
                             "8  -150  22  -300   80 -16 cut\n"
                             "9   380  35   330  350 -28 cut\n";

const stream_case STREAM_CASES[] = {
    {"still", "a camera at rest", STREAM_STILL, STILL, 300, 20, 0, 0, false, true},
    {"pan", "a slow look all round", STREAM_FLIGHT, PAN, 1000, 24, 0, 0, false, true},
    {"flight", "low and fast over half of the map", STREAM_FLIGHT, FLIGHT, 2000, 48, 0, 0, false,
     true},
    {"teleport-warm", "ten jumps to places that RAM still holds", STREAM_TELEPORT, PLACES,
     STREAM_PLACES, 4, 0, 0, true, false},
    {"teleport-cold", "ten jumps to places never seen", STREAM_TELEPORT, PLACES, STREAM_PLACES, 5,
     0, 0, false, false},
    {"pool-100", "the flight, with as many slots as it needs", STREAM_FLIGHT, FLIGHT, 600, 0, 100,
     0, false, false},
    {"pool-75", "… with three quarters of them", STREAM_FLIGHT, FLIGHT, 600, 0, 75, 0, false,
     false},
    {"pool-50", "… with half of them", STREAM_FLIGHT, FLIGHT, 600, 32, 50, 0, false, false},
    {"pool-25", "… with a quarter of them", STREAM_FLIGHT, FLIGHT, 600, 0, 25, 0, false, false},
    {"ram-25", "… with a quarter of the RAM it needs", STREAM_FLIGHT, FLIGHT, 600, 0, 0, 25, false,
     false},
    {"open-cold", "a world opened, of a disk of 20 MB/s and 10 ms a read", STREAM_OPEN, PLACES, 1,
     0, 0, 0, false, false},
    {"open-resumed", "… with what the RAM tier held when it was closed", STREAM_OPEN, PLACES, 1, 0,
     0, 0, true, false},
    {"transfer-ram", "pages from RAM to the atlas, nothing drawn", STREAM_TRANSFER, PLACES,
     STREAM_PLACES, 4, 0, 0, true, false},
    {"transfer-disk", "pages from disk to the atlas, nothing drawn", STREAM_TRANSFER, PLACES,
     STREAM_PLACES, 4, 0, 0, false, false},
};

const uint32_t STREAM_CASE_COUNT = sizeof STREAM_CASES / sizeof STREAM_CASES[0];
