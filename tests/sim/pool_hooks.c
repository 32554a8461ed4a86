/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between the files of a pool's home: the linker has these functions called instead of
 * those that they are named after, so that the model hears who is killed, and something wrong can
 * be planted. */
#include "pool/pool_home.h"
#include "pool_plants.h"
#include "pool_user.h"
#include "sim_scenarios.h"

#include <stddef.h>
#include <string.h>

const struct sim_plant pool_plants[] = {
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"double-reply", SIM_PLANT_DOUBLE, CREWI_REPLY, 0, 0},
    {"lost-chunk", SIM_PLANT_DROP, CREWI_DELIVERY, CREWI_KIND_POOL, CREWI_POOL_CHUNK},
    {"double-chunk", SIM_PLANT_DOUBLE, CREWI_DELIVERY, CREWI_KIND_POOL, CREWI_POOL_CHUNK},
    {"lost-stop", SIM_PLANT_DROP, CREWI_DELIVERY, CREWI_KIND_POOL, CREWI_POOL_STOP},
    {"lost-result", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_POOL, CREWI_POOL_RESULT},
    {"double-result", SIM_PLANT_DOUBLE, CREWI_NOTE, CREWI_KIND_POOL, CREWI_POOL_RESULT},
    {"lost-ready", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_POOL, CREWI_POOL_READY},
    {"lost-end", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PROCESS, CREWI_PROCESS_ENDED},
    {"return-lost", SIM_PLANT_OWN, 0, 0, POOL_RETURN_LOST},
    {"return-twice", SIM_PLANT_OWN, 0, 0, POOL_RETURN_TWICE},
    {"chunk-twice", SIM_PLANT_OWN, 0, 0, POOL_CHUNK_TWICE},
    {"draft-ignored", SIM_PLANT_OWN, 0, 0, POOL_DRAFT_IGNORED},
    {"draft-too-long", SIM_PLANT_OWN, 0, 0, POOL_DRAFT_TOO_LONG},
    {"death-ignored", SIM_PLANT_OWN, 0, 0, POOL_DEATH_IGNORED},
    {"feed-forgotten", SIM_PLANT_OWN, 0, 0, POOL_FEED_FORGOTTEN},
    {"kill-ignored", SIM_PLANT_OWN, 0, 0, POOL_KILL_IGNORED},
    {"report-lost", SIM_PLANT_OWN, 0, 0, POOL_REPORT_LOST},
    {"report-twice", SIM_PLANT_OWN, 0, 0, POOL_REPORT_TWICE},
    {"error-misplaced", SIM_PLANT_OWN, 0, 0, POOL_ERROR_MISPLACED},
    {"taken-and-kept", SIM_PLANT_OWN, 0, 0, POOL_TAKEN_AND_KEPT},
    {"kill-blind", SIM_PLANT_OWN, 0, 0, POOL_KILL_BLIND},
    {"stolen-lost", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_POOL, CREWI_POOL_STOLEN},
    {0},
};

/* Whether it goes wrong here and now; @p fits: whether it can. */
static bool is_planted(enum pool_plant which, bool fits)
{
    struct sim_job *job = sim_job_current();
    if (!job || job->scenario != &sim_pool_scenario)
        return false;
    const struct sim_plant *plant = job->network.plant;
    if (!fits || !plant || plant->action != SIM_PLANT_OWN || plant->op != which)
        return false;
    if (job->network.until_plant--)
        return false;
    sim_trace(job, "-- and this is the plant");
    return true;
}

crew_status __real_crewi_schedule_return(struct crewi_schedule *schedule, struct crewi_range range);
crew_status __wrap_crewi_schedule_return(struct crewi_schedule *schedule, struct crewi_range range);
crew_status __wrap_crewi_schedule_return(struct crewi_schedule *schedule, struct crewi_range range)
{
    if (is_planted(POOL_RETURN_LOST, range.count))
        return CREW_OK;
    if (is_planted(POOL_RETURN_TWICE, range.count))
        __real_crewi_schedule_return(schedule, range);
    return __real_crewi_schedule_return(schedule, range);
}

bool __real_crewi_schedule_take_for(struct crewi_schedule *schedule, double speed, uint64_t in_hand,
                                    struct crewi_range *chunk);
bool __wrap_crewi_schedule_take_for(struct crewi_schedule *schedule, double speed, uint64_t in_hand,
                                    struct crewi_range *chunk);
bool __wrap_crewi_schedule_take_for(struct crewi_schedule *schedule, double speed, uint64_t in_hand,
                                    struct crewi_range *chunk)
{
    bool any = __real_crewi_schedule_take_for(schedule, speed, in_hand, chunk);
    if (is_planted(POOL_CHUNK_TWICE, any))
        __real_crewi_schedule_return(schedule, *chunk);
    return any;
}

/* A worker that has left no draft, and had a task by itself. */
static void note_blame(const struct crewi_pool *pool, const struct crewi_worker *worker,
                       bool timed_out)
{
    const struct crewi_pool_outstanding *first = &worker->outstanding[0];
    const struct pool_user *creator =
        crewi_table_find(&sim_job_current()->by_process, pool->creator);
    uint64_t item;
    if (!first->alone)
        return;
    memcpy(&item, first->map->items + first->range.begin * sizeof item, sizeof item);
    pool_model_blame(creator->pool, item, timed_out);
}

void __real_crewi_pool_recover(struct crewi_engine *engine, struct crewi_pool *pool,
                               struct crewi_worker *worker,
                               const struct crewi_process_report *report, const void *draft);
void __wrap_crewi_pool_recover(struct crewi_engine *engine, struct crewi_pool *pool,
                               struct crewi_worker *worker,
                               const struct crewi_process_report *report, const void *draft);
void __wrap_crewi_pool_recover(struct crewi_engine *engine, struct crewi_pool *pool,
                               struct crewi_worker *worker,
                               const struct crewi_process_report *report, const void *draft)
{
    struct crewi_process_report known = *report;
    if (!known.draft_size && worker->outstanding_count)
        note_blame(pool, worker, known.cause == CREWI_END_TASK_LIMIT);
    bool in_task = known.draft_size && worker->outstanding_count && !worker->killed;
    if (is_planted(POOL_DEATH_IGNORED, worker->outstanding_count)) {
        worker->outstanding_count = 0;
        return;
    }
    if (is_planted(POOL_DRAFT_IGNORED, in_task))
        known.draft_size = 0;
    if (is_planted(POOL_DRAFT_TOO_LONG, in_task))
        known.draft_progress++;
    __real_crewi_pool_recover(engine, pool, worker, &known, draft);
}

void __real_crewi_pool_feed(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_worker *worker);
void __wrap_crewi_pool_feed(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_worker *worker);
void __wrap_crewi_pool_feed(struct crewi_engine *engine, struct crewi_pool *pool,
                            struct crewi_worker *worker)
{
    if (!is_planted(POOL_FEED_FORGOTTEN, !worker->outstanding_count && crewi_pool_has_work(pool)))
        __real_crewi_pool_feed(engine, pool, worker);
}

/* The model knows at once of a worker that is killed for the task that it is in. */
static void note_kill(uint64_t process)
{
    struct pool_user *user = crewi_table_find(&sim_job_current()->by_process, process);
    if (!user || !user->is_worker || user->work->killed)
        return;
    user->work->killed = true;
    if (user->base.ended)
        pool_model_kill_late(user->pool, &user->base);
}

void __real_crewi_process_signal(struct crewi_engine *engine, uint64_t process, int number);
void __wrap_crewi_process_signal(struct crewi_engine *engine, uint64_t process, int number);
void __wrap_crewi_process_signal(struct crewi_engine *engine, uint64_t process, int number)
{
    if (!is_planted(POOL_KILL_IGNORED, true))
        __real_crewi_process_signal(engine, process, number);
}

void __real_crewi_process_signal_here(struct crewi_engine *engine, uint64_t process, int number);
void __wrap_crewi_process_signal_here(struct crewi_engine *engine, uint64_t process, int number);
void __wrap_crewi_process_signal_here(struct crewi_engine *engine, uint64_t process, int number)
{
    note_kill(process);
    if (!is_planted(POOL_KILL_IGNORED, true))
        __real_crewi_process_signal_here(engine, process, number);
}

bool __real_crewi_claim_is_current(const struct crewi_claims *claims, struct crewi_claim_key key);
bool __wrap_crewi_claim_is_current(const struct crewi_claims *claims, struct crewi_claim_key key);
bool __wrap_crewi_claim_is_current(const struct crewi_claims *claims, struct crewi_claim_key key)
{
    static int64_t planted_ns = -1; /* it is asked twice */
    const struct sim_job *job = sim_job_current();
    bool is_current = __real_crewi_claim_is_current(claims, key);
    if (is_planted(POOL_KILL_BLIND, !is_current))
        planted_ns = job->now_ns;
    return is_current || (job && job->network.plant && planted_ns == job->now_ns);
}

void __real_crewi_pool_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                              const struct crewi_worker *worker, struct crewi_range range);
void __wrap_crewi_pool_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                              const struct crewi_worker *worker, struct crewi_range range);
void __wrap_crewi_pool_report(struct crewi_engine *engine, struct crewi_pool_map *map,
                              const struct crewi_worker *worker, struct crewi_range range)
{
    if (is_planted(POOL_REPORT_LOST, range.count))
        return;
    if (is_planted(POOL_REPORT_TWICE, range.count))
        __real_crewi_pool_report(engine, map, worker, range);
    __real_crewi_pool_report(engine, map, worker, range);
}

void __real_crewi_pool_keep_error(struct crewi_pool_errors *errors, const crew_task_error *error);
void __wrap_crewi_pool_keep_error(struct crewi_pool_errors *errors, const crew_task_error *error);
void __wrap_crewi_pool_keep_error(struct crewi_pool_errors *errors, const crew_task_error *error)
{
    crew_task_error misplaced = *error;
    misplaced.index += is_planted(POOL_ERROR_MISPLACED, true);
    __real_crewi_pool_keep_error(errors, &misplaced);
}

bool __real_crewi_claim_take_back(struct crewi_claims *claims, struct crewi_claim_key key,
                                  uint32_t keep, struct crewi_claim_range *taken);
bool __wrap_crewi_claim_take_back(struct crewi_claims *claims, struct crewi_claim_key key,
                                  uint32_t keep, struct crewi_claim_range *taken);
bool __wrap_crewi_claim_take_back(struct crewi_claims *claims, struct crewi_claim_key key,
                                  uint32_t keep, struct crewi_claim_range *taken)
{
    struct crewi_claims before = *claims;
    if (!__real_crewi_claim_take_back(claims, key, keep, taken))
        return false;
    if (is_planted(POOL_TAKEN_AND_KEPT, true))
        *claims = before;
    else
        pool_worker_robbed(
            (struct pool_worker *)((char *)claims - offsetof(struct pool_worker, claims)), key,
            *taken);
    return true;
}

/* All ranks and workers are this one process, and an address in a message would not be the same
 * when a seed is run again: nobody lends. */
struct crewi_loan __wrap_crewi_loan_make(const void *memory, const _Atomic uint64_t *cookie);
struct crewi_loan __wrap_crewi_loan_make(const void *memory, const _Atomic uint64_t *cookie)
{
    (void)memory;
    (void)cookie;
    return (struct crewi_loan){0};
}
