/* cases.c: the list. */
#include "tools/bench/alloc/case.h"

#include <string.h>

static const bench_case CASES[] = {
    {.name = "article",
     .headline = "ns_per_op",
     .door = DOOR_INTS,
     .quick = true,
     .run = case_article},
    {.name = "bulk", .headline = "ns_per_op", .door = DOOR_INTS, .run = case_bulk},
    {.name = "churn", .headline = "ns_per_op", .quick = true, .run = case_churn},
    {.name = "churn-small", .headline = "ns_per_op", .run = case_churn_small},
    {.name = "ring", .headline = "ns_per_op", .quick = true, .run = case_ring},
    {.name = "tiles", .headline = "ns_per_op", .quick = true, .run = case_tiles},
    {.name = "full", .headline = "ns_per_op_95", .run = case_full},
    {.name = "fill-64", .headline = "ns_per_op_touched", .run = case_fill_64},
    {.name = "fill-4k", .headline = "ns_per_op_touched", .run = case_fill_4k},
    {.name = "fill-64k", .headline = "ns_per_op_touched", .run = case_fill_64k},
    {.name = "occupancy-pow2",
     .headline = "occupancy_percent",
     .bounded = true,
     .single = true,
     .quick = true,
     .run = case_occupancy_powers},
    {.name = "occupancy-typed",
     .headline = "occupancy_percent",
     .door = DOOR_RECORDS,
     .bounded = true,
     .single = true,
     .quick = true,
     .run = case_occupancy_typed},
    {.name = "occupancy-gather",
     .headline = "occupancy_percent",
     .door = DOOR_GATHER,
     .bounded = true,
     .single = true,
     .quick = true,
     .run = case_occupancy_mixed},
    {.name = "occupancy-exact",
     .headline = "occupancy_percent",
     .door = DOOR_EXACT,
     .bounded = true,
     .single = true,
     .quick = true,
     .run = case_occupancy_mixed},
};

const bench_case *case_list(uint32_t *count)
{
    *count = sizeof CASES / sizeof CASES[0];
    return CASES;
}

const bench_case *case_find(const char *name)
{
    uint32_t count;
    const bench_case *all = case_list(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            return &all[i];
        }
    }
    return NULL;
}

bool case_applies(const bench_case *c, const subject *who, uint32_t threads)
{
    return subject_has_door(who, c->door) && (who->bounded || !c->bounded) &&
           (threads == 1 || !c->single);
}
