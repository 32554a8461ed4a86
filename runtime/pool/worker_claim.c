/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/worker_claim.h"

#include "base/clock.h"
#include "base/error.h"

/* A claim takes some 10 ns, and tasks that are claimed stay with the worker. */
#define CLAIM_NS (10 * CREWI_MICROSECOND)
#define MOST_AT_ONCE 4096

/* Results go out so often, for whoever watches or keeps a journal: what has not gone out is lost
 * with the job. */
#define PART_NS (50 * CREWI_MILLISECOND)

void crewi_worker_claim_begin(struct crewi_worker_claim *claim,
                              const struct crewi_pool_chunk *chunk, bool new_map)
{
    claim->key = chunk->key;
    claim->claimed = 0;
    claim->measured = 0;
    if (new_map)
        claim->at_once = 1;
}

bool crewi_worker_claim_reaches(struct crewi_worker_claim *claim, uint64_t next,
                                crew_status *status)
{
    struct crewi_claim_range claimed;
    if (next < claim->claimed)
        return true;
    int found = crewi_claim_take(claim->claims, claim->key, (uint32_t)claim->at_once, &claimed);
    if (found < 0 || (found > 0 && claimed.begin != next)) {
        *status = crewi_error(CREW_EPROTO, "what says which tasks were begun is damaged");
        return false;
    }
    if (found)
        claim->claimed = claimed.end;
    return found;
}

void crewi_worker_claim_pause(struct crewi_worker_claim *claim, uint64_t next, int64_t now_ns)
{
    claim->measured = next;
    claim->measured_ns = now_ns;
    claim->part_ns = now_ns;
}

void crewi_worker_claim_measure(struct crewi_worker_claim *claim, uint64_t next, int64_t now_ns)
{
    uint64_t tasks = next - claim->measured;
    int64_t passed_ns = now_ns - claim->measured_ns;
    if (!tasks)
        return;
    uint64_t most = 2 * claim->at_once < MOST_AT_ONCE ? 2 * claim->at_once : MOST_AT_ONCE;
    uint64_t fitting = passed_ns > 0 ? CLAIM_NS * tasks / (uint64_t)passed_ns : most;
    claim->at_once = fitting < 1 ? 1 : fitting < most ? fitting : most;
    claim->measured = next;
    claim->measured_ns = now_ns;
}

bool crewi_worker_claim_is_late(const struct crewi_worker_claim *claim)
{
    return claim->measured_ns - claim->part_ns >= PART_NS;
}
