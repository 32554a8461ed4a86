/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/deadline.h"

#include <signal.h>
#include <unistd.h>

/* Stands in the place of a deadline that is over. */
#define OVER INT64_MIN

static uint64_t bit_of(uint32_t slot)
{
    return (uint64_t)1 << slot % 64;
}

/* Sequentially consistent with crewi_deadline_check(), which clears the bit first and looks at the
 * deadline then: we see the bit cleared, or the server sees the deadline. */
void crewi_deadline_set(struct crewi_port_shared *port, struct crewi_bell *bell, uint32_t slot,
                        int64_t deadline_ns)
{
    _Atomic uint64_t *timed = &bell->timed[slot / 64];
    if (atomic_exchange(&port->deadline_ns, deadline_ns) == OVER)
        for (;;)
            pause(); /* the server's SIGKILL is on its way */
    if (!deadline_ns || (atomic_load(timed) & bit_of(slot)))
        return;
    atomic_fetch_or(timed, bit_of(slot));
    if (atomic_exchange(&bell->server_sleeps, 0))
        kill(getppid(), SIGCHLD);
}

static bool is_any_set(const struct crewi_bell *bell)
{
    for (uint32_t word = 0; word < CREWI_PORT_LIMIT / 64; word++)
        if (atomic_load(&bell->timed[word]))
            return true;
    return false;
}

bool crewi_deadlines_any(struct crewi_bell *bell)
{
    bool any = is_any_set(bell);
    if (!any) {
        atomic_store(&bell->server_sleeps, 1);
        any = is_any_set(bell);
    }
    return any;
}

int64_t crewi_deadline_check(struct crewi_port_shared *port, struct crewi_bell *bell, uint32_t slot,
                             int64_t now_ns)
{
    int64_t deadline_ns = atomic_load(&port->deadline_ns);
    if (!deadline_ns) {
        crewi_deadline_forget(bell, slot);
        deadline_ns = atomic_load(&port->deadline_ns);
        if (deadline_ns)
            atomic_fetch_or(&bell->timed[slot / 64], bit_of(slot));
    }
    if (!deadline_ns)
        return INT64_MAX;
    if (deadline_ns > now_ns)
        return deadline_ns - now_ns;
    /* Another one was set meanwhile: that one holds. */
    bool is_over = atomic_compare_exchange_strong(&port->deadline_ns, &deadline_ns, OVER);
    return is_over ? 0 : CREWI_DEADLINE_LOOK_NS;
}

void crewi_deadline_forget(struct crewi_bell *bell, uint32_t slot)
{
    atomic_fetch_and(&bell->timed[slot / 64], ~bit_of(slot));
}
