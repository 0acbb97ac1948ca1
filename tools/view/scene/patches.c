#include "tools/view/scene/patches.h"

#include <math.h>
#include <stdlib.h>

enum {
    MAX_ROOTS = 64,  /* along the map; wider maps get oblong patches */
    MAX_COPIES = 6,  /* of a wrapping map, to either side */
    MAX_STRETCH = 4, /* map heights beyond either pole */
    STACK = 4 * PATCHES_MAX,
};

/* Where a patch lies relative to the camera. */
typedef struct box {
    double least[3], most[3]; /* x, y, z */
} box;

static double nearest_in(double least, double most)
{
    return least > 0 ? least : most < 0 ? -most : 0;
}

static double farthest_in(double least, double most)
{
    return fmax(fabs(least), fabs(most));
}

static box box_of(const patches_ground *g, const patches_view *view, const patch *p)
{
    heightmap_range range = {0, 0};
    if (g->heights != NULL) {
        range = heightmap_bounds(g->heights, p->u, p->v, p->u + p->du, p->v + p->dv);
    }
    box b = {{p->x - view->x, 0, p->z - view->z},
             {p->x + p->width - view->x, 0, p->z + p->depth - view->z}};
    const double near_x = nearest_in(b.least[0], b.most[0]);
    const double near_z = nearest_in(b.least[2], b.most[2]);
    const double far_x = farthest_in(b.least[0], b.most[0]);
    const double far_z = farthest_in(b.least[2], b.most[2]);
    b.least[1] =
        range.least * g->metres_to_units - view->y - g->bend * (far_x * far_x + far_z * far_z);
    b.most[1] =
        range.most * g->metres_to_units - view->y - g->bend * (near_x * near_x + near_z * near_z);
    return b;
}

static double distance_to(const box *b)
{
    double sum = 0;
    for (int axis = 0; axis < 3; axis++) {
        const double d = nearest_in(b->least[axis], b->most[axis]);
        sum += d * d;
    }
    return sqrt(sum);
}

static bool is_outside(const patches_view *view, const box *b)
{
    for (int i = 0; i < 6; i++) {
        const float *plane = view->planes[i];
        double highest = plane[3]; /* of the plane's equation over the box */
        for (int axis = 0; axis < 3; axis++) {
            highest += plane[axis] * (plane[axis] > 0 ? b->most[axis] : b->least[axis]);
        }
        if (highest < 0) {
            return true;
        }
    }
    return false;
}

static patch quarter(const patch *p, int which)
{
    const int east = which & 1, south = which >> 1;
    patch q = *p;
    q.width /= 2;
    q.depth /= 2;
    q.du /= 2;
    q.dv /= 2;
    q.x += east * q.width;
    q.z += south * q.depth;
    q.u += east * q.du;
    q.v += south * q.dv;
    q.level++;
    return q;
}

/* Pushes the roots of one copy of the map, `row` maps to the south of it; returns the new height of
 * the stack. */
static uint32_t push_roots(const patches_ground *g, int copy, int row, patch *stack, uint32_t count)
{
    const double squares = round(g->width / g->height);
    const uint32_t roots = squares < 1 ? 1 : squares > MAX_ROOTS ? MAX_ROOTS : (uint32_t)squares;
    for (uint32_t i = 0; i < roots; i++) {
        stack[count++] = (patch){
            .x = g->width * (copy - 0.5 + (double)i / roots),
            .z = g->height * (row - 0.5),
            .width = g->width / roots,
            .depth = g->height,
            .u = (double)i / roots,
            .v = row,
            .du = 1.0 / roots,
            .dv = 1,
        };
    }
    return count;
}

/* Pushes the map, or as many copies of it as can be seen. */
static uint32_t push_map(const patches_ground *g, const patches_view *view, patch *stack)
{
    if (!g->wrap_x) {
        return push_roots(g, 0, 0, stack, 0);
    }
    const double sight = view->far_distance;
    const int west = (int)fmax(floor((view->x - sight) / g->width + 0.5), -MAX_COPIES);
    const int east = (int)fmin(floor((view->x + sight) / g->width + 0.5), MAX_COPIES);
    const int north = (int)fmax(floor((view->z - sight) / g->height + 0.5), -MAX_STRETCH);
    const int south = (int)fmin(floor((view->z + sight) / g->height + 0.5), MAX_STRETCH);
    uint32_t count = 0;
    for (int row = north; row <= south; row++) {
        for (int copy = west; copy <= east; copy++) {
            if (count + MAX_ROOTS <= STACK) {
                count = push_roots(g, copy, row, stack, count);
            }
        }
    }
    return count;
}

static int nearest_first(const void *a, const void *b)
{
    const double x = ((const patch *)a)->distance, y = ((const patch *)b)->distance;
    return (x > y) - (x < y);
}

uint32_t patches_select(const patches_ground *g, const patches_view *view, patch *out)
{
    const double detail = view->detail > 0 ? view->detail : PATCHES_DETAIL;
    patch stack[STACK];
    uint32_t waiting = push_map(g, view, stack), chosen = 0;
    while (waiting > 0 && chosen < PATCHES_MAX) {
        patch p = stack[--waiting];
        const box b = box_of(g, view, &p);
        p.distance = distance_to(&b);
        if (p.distance > view->far_distance || is_outside(view, &b)) {
            continue;
        }
        const bool near = fmax(p.width, p.depth) > detail * p.distance;
        if (near && p.level < g->max_level && waiting + 4 <= STACK &&
            chosen + waiting + 4 <= PATCHES_MAX) {
            for (int i = 0; i < 4; i++) {
                stack[waiting++] = quarter(&p, i);
            }
            continue;
        }
        out[chosen++] = p;
    }
    qsort(out, chosen, sizeof *out, nearest_first);
    return chosen;
}
