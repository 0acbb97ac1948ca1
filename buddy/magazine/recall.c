/* magazine/recall.c: one thread keeps the others out of all stocks and empties them. Who and why is
 * in magazine.h.
 *
 *     owner                         who recalls
 *     busy = 1                      state |= RECALLED
 *     (barrier, by membarrier) <--- membarrier
 *     state == OPEN? go on          busy == 0? its stock is ours
 *
 * Of the two, at least one sees the other. */
#include "buddy/magazine/private.h"

#include "buddy/core/gate.h"

bool magazine_enter_any(buddy_magazine *m, buddy_magazine_stock *stock)
{
    if (buddy_magazine_enter(&m->front, stock)) {
        return true;
    }
    uint32_t state = __atomic_load_n(&m->front.state, __ATOMIC_SEQ_CST);
    if (state == BUDDY_MAGAZINE_EXCHANGE) {
        /* seq_cst, as the load after it and the other side's: one of the two sees the other */
        __atomic_exchange_n(&stock->busy, 1, __ATOMIC_SEQ_CST);
        state = __atomic_load_n(&m->front.state, __ATOMIC_SEQ_CST);
    }
    if ((state & BUDDY_MAGAZINE_RECALLED) == 0) {
        return true; /* by the exchange; or a recall ended between our two loads, and `busy` was set
                        before the second */
    }
    buddy_magazine_leave(stock);
    return false;
}

/* Waits until the stock's owner is not busy. False: that is the calling thread, which would wait
 * for ever. */
static bool wait_for_owner(const buddy_magazine_stock *stock, const buddy_magazine_stock *own)
{
    uint32_t looks = 0;
    /* seq_cst: after the store of `recalled`; acquires what the owner did */
    while (__atomic_load_n(&stock->busy, __ATOMIC_SEQ_CST) != 0) {
        if (stock == own) {
            return false;
        }
        gate_wait(&looks);
    }
    return true;
}

void magazine_keep_out(buddy_magazine *m, const buddy_magazine_stock *own)
{
    /* seq_cst: before the loads of `busy` */
    uint32_t state = __atomic_fetch_or(&m->front.state, BUDDY_MAGAZINE_RECALLED, __ATOMIC_SEQ_CST);
    if (state == BUDDY_MAGAZINE_OPEN && m->stocks_most != 0) { /* else no thread is ever busy */
        magazine_barrier();
    }
    uint32_t used = magazine_stocks_used(m);
    for (uint32_t i = 0; i < used; i++) {
        buddy_magazine_stock *stock = magazine_stock_at(m, i);
        if (wait_for_owner(stock, own)) {
            magazine_empty_stock(m, stock);
        }
    }
    magazine_empty_depots(m);
    /* relaxed: a figure */
    atomic_fetch_add_explicit(&m->recalls, 1, memory_order_relaxed);
}

void magazine_let_in(buddy_magazine *m)
{
    /* release: the stocks as we leave them come before whoever enters next */
    __atomic_fetch_and(&m->front.state, ~(uint32_t)BUDDY_MAGAZINE_RECALLED, __ATOMIC_RELEASE);
}

void magazine_recall_begin(buddy_magazine *m)
{
    at_work_lock(&m->recall);
    magazine_keep_out(m, NULL);
}

void magazine_recall_end(buddy_magazine *m)
{
    magazine_let_in(m);
    at_work_unlock(&m->recall);
}

void magazine_wait_for_recall(buddy_magazine *m)
{
    at_work_lock(&m->recall);
    at_work_unlock(&m->recall);
}
