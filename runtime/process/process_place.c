/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a process goes: the least busy of the ranks that it may be on. */
#include "process/process_object.h"

#include "node/job.h"

/* A rank says how many processes it has whenever it reports a start or an end to this home, and
 * those of the same host show it in their doorbell pages all the time. */
static uint32_t load_of(const struct crewi_engine *engine, struct crewi_processes *processes,
                        uint32_t rank)
{
    const struct crewi_rank_load *load = &processes->loads[rank];
    if (rank == engine->rank)
        return (uint32_t)processes->hosted.count + load->ordered;
    if (processes->loop && processes->loop->peer_bells && processes->loop->peer_bells[rank])
        return atomic_load(&processes->loop->peer_bells[rank]->hosted) + load->ordered;
    return load->hosted + load->ordered;
}

static bool may_be_on(const struct crewi_process *process, uint32_t rank)
{
    const struct crewi_process_spec *spec = &process->order.spec;
    if (spec->place == CREW_PLACE_RANK)
        return rank == (uint32_t)spec->rank;
    return spec->place != CREW_PLACE_HOST || !crewi_job ||
           crewi_job->ranks[rank].host_index == crewi_job->ranks[spec->rank].host_index;
}

int crewi_process_choose_rank(struct crewi_engine *engine, const struct crewi_process *process)
{
    struct crewi_processes *processes = crewi_processes_of(engine);
    int best = -1;
    uint32_t least = 0;
    for (uint32_t i = 1; i <= engine->rank_count; i++) {
        uint32_t rank = (processes->last_chosen + i) % engine->rank_count;
        if (!may_be_on(process, rank))
            continue;
        uint32_t load = load_of(engine, processes, rank); /* which may be any number */
        if (best < 0 || load < least) {
            best = (int)rank;
            least = load;
        }
    }
    if (process->order.spec.place != CREW_PLACE_RANK)
        processes->last_chosen = (uint32_t)best;
    return best;
}

int crewi_process_next_rank(struct crewi_engine *engine, struct crewi_process *process)
{
    uint32_t rank = (uint32_t)process->rank;
    while (++process->ranks_tried < engine->rank_count) {
        rank = (rank + 1) % engine->rank_count;
        if (may_be_on(process, rank))
            return (int)rank;
    }
    return -1;
}

void crewi_process_count_ordered(struct crewi_engine *engine, int rank)
{
    crewi_processes_of(engine)->loads[rank].ordered++;
}

void crewi_process_count_reported(struct crewi_engine *engine, int rank, uint32_t hosted,
                                  bool started)
{
    struct crewi_rank_load *load = &crewi_processes_of(engine)->loads[rank];
    load->hosted = hosted;
    if (started && load->ordered)
        load->ordered--;
}
