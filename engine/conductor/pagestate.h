/* pagestate.h: the state of every page of a texture, and who may change it.
 *
 *      absent ──▶ queued ──▶ reading ──▶ in RAM ──▶ decoding ──▶ staged ──▶ resident
 *        ▲          │          │                                  │            │
 *        │          └──────────┴──── failed, corrupt ◀────────────┘            │
 *        └──────────────────────────── evicted ◀───────────────────────────────┘
 *
 *   state       thread that ends it            what this table says
 *   absent      conductor (submits a job)      PAGE_ABSENT
 *   queued      fetch worker (takes the job)   PAGE_QUEUED, from submission to arrival
 *   reading     fetch worker                     "
 *   in RAM      decode worker (takes the job)    "    (besides, the RAM tier may hold any page)
 *   decoding    decode worker                    "
 *   staged      conductor (uploads)              "
 *   resident    conductor (evicts)             PAGE_RESIDENT: in the atlas and the page table
 *   failed      conductor (after a pause)      PAGE_FAILED: the disk or the RAM tier refused it
 *   corrupt     nobody                         PAGE_CORRUPT: drawn from its ancestor for good
 *
 * While a job travels, the one thread that works on it owns it. This table belongs to the
 * conductor, and says PAGE_QUEUED all that time. */
#ifndef MEGABUDDY_ENGINE_PAGESTATE_H
#define MEGABUDDY_ENGINE_PAGESTATE_H

#include "engine/page/page.h"

typedef enum page_state {
    PAGE_ABSENT = 0,
    PAGE_QUEUED,
    PAGE_RESIDENT,
    PAGE_FAILED,
    PAGE_CORRUPT,
} page_state;

#define PAGESTATE_RETRIES 256

typedef struct pagestate {
    vt_shape shape;
    uint8_t *states; /* a page_state a page, by page_index */
    struct {
        vt_page page;
        uint64_t when;
    } retries[PAGESTATE_RETRIES]; /* failed pages, a ring in order of `when` */
    uint32_t retry_first, retry_count;
} pagestate;

bool pagestate_init(pagestate *s, const vt_shape *shape); /* false: no memory */
void pagestate_finish(pagestate *s);
uint64_t pagestate_memory_bytes(const vt_shape *shape); /* pure */

page_state pagestate_get(const pagestate *s, vt_page p);
void pagestate_set(pagestate *s, vt_page p, page_state state);

/* Makes p PAGE_FAILED until `when`, which must not be less than in earlier calls. When more than
 * PAGESTATE_RETRIES pages have failed the one that waits longest becomes absent at once. */
void pagestate_fail(pagestate *s, vt_page p, uint64_t when);

/* Makes the failed pages whose time has come absent again, unless something else has become of them
 * meanwhile. */
void pagestate_retry(pagestate *s, uint64_t now);

#endif
