/* team.c: threads and a barrier. */
#include "tools/bench/measure/team.h"

#include <pthread.h>

#include "tools/bench/measure/trial.h"

struct team {
    pthread_barrier_t gate;
    team_work *work;
    void *context;
};

typedef struct team_member {
    team *t;
    uint32_t seat;
    pthread_t thread;
} team_member;

static void *run_member(void *context)
{
    const team_member *m = context;
    m->t->work(m->t, m->seat, m->t->context);
    return NULL;
}

void team_run(uint32_t threads, team_work *work, void *context)
{
    team t = {.work = work, .context = context};
    team_member members[TEAM_MOST];
    pthread_barrier_init(&t.gate, NULL, threads);
    for (uint32_t i = 0; i < threads; i++) {
        members[i] = (team_member){.t = &t, .seat = i};
        if (pthread_create(&members[i].thread, NULL, run_member, &members[i]) != 0) {
            trial_give_up("the system gives no more threads"); /* those there are wait for it */
        }
    }
    for (uint32_t i = 0; i < threads; i++) {
        pthread_join(members[i].thread, NULL);
    }
    pthread_barrier_destroy(&t.gate);
}

void team_meet(team *t)
{
    pthread_barrier_wait(&t->gate);
}

uint64_t team_wall_ns(const team_span *spans, uint32_t count, uint32_t stride)
{
    uint64_t begin = UINT64_MAX, end = 0;
    for (uint32_t i = 0; i < count; i++) {
        const team_span *s = (const void *)((const char *)spans + (size_t)i * stride);
        begin = s->begin_ns < begin ? s->begin_ns : begin;
        end = s->end_ns > end ? s->end_ns : end;
    }
    return end - begin;
}
