#include "buddy/system/at_work.h"

__thread uint32_t at_work_depth __attribute__((tls_model("initial-exec")));

/* Of at_work_depth: modules of which the thread holds all locks for a fork. They are no reason for
 * the next module not to take its own. */
static __thread uint32_t forks_held __attribute__((tls_model("initial-exec")));

bool at_work_fork_begins(at_work_fork *f)
{
    f->depth++;
    if (f->locked != 0 || at_work_depth != forks_held) {
        return false;
    }
    f->locked = f->depth;
    forks_held++;
    at_work_begin();
    return true;
}

bool at_work_fork_holds(const at_work_fork *f)
{
    return f->locked == f->depth;
}

void at_work_fork_ends(at_work_fork *f)
{
    if (at_work_fork_holds(f)) {
        at_work_end();
        forks_held--;
        f->locked = 0;
    }
    f->depth--;
}
