/* locality_trial.h: one trial of `bench locality`: a shape of so many nodes from one source,
 * churned and then walked, in a process of its own, so that each begins with fresh memory.
 *
 *     locality.c           the command line, rounds, what comes of it
 *     locality_trial.c     the process, what neighbours are apart
 *     locality_sources.c   where nodes come from
 *     locality_shapes.c    lists and trees: building, churning, walking */
#ifndef MEGABUDDY_TOOLS_BENCH_LOCALITY_TRIAL_H
#define MEGABUDDY_TOOLS_BENCH_LOCALITY_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

/* A node of a list (next, before) or of a tree (left, right): three words, as in std::list<long>.
 */
typedef struct node {
    struct node *one, *two;
    uint64_t value;
} node;

_Static_assert(sizeof(node) == 24 || sizeof(void *) < 8, "what --help says of the sizes of nodes");

/* Where nodes come from. */
typedef struct node_source {
    const char *name;
    void *(*open)(uint32_t nodes); /* NULL without memory; not freed: a trial is a process */
    node *(*take)(void *self, const node *near); /* NULL when refused */
    void (*give)(void *self, node *n);
} node_source;

const node_source *locality_sources(uint32_t *count);

/* What is measured. */
typedef struct locality_figures {
    double walk_ns;              /* a node */
    double churn_ns;             /* a node given back and one taken, finding its place included */
    double same_line, same_page; /* percent of neighbours: in 64 bytes, in 4 KiB */
    double apart_bytes;          /* median distance of neighbours */
    double span_bytes;           /* from the first node to the last, a node */
} locality_figures;

/* A shape under work. */
typedef struct shape_state {
    const node_source *source;
    void *self;
    node **nodes; /* all that are live, in any order */
    uint32_t count, capacity;
    uint64_t random;
    uint64_t sum;           /* of all live values: what a walk has to find */
    double time_ns;         /* that walking takes at least */
    node heads[16];         /* of lists */
    node *root;             /* of the tree */
    locality_figures found; /* walk_ns and churn_ns */
} shape_state;

/* Calls visit for every pair of neighbours. */
typedef void neighbours_visit(void *context, const node *a, const node *b);

typedef struct locality_shape {
    const char *name;
    bool (*work)(shape_state *s); /* builds, churns and walks; false: refused, or a wrong sum */
    void (*neighbours)(const shape_state *s, neighbours_visit *visit, void *context);
} locality_shape;

extern const locality_shape LOCALITY_LIST, LOCALITY_TREE;

typedef struct locality_spec {
    const locality_shape *shape;
    const node_source *source;
    uint32_t nodes;
    uint64_t seed;
    double time_ns; /* that walking takes at least */
} locality_spec;

/* Runs it in a process of its own. False when that fails. */
bool locality_run(const locality_spec *spec, locality_figures *out);

#endif
