/* locality_shapes.c: lists and a search tree, built, churned and walked.
 *
 * Lists: nodes are appended to 16 lists in turns of chance. Churn, four times: a quarter of all
 * nodes, drawn by chance, leave; as many come in, each behind a node drawn by chance, which is its
 * hint. Walked from head to tail, list after list.
 *
 * Tree: a binary search tree of random keys, unbalanced. Churn is the same, twice, and a new node's
 * hint is its parent. Walked by looking up keys drawn by chance: a node is one step down, and a lap
 * 10,000 keys. */
#include <stddef.h>

#include "tools/bench/locality/locality_trial.h"
#include "tools/bench/measure/draw.h"
#include "tools/bench/measure/ticks.h"

#define LISTS      (sizeof(((shape_state *)0)->heads) / sizeof(node))
#define LIST_CHURN 4u
#define TREE_CHURN 2u
#define SHARE      4u     /* of the nodes that leave at a time: a quarter */
#define LOOKUPS    10000u /* a lap */
#define LAPS_LEAST 3u
#define DEPTH_MOST 256u /* of a random tree of 2^32 nodes it is below 100 */

/* ---- nodes ---- */

static uint32_t draw_below(shape_state *s, uint32_t limit)
{
    return (uint32_t)((draw_next(&s->random) >> 32) * limit >> 32);
}

static node *take(shape_state *s, const node *near, uint64_t value)
{
    node *n = s->source->take(s->self, near);
    if (n == NULL) {
        return NULL;
    }
    *n = (node){.value = value};
    s->nodes[s->count++] = n;
    s->sum += value;
    return n;
}

/* Gives back the node in `place` of s->nodes, which nobody points at any more. */
static void give(shape_state *s, uint32_t place)
{
    node *n = s->nodes[place];
    s->sum -= n->value;
    s->nodes[place] = s->nodes[--s->count];
    s->source->give(s->self, n);
}

/* ---- laps; the quickest counts, since all that others do on the machine only adds ---- */

typedef struct stopwatch {
    uint64_t lap_began_ns, ends_ns;
    uint32_t laps;
    double quickest_ns; /* a node */
} stopwatch;

static stopwatch start(const shape_state *s)
{
    uint64_t now = clock_ns();
    return (stopwatch){.lap_began_ns = now, .ends_ns = now + (uint64_t)s->time_ns};
}

static bool goes_on(const stopwatch *w)
{
    return w->laps < LAPS_LEAST || w->lap_began_ns < w->ends_ns;
}

/* Ends a lap over so many nodes, and begins the next. */
static void add_lap(stopwatch *w, uint64_t nodes)
{
    uint64_t now = clock_ns();
    double ns = (double)(now - w->lap_began_ns) / (double)nodes;
    w->quickest_ns = w->laps == 0 || ns < w->quickest_ns ? ns : w->quickest_ns;
    w->lap_began_ns = now;
    w->laps++;
}

/* ---- lists ---- */

static bool insert_behind(shape_state *s, node *before)
{
    node *n = take(s, before, draw_next(&s->random));
    if (n == NULL) {
        return false;
    }
    n->one = before->one;
    n->two = before;
    before->one = n;
    if (n->one != NULL) {
        n->one->two = n;
    }
    return true;
}

static void unlink_from_list(node *n)
{
    n->two->one = n->one;
    if (n->one != NULL) {
        n->one->two = n->two;
    }
}

static bool build_lists(shape_state *s)
{
    node *tails[LISTS];
    for (uint32_t i = 0; i < LISTS; i++) {
        tails[i] = &s->heads[i];
    }
    while (s->count < s->capacity) {
        node **tail = &tails[draw_below(s, LISTS)];
        if (!insert_behind(s, *tail)) {
            return false;
        }
        *tail = (*tail)->one;
    }
    return true;
}

static bool churn_lists(shape_state *s)
{
    for (uint32_t i = s->capacity / SHARE; i > 0; i--) {
        uint32_t place = draw_below(s, s->count);
        unlink_from_list(s->nodes[place]);
        give(s, place);
    }
    while (s->count < s->capacity) {
        if (!insert_behind(s, s->nodes[draw_below(s, s->count)])) {
            return false;
        }
    }
    return true;
}

static uint64_t sum_lists(const shape_state *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LISTS; i++) {
        for (const node *n = s->heads[i].one; n != NULL; n = n->one) {
            sum += n->value;
        }
    }
    return sum;
}

static bool walk_lists(shape_state *s)
{
    bool good = sum_lists(s) == s->sum; /* and warm what fits into caches */
    stopwatch w = start(s);
    while (goes_on(&w)) {
        good = sum_lists(s) == s->sum && good;
        add_lap(&w, s->count);
    }
    s->found.walk_ns = w.quickest_ns;
    return good;
}

static bool work_lists(shape_state *s)
{
    bool good = build_lists(s);
    uint64_t begin = clock_ns();
    for (uint32_t i = 0; i < LIST_CHURN; i++) {
        good = good && churn_lists(s);
    }
    const uint32_t pairs_a_turn = s->capacity / SHARE;
    double pairs = (double)LIST_CHURN * pairs_a_turn;
    s->found.churn_ns = (double)(clock_ns() - begin) / pairs;
    return good && walk_lists(s);
}

static void list_neighbours(const shape_state *s, neighbours_visit *visit, void *context)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i]->one != NULL) {
            visit(context, s->nodes[i], s->nodes[i]->one);
        }
    }
}

/* ---- the tree ---- */

static bool insert_key(shape_state *s, uint64_t key)
{
    node **link = &s->root;
    const node *parent = NULL;
    while (*link != NULL) {
        parent = *link;
        link = key < parent->value ? &(*link)->one : &(*link)->two;
    }
    *link = take(s, parent, key);
    return *link != NULL;
}

/* The link that holds n, which is in the tree; keys that are equal lie to the right. */
static node **find_link(shape_state *s, const node *n)
{
    node **link = &s->root;
    while (*link != n) {
        link = n->value < (*link)->value ? &(*link)->one : &(*link)->two;
    }
    return link;
}

/* Takes the node at a link out; the least of those to its right takes its place. */
static void unlink_from_tree(node **link)
{
    node *n = *link;
    if (n->one == NULL || n->two == NULL) {
        *link = n->one != NULL ? n->one : n->two;
        return;
    }
    node **least = &n->two;
    while ((*least)->one != NULL) {
        least = &(*least)->one;
    }
    node *heir = *least;
    *least = heir->two;
    heir->one = n->one;
    heir->two = n->two;
    *link = heir;
}

static bool fill_tree(shape_state *s)
{
    bool good = true;
    while (good && s->count < s->capacity) {
        good = insert_key(s, draw_next(&s->random));
    }
    return good;
}

static bool churn_tree(shape_state *s)
{
    for (uint32_t i = s->capacity / SHARE; i > 0; i--) {
        uint32_t place = draw_below(s, s->count);
        unlink_from_tree(find_link(s, s->nodes[place]));
        give(s, place);
    }
    return fill_tree(s);
}

/* Looks up a key that is there: how many nodes that takes; 0 when it is not found. */
static uint32_t look_up(const shape_state *s, uint64_t key)
{
    uint32_t steps = 1;
    for (const node *n = s->root; n != NULL && steps < DEPTH_MOST; steps++) {
        if (n->value == key) {
            return steps;
        }
        n = key < n->value ? n->one : n->two;
    }
    return 0;
}

static bool walk_tree(shape_state *s, const uint64_t keys[])
{
    bool good = true;
    stopwatch w = start(s);
    while (goes_on(&w)) {
        uint64_t steps = 0;
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            uint32_t more = look_up(s, keys[draw_below(s, s->count)]);
            good = more != 0 && good;
            steps += more;
        }
        add_lap(&w, steps);
    }
    s->found.walk_ns = w.quickest_ns;
    return good;
}

/* The keys of all nodes, so that drawing one does not look at its node: in s->nodes' own memory,
 * behind the pointers. */
static uint64_t *copy_keys(const shape_state *s)
{
    uint64_t *keys = (uint64_t *)(void *)(s->nodes + s->capacity);
    for (uint32_t i = 0; i < s->count; i++) {
        keys[i] = s->nodes[i]->value;
    }
    return keys;
}

static bool work_tree(shape_state *s)
{
    bool good = fill_tree(s);
    uint64_t begin = clock_ns();
    for (uint32_t i = 0; i < TREE_CHURN; i++) {
        good = good && churn_tree(s);
    }
    const uint32_t pairs_a_turn = s->capacity / SHARE;
    double pairs = (double)TREE_CHURN * pairs_a_turn;
    s->found.churn_ns = (double)(clock_ns() - begin) / pairs;
    return good && walk_tree(s, copy_keys(s));
}

static void tree_neighbours(const shape_state *s, neighbours_visit *visit, void *context)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const node *n = s->nodes[i], *children[] = {n->one, n->two};
        for (int child = 0; child < 2; child++) {
            if (children[child] != NULL) {
                visit(context, n, children[child]);
            }
        }
    }
}

const locality_shape LOCALITY_LIST = {"list", work_lists, list_neighbours};
const locality_shape LOCALITY_TREE = {"tree", work_tree, tree_neighbours};
