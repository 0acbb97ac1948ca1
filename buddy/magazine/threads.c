/* magazine/threads.c: which thread has which stock: a thread's first call, its end, and fork. What
 * is global to the process is here: a list of all magazines, and each thread's table of its stocks.
 *
 *     stock   new ──▶ a thread's ──▶ without an owner, empty
 *                         ▲                │
 *                         └────────────────┘  another thread's first call */
#include "buddy/magazine/private.h"

#include <string.h>

#include "buddy/core/gate.h"
#include "buddy/system/exit_key.h"

/* By a thread that found no stock left: a search takes a lock. */
#define CALLS_BEFORE_LOOKING 256u

/* Magazines of which a thread remembers that: few, since a plugin's thread-local memory is
 * scarce. */
#define REFUSALS 4u

/* A thread's note that a magazine had no stock left for it. */
typedef struct refusal {
    uint64_t id;    /* of the magazine; 0: none */
    uint32_t calls; /* since then */
} refusal;

BUDDY_MAGAZINE_THREAD_LOCAL buddy_magazine_entry buddy_magazine_entries[BUDDY_MAGAZINE_ENTRIES];
static _Thread_local refusal refused_by[REFUSALS];
static _Thread_local at_work_fork forking __attribute__((tls_model("initial-exec")));

/* Once in a process. */
static pthread_once_t once = PTHREAD_ONCE_INIT, barrier_once = PTHREAD_ONCE_INIT;
static exit_key at_exit;  /* returns a thread's stocks */
static bool has_handlers; /* of fork */
static bool has_barrier;

/* All magazines. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static buddy_magazine *list; /* needs list_lock */
static uint64_t last_id;     /* needs list_lock */

/* ---- stocks ---- */

/* What tells threads apart: the address of something each has for itself. */
static const void *self(void)
{
    return buddy_magazine_entries;
}

/* A stock that no thread has had yet, or NULL. Needs m->owners. */
static buddy_magazine_stock *new_stock(buddy_magazine *m)
{
    uint32_t used = magazine_stocks_used(m);
    if (used == m->stocks_most) {
        return NULL;
    }
    buddy_magazine_stock *stock = magazine_stock_at(m, used);
    memset(stock, 0, sizeof *stock); /* in the last shelf top == base: it stays empty */
    /* Spread over the core by the golden ratio, so that threads seldom meet in one word. */
    uint32_t turn = used * UINT32_C(0x9e3779b9);
    stock->near = (uint32_t)((uint64_t)turn * m->core->units >> 32);
    for (uint32_t order = 0; order <= m->max_order; order++) {
        buddy_magazine_shelf *shelf = &stock->shelves[order];
        shelf->top = shelf->base = shelf->limit = magazine_items(stock) + m->first[order];
        shelf->steady = m->most[order];
    }
    /* seq_cst, and before the stock is entered: see stocks_used */
    atomic_store_explicit(&m->stocks_used, used + 1, memory_order_seq_cst);
    return stock;
}

/* The stock of `owner`, NULL where there is none. Needs m->owners. */
static buddy_magazine_stock *find_stock(const buddy_magazine *m, const void *owner)
{
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        buddy_magazine_stock *stock = magazine_stock_at(m, i);
        if (stock->owner == owner) {
            return stock;
        }
    }
    return NULL;
}

/* A stock for the calling thread: its own, one without an owner, or a new one; NULL: none is
 * left. */
static buddy_magazine_stock *assign_stock(buddy_magazine *m)
{
    at_work_lock(&m->owners);
    buddy_magazine_stock *stock = find_stock(m, self());
    stock = stock != NULL ? stock : find_stock(m, NULL);
    stock = stock != NULL ? stock : new_stock(m);
    if (stock != NULL) {
        stock->owner = self();
    }
    at_work_unlock(&m->owners);
    if (stock != NULL) {
        exit_key_ask(&at_exit, buddy_magazine_entries);
    }
    return stock;
}

/* Whether a thread that found no stock left should go without for now. */
static bool was_refused_lately(const buddy_magazine *m)
{
    refusal *r = &refused_by[m->front.id % REFUSALS];
    return r->id == m->front.id && ++r->calls < CALLS_BEFORE_LOOKING;
}

/* Notes which stock the thread has, or that there is none left. */
static void note_stock(buddy_magazine *m, buddy_magazine_entry *entry)
{
    buddy_magazine_stock *stock = assign_stock(m);
    if (stock != NULL) {
        *entry = (buddy_magazine_entry){m->front.id, stock};
    } else {
        refused_by[m->front.id % REFUSALS] = (refusal){.id = m->front.id};
    }
}

/* Enters a stock that is the caller's, after a wait where a recall is under way. */
static void enter_patiently(buddy_magazine *m, buddy_magazine_stock *stock)
{
    while (!magazine_enter_any(m, stock)) {
        magazine_wait_for_recall(m);
    }
}

buddy_magazine_stock *magazine_claim(buddy_magazine *m)
{
    buddy_magazine_entry *entry = &buddy_magazine_entries[m->front.id % BUDDY_MAGAZINE_ENTRIES];
    if (entry->id != m->front.id) {
        if (m->stocks_most == 0 || was_refused_lately(m)) {
            return NULL;
        }
        note_stock(m, entry);
        if (entry->id != m->front.id) {
            return NULL;
        }
    }
    enter_patiently(m, entry->stock);
    return entry->stock;
}

/* ---- the end of a thread ---- */

static void return_stock(buddy_magazine *m, const void *owner)
{
    at_work_lock(&m->owners);
    buddy_magazine_stock *stock = find_stock(m, owner);
    if (stock != NULL) {
        enter_patiently(m, stock);
        magazine_empty_stock(m, stock);
        stock->owner = NULL;
        buddy_magazine_leave(stock);
    }
    at_work_unlock(&m->owners);
}

static void on_thread_exit(void *owner)
{
    at_work_lock(&list_lock);
    for (buddy_magazine *m = list; m != NULL; m = m->next) {
        return_stock(m, owner);
    }
    memset(buddy_magazine_entries, 0,
           sizeof buddy_magazine_entries); /* a later destructor may call us again */
    at_work_unlock(&list_lock);
}

/* The lock waits for threads that are in on_thread_exit. A signal handler that has interrupted us
 * and calls exit would wait for itself; the process is ending then, so the key may stay. */
static __attribute__((destructor)) void on_code_exit(void)
{
    if (!is_at_work()) {
        at_work_lock(&list_lock);
        exit_key_drop(&at_exit);
        at_work_unlock(&list_lock);
    }
}

/* ---- fork ---- */

/* The calling thread's stock, NULL where it has none. */
static buddy_magazine_stock *own_stock(const buddy_magazine *m)
{
    const buddy_magazine_entry *entry =
        &buddy_magazine_entries[m->front.id % BUDDY_MAGAZINE_ENTRIES];
    return entry->id == m->front.id ? entry->stock : NULL;
}

/* Stops all magazines and their cores, so that the child finds every block either live or in a
 * core, and no thread in the middle of anything. */
static void before_fork(void)
{
    if (!at_work_fork_begins(&forking)) {
        return;
    }
    pthread_mutex_lock(&list_lock);
    for (buddy_magazine *m = list; m != NULL; m = m->next) {
        pthread_mutex_lock(&m->owners);
        pthread_mutex_lock(&m->recall);
        magazine_keep_out(m, own_stock(m));
        (void)gate_close(m->core);
    }
}

static void let_go(buddy_magazine *m)
{
    core_sheet nothing = gate_sheet(m->core);
    gate_open(m->core, &nothing);
    magazine_let_in(m);
    pthread_mutex_unlock(&m->recall);
    pthread_mutex_unlock(&m->owners);
}

static void let_all_go(void)
{
    for (buddy_magazine *m = list; m != NULL; m = m->next) {
        let_go(m);
    }
    pthread_mutex_unlock(&list_lock);
}

static void after_fork_in_parent(void)
{
    if (at_work_fork_holds(&forking)) {
        let_all_go();
    }
    at_work_fork_ends(&forking);
}

/* The other threads are not in the child: their stocks, which are empty, have no owner any more.
 * Those that were copied on their way in, about to find it closed, will never turn back. */
static void forget_others(buddy_magazine *m)
{
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        buddy_magazine_stock *stock = magazine_stock_at(m, i);
        if (stock->owner != self()) {
            stock->owner = NULL;
            __atomic_store_n(&stock->busy, 0, __ATOMIC_RELAXED); /* one thread */
        }
    }
    gate_forget_others(m->core);
}

static void after_fork_in_child(void)
{
    has_barrier = has_barrier && magazine_register_barrier();
    for (buddy_magazine *m = list; m != NULL; m = m->next) {
        if (at_work_fork_holds(&forking)) {
            forget_others(m);
        }
        if (!has_barrier) {
            __atomic_fetch_or(&m->front.state, BUDDY_MAGAZINE_EXCHANGE,
                              __ATOMIC_RELAXED); /* one thread */
        }
    }
    after_fork_in_parent();
}

/* ---- the list ---- */

static void begin_process(void)
{
    exit_key_make(&at_exit, on_thread_exit);
    has_handlers = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}

static void begin_barrier(void)
{
    has_barrier = magazine_register_barrier();
}

bool magazine_register(buddy_magazine *m)
{
    (void)pthread_once(&once, begin_process);
    if (!has_handlers) { /* a child could wait for ever for a lock whose holder it does not have */
        return false;
    }
    if (m->stocks_most != 0) { /* without stocks no thread has to be kept out of them */
        (void)pthread_once(&barrier_once, begin_barrier);
    }
    if (pthread_mutex_init(&m->owners, NULL) != 0) {
        return false;
    }
    if (pthread_mutex_init(&m->recall, NULL) != 0) {
        pthread_mutex_destroy(&m->owners);
        return false;
    }
    at_work_lock(&list_lock);
    m->front.id = ++last_id;
    m->front.entry_at =
        (uint32_t)(m->front.id % BUDDY_MAGAZINE_ENTRIES * sizeof(buddy_magazine_entry));
    m->front.state =
        m->stocks_most != 0 && has_barrier ? BUDDY_MAGAZINE_OPEN : BUDDY_MAGAZINE_EXCHANGE;
    m->next = list;
    m->link = &list;
    if (list != NULL) {
        list->link = &m->next;
    }
    list = m;
    at_work_unlock(&list_lock);
    return true;
}

void magazine_unregister(buddy_magazine *m)
{
    at_work_lock(&list_lock);
    *m->link = m->next;
    if (m->next != NULL) {
        m->next->link = m->link;
    }
    at_work_unlock(&list_lock);
}
