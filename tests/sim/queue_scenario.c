/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues: producers and consumers on many ranks, who also wait, close, and die. A queue has a
 * keeper, who does nothing but hold it, and looks at the end what is still in it. */
#include "base/clock.h"
#include "channel/queue_agent.h"
#include "channel/queue_items.h"
#include "queue_model.h"
#include "sim_scenarios.h"

#include <stdlib.h>
#include <string.h>

#define ANY_ROOM ((uint64_t)1 << 24)
#define ALL UINT32_MAX
/* As crew_queue_put() does it (queue_put.c). */
#define NOTES_AT_ONCE 64

/* What a client has to do with a queue. */
struct use {
    bool holds, has_closed, has_cancelled, is_unbounded;
    unsigned notes;
};

struct user {
    struct sim_client base; /* first */
    bool keeps;             /* the queue of its own number */
    bool drains;
    bool is_waiting; /* for a reply that may never come */
    struct use uses[LANES];
    uint8_t doing;                       /* the operation that it waits for; 0: none */
    uint32_t lane;                       /* of which queue */
    uint64_t number;                     /* PUT: of the item */
    uint32_t most;                       /* GET */
    int64_t asked_ns;                    /* when */
    uint64_t taken_before, dones_before; /* at that time */
};

struct market {
    uint32_t lane_count;
    struct lane lanes[LANES];
    int rests;
};

static struct market *market_of(const struct sim_job *job)
{
    return job->state;
}

static struct lane *lane_of(const struct user *user)
{
    return &market_of(user->base.job)->lanes[user->lane];
}

/* The keeper of a queue; NULL when it has ended. */
static struct user *keeper_of(struct sim_job *job, uint32_t lane)
{
    struct user *keeper = (struct user *)job->clients[lane];
    return keeper->base.ended ? NULL : keeper;
}

/* What it asks */

static int64_t choose_timeout(struct user *user)
{
    static const int64_t timeouts_ns[] = {0, 0, 20000, 1000000, 50000000, CREWI_FOREVER};
    return timeouts_ns[sim_below(&user->base.random, 6)];
}

static struct crewi_call call_of(const struct user *user, uint8_t op,
                                 const struct crewi_queue_head *head)
{
    return (struct crewi_call){.kind = CREWI_KIND_QUEUE,
                               .op = op,
                               .rank = user->base.rank->engine.rank,
                               .head = head,
                               .head_size = sizeof *head};
}

static void ask(struct user *user, const struct crewi_call *call)
{
    const struct lane *lane = lane_of(user);
    user->doing = call->op;
    user->asked_ns = user->base.job->now_ns;
    user->taken_before = lane->taken;
    user->dones_before = lane->dones_told;
    user->is_waiting = call->timeout_ns == CREWI_FOREVER;
    sim_client_ask(&user->base, call);
}

static void ask_simply(struct user *user, uint8_t op, int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = lane_of(user)->id};
    struct crewi_call call = call_of(user, op, &head);
    call.timeout_ns = timeout_ns;
    ask(user, &call);
}

static void put(struct user *user)
{
    struct sim_random *random = &user->base.random;
    struct lane *lane = lane_of(user);
    struct use *use = &user->uses[user->lane];
    uint32_t other = (uint32_t)sim_below(random, market_of(user->base.job)->lane_count);
    unsigned char item[4096] = {0};
    struct thing_label label = {.lane = user->lane};
    size_t size =
        sizeof label + (sim_chance(random, 50) ? sim_below(random, 4000) : sim_below(random, 100));
    /* Not the other way round: queues in each other's items, or their own, never end. */
    if (other > user->lane && user->uses[other].holds && sim_chance(random, 200))
        label.handle = market_of(user->base.job)->lanes[other].id;
    user->number = label.number = lane_put(lane, user->base.number);
    memcpy(item, &label, sizeof label);
    struct crewi_queue_head head = {.id = lane->id, .size = size, .count = 1};
    struct crewi_call call = call_of(user, CREWI_QUEUE_PUT, &head);
    call.body = item;
    call.body_size = size;
    if (use->is_unbounded && use->notes + 1 < NOTES_AT_ONCE) {
        use->notes++;
        sim_client_tell(&user->base, &call);
        lane_put_returned(lane, label.number, true);
        sim_client_think(&user->base);
        return;
    }
    use->notes = 0;
    call.timeout_ns = choose_timeout(user);
    ask(user, &call);
}

static void get(struct user *user, uint32_t most, uint64_t room, int64_t timeout_ns)
{
    struct crewi_queue_head head = {.id = lane_of(user)->id, .size = room, .count = most};
    struct crewi_call call = call_of(user, CREWI_QUEUE_GET, &head);
    call.timeout_ns = timeout_ns;
    user->most = most;
    lane_of(user)->wanted += most;
    ask(user, &call);
}

static void wait_for(struct user *user)
{
    uint64_t id = lane_of(user)->id;
    struct crewi_call call = {.kind = CREWI_KIND_QUEUE,
                              .op = CREWI_OP_WAIT,
                              .rank = user->base.rank->engine.rank,
                              .timeout_ns = choose_timeout(user),
                              .head = &id,
                              .head_size = sizeof id};
    ask(user, &call);
    if (call.timeout_ns != CREWI_FOREVER)
        return;
    uint64_t range[3] = {id, user->base.last_request, user->base.last_request};
    call.op = CREWI_OP_FORGET_WAITS;
    call.head = range;
    call.head_size = sizeof range;
    sim_client_tell(&user->base, &call);
    sim_client_forget(&user->base, user->base.last_request, user->base.last_request);
    user->doing = 0;
    sim_client_think(&user->base);
}

static void finish_item(struct user *user)
{
    lane_of(user)->dones_asked++;
    ask_simply(user, CREWI_QUEUE_TASK_DONE, 0);
}

static void close_or_cancel(struct user *user)
{
    struct use *use = &user->uses[user->lane];
    if (sim_chance(&user->base.random, 300)) {
        use->has_cancelled = true;
        ask_simply(user, CREWI_QUEUE_CANCEL, 0);
        return;
    }
    *use = (struct use){.has_closed = true, .has_cancelled = use->has_cancelled};
    ask_simply(user, CREWI_QUEUE_CLOSE, 0);
}

static void gather(struct user *user)
{
    lane_of(user)->gathers++;
    ask_simply(user, CREWI_QUEUE_GATHER, 0);
}

static void do_something(struct user *user)
{
    struct sim_random *random = &user->base.random;
    uint64_t choice = sim_below(random, 1000);
    user->lane = (uint32_t)sim_below(random, market_of(user->base.job)->lane_count);
    if (!lane_of(user)->id) /* not created yet */
        sim_client_think(&user->base);
    else if (choice < 450)
        put(user);
    else if (choice < 700)
        get(user, 1, sim_chance(random, 50) ? 60 : ANY_ROOM, choose_timeout(user));
    else if (choice < 780)
        get(user, (uint32_t)sim_between(random, 2, 8), sim_chance(random, 300) ? 300 : ANY_ROOM,
            choose_timeout(user));
    else if (choice < 850)
        finish_item(user);
    else if (choice < 900)
        ask_simply(user, CREWI_QUEUE_SIZE, 0);
    else if (choice < 920)
        ask_simply(user, CREWI_QUEUE_JOIN, choose_timeout(user));
    else if (choice < 970)
        wait_for(user);
    else if (choice < 978)
        close_or_cancel(user);
    else if (choice < 983)
        gather(user);
    else
        sim_client_wake(&user->base, 20 * user->base.job->weather.think_ns);
}

static void act(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    if (user->doing)
        return;
    if (user->drains)
        get(user, 3, ANY_ROOM, 0);
    else if (user->keeps)
        return;
    else if (client->steps) {
        client->steps--;
        do_something(user);
    } else if (sim_chance(&client->random, 500)) {
        sim_client_end(client);
    }
}

/* What it hears */

static void receive(struct user *user, const unsigned char *item, uint64_t size)
{
    struct market *market = market_of(user->base.job);
    struct thing_label label;
    memcpy(&label, item, sizeof label);
    if (size < sizeof label || label.lane != user->lane) {
        sim_violation(user->base.job, "an item of %llu bytes that nobody has put there",
                      (unsigned long long)size);
        return;
    }
    lane_taken(lane_of(user), label.number, user->base.number, user->asked_ns);
    for (uint32_t i = 0; i < market->lane_count; i++)
        if (market->lanes[i].id == label.handle && label.handle)
            user->uses[i] =
                (struct use){.holds = true, .has_cancelled = user->uses[i].has_cancelled};
}

static void hear_items(struct user *user, const struct crewi_frame *frame)
{
    struct crewi_queue_head head;
    memcpy(&head, frame->payload, sizeof head);
    const unsigned char *items = frame->payload + sizeof head;
    if (head.status == CREW_ETOOSMALL)
        return;
    uint64_t size = head.size;
    for (uint32_t i = 0; i < head.count && !user->base.job->failed; i++) {
        if (head.count > 1)
            memcpy(&size,
                   frame->payload + sizeof head + crewi_queue_pad(head.size) + i * sizeof size,
                   sizeof size);
        receive(user, items, size);
        items += size;
    }
}

/* Those of the home come first: what ranks hold of the same producers came later. */
static void hear_gathered(struct user *user, const struct crewi_frame *frame)
{
    struct crewi_queue_record record;
    const unsigned char *item, *data = frame->payload + sizeof(struct crewi_queue_head);
    uint64_t size = frame->header.size - sizeof(struct crewi_queue_head);
    for (int homes = 1; homes >= 0; homes--)
        for (uint64_t at = 0; crewi_queue_next_record(data, size, &at, &record, &item);)
            if ((record.rank == crewi_id_home(lane_of(user)->id)) == homes)
                receive(user, item, record.size);
}

static void hear_size(struct user *user, const struct crewi_frame *frame)
{
    struct lane *lane = lane_of(user);
    struct crewi_queue_state state;
    uint64_t least, most;
    memcpy(&state, frame->payload, sizeof state);
    lane_count(lane, &least, &most);
    if (user->drains && (state.count < least || state.count > most))
        sim_violation(lane->job, "a queue says it has %llu items, and it has %llu to %llu",
                      (unsigned long long)state.count, (unsigned long long)least,
                      (unsigned long long)most);
}

static void hear_task_done(struct user *user, bool good)
{
    struct lane *lane = lane_of(user);
    lane->dones_told += good;
    if (lane->drops)
        return;
    if (good && lane->dones_told > lane->thing_count - lane->refused)
        sim_violation(lane->job, "more items are done than were put");
    if (!good && lane_returned_by(lane, user->asked_ns) >= lane->dones_asked)
        sim_violation(lane->job, "an item cannot be done, but only %llu of %llu are",
                      (unsigned long long)lane->dones_asked - 1,
                      (unsigned long long)lane_returned_by(lane, user->asked_ns));
}

static void hear_join(struct user *user, bool good)
{
    struct lane *lane = lane_of(user);
    if (lane->drops)
        return;
    if (good && lane_returned_by(lane, user->asked_ns) > lane->dones_asked)
        sim_violation(lane->job, "join returns with %llu items put and at most %llu done",
                      (unsigned long long)lane_returned_by(lane, user->asked_ns),
                      (unsigned long long)lane->dones_asked);
    if (!good && lane->thing_count - lane->refused <= user->dones_before)
        sim_violation(lane->job, "join is late with %llu items put and as many done",
                      (unsigned long long)user->dones_before);
}

static void hear_created(struct user *user, const struct crewi_frame *frame)
{
    memcpy(&lane_of(user)->id, frame->payload, sizeof lane_of(user)->id);
    user->uses[user->lane].holds = true;
}

static bool is_expected(const struct user *user, uint8_t op, int status)
{
    switch (op) {
    case CREWI_QUEUE_PUT:
        return status == CREW_OK || status == CREW_EFULL;
    case CREWI_QUEUE_GET:
        return status == CREW_OK || status == CREW_EEMPTY;
    case CREWI_QUEUE_TASK_DONE:
        return status == CREW_OK || status == CREW_ESTATE;
    case CREWI_QUEUE_JOIN:
        return status == CREW_OK || status == CREW_ETIMEDOUT;
    default:
        (void)user;
        return status == CREW_OK;
    }
}

/* Whether the queue was not there for it. */
static bool hear_closed(struct user *user, uint8_t op, const struct crewi_frame *frame)
{
    struct use *use = &user->uses[user->lane];
    int status = frame->header.status;
    bool says_gone = status == CREW_ECLOSED || status == CREW_ENOENT;
    bool may_be = use->has_closed || (!use->holds && !keeper_of(user->base.job, user->lane));
    if (!says_gone && !is_expected(user, op, status))
        sim_violation(user->base.job, "client %u is told %d: %.*s", user->base.number, status,
                      (int)frame->header.size, (const char *)frame->payload);
    if (says_gone && !may_be)
        sim_violation(user->base.job, "client %u is told that its queue is gone",
                      user->base.number);
    if (!says_gone && op != CREWI_QUEUE_CLOSE && op != CREWI_QUEUE_CANCEL)
        use->holds = true;
    return says_gone;
}

static void hear_put(struct user *user, const struct crewi_frame *frame)
{
    struct crewi_queue_state state;
    bool good = frame->header.status == CREW_OK;
    lane_put_returned(lane_of(user), user->number, good);
    if (frame->header.status == CREW_EFULL)
        lane_was_full(lane_of(user), user->taken_before);
    if (!good)
        return;
    memcpy(&state, frame->payload, sizeof state);
    user->uses[user->lane].is_unbounded = state.is_unbounded;
}

static void hear_op(struct user *user, uint8_t op, const struct crewi_frame *frame)
{
    bool good = frame->header.status == CREW_OK;
    bool closed = op != CREWI_QUEUE_CREATE && hear_closed(user, op, frame);
    if (op == CREWI_QUEUE_GET)
        lane_of(user)->wanted -= user->most;
    lane_of(user)->gathers -= op == CREWI_QUEUE_GATHER;
    if (op == CREWI_QUEUE_PUT)
        hear_put(user, frame);
    if (closed) {
        if (op == CREWI_QUEUE_TASK_DONE)
            lane_of(user)->dones_asked--;
        return;
    }
    if (op == CREWI_QUEUE_GET && good)
        hear_items(user, frame);
    else if (op == CREWI_QUEUE_GET && frame->header.status == CREW_EEMPTY)
        lane_was_empty(lane_of(user), user->asked_ns);
    else if (op == CREWI_QUEUE_SIZE)
        hear_size(user, frame);
    else if (op == CREWI_QUEUE_TASK_DONE)
        hear_task_done(user, good);
    else if (op == CREWI_QUEUE_JOIN)
        hear_join(user, good);
    else if (op == CREWI_QUEUE_GATHER)
        hear_gathered(user, frame);
    else if (op == CREWI_QUEUE_CREATE)
        hear_created(user, frame);
    if (op == CREWI_QUEUE_TASK_DONE && !good)
        lane_of(user)->dones_asked--;
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct user *user = (struct user *)client;
    uint8_t op = user->doing;
    user->doing = 0;
    user->is_waiting = false;
    hear_op(user, op, frame);
    if (user->drains && op == CREWI_QUEUE_GET && frame->header.status == CREW_EEMPTY)
        user->drains = false;
    sim_client_think(client);
}

static void ended(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    struct lane *lane = lane_of(user);
    if (user->doing == CREWI_QUEUE_GET) {
        lane->wanted -= user->most;
        lane->may_be_lost += user->most;
    }
    lane->is_lossy |= user->doing == CREWI_QUEUE_GATHER;
    for (uint32_t i = 0; i < market_of(client->job)->lane_count; i++)
        if (user->uses[i].has_cancelled)
            lane_drop(&market_of(client->job)->lanes[i], client->number);
}

/* The scenario */

static void create_queue(struct user *keeper, uint32_t number)
{
    struct sim_random *random = &keeper->base.random;
    struct crewi_queue_spec spec = {0};
    if (sim_chance(random, 400))
        spec.max_items = (int64_t)sim_between(random, 1, 8);
    else
        spec.scattered = sim_chance(random, 300);
    lane_init(&market_of(keeper->base.job)->lanes[number], keeper->base.job,
              (uint64_t)spec.max_items);
    keeper->keeps = true;
    keeper->lane = number;
    struct crewi_call call = {.kind = CREWI_KIND_QUEUE,
                              .op = CREWI_QUEUE_CREATE,
                              .rank = keeper->base.rank->engine.rank,
                              .head = &spec,
                              .head_size = sizeof spec};
    ask(keeper, &call);
}

/* The others begin a little later, when there are queues. */
static void begin(struct sim_job *job)
{
    struct market *market = sim_alloc(sizeof *market);
    job->state = market;
    sim_job_set_kind(job, CREWI_KIND_QUEUE, &crewi_queue_kind);
    market->lane_count = (uint32_t)sim_between(&job->random, 1, LANES);
    for (uint32_t i = 0; i < market->lane_count + job->client_target && i < LANE_USERS; i++) {
        struct sim_client *client =
            sim_client_create(job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
        if (i < market->lane_count)
            create_queue((struct user *)client, i);
    }
}

/* Whoever waits for ever has to have a reason. */
static void check_waiting(struct user *user)
{
    const struct lane *lane = lane_of(user);
    uint64_t least, most;
    lane_count(lane, &least, &most);
    if (user->doing == CREWI_QUEUE_GET && least)
        sim_violation(lane->job, "client %u waits for an item, and there are %llu",
                      user->base.number, (unsigned long long)least);
    if (user->doing == CREWI_QUEUE_PUT && most < lane->max_items + 1)
        sim_violation(lane->job, "client %u waits for room, with %llu items", user->base.number,
                      (unsigned long long)most - 1);
    if (user->doing == CREWI_QUEUE_JOIN && !lane->drops &&
        lane->thing_count - lane->refused <= lane->dones_told)
        sim_violation(lane->job, "client %u waits for items to be done, and all are",
                      user->base.number);
}

static bool end_of_acts(struct sim_job *job)
{
    bool any = false;
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct user *user = (struct user *)job->clients[i];
        if (user->base.ended || user->keeps)
            continue;
        if (user->is_waiting && !job->broken)
            check_waiting(user);
        if (user->is_waiting || user->base.request_count == 0)
            sim_client_end(&user->base);
        any = true;
    }
    return any;
}

static bool drain_queues(struct sim_job *job)
{
    bool any = false;
    for (uint32_t i = 0; i < market_of(job)->lane_count && !job->broken; i++) {
        struct user *keeper = keeper_of(job, i);
        if (!keeper || keeper->doing)
            continue;
        keeper->drains = true;
        ask_simply(keeper, CREWI_QUEUE_SIZE, 0);
        any = true;
    }
    return any;
}

static void check_lanes(struct sim_job *job)
{
    for (uint32_t i = 0; i < market_of(job)->lane_count && !job->broken; i++) {
        uint64_t least, most;
        lane_count(&market_of(job)->lanes[i], &least, &most);
        if (keeper_of(job, i) && least)
            sim_violation(job, "%llu items of queue %u are lost", (unsigned long long)least, i);
    }
}

static bool at_rest(struct sim_job *job)
{
    int rest = market_of(job)->rests++;
    if (rest == 0)
        return end_of_acts(job) || drain_queues(job);
    if (rest == 1)
        return drain_queues(job);
    check_lanes(job);
    return false;
}

static void finish(struct sim_job *job)
{
    (void)job;
}

static void destroy(struct sim_job *job)
{
    for (uint32_t i = 0; i < market_of(job)->lane_count; i++)
        lane_fini(&market_of(job)->lanes[i]);
    free(job->state);
}

static const char *op_name(uint8_t kind, uint8_t op)
{
    static const char *const clients[] = {"?",     "create",      "put",   "get",
                                          "size",  "task_done",   "join",  "gather",
                                          "close", "join_thread", "cancel"};
    static const char *const engines[] = {"BATCH", "HANDOVER",  "RELEASED", "DROP",
                                          "FLUSH", "FLUSH_NOW", "FLUSHED",  "ANNOUNCE",
                                          "BEGIN", "JOIN_IN",   "GATHERED", "COUNTED"};
    if (kind != CREWI_KIND_QUEUE)
        return NULL;
    uint8_t asked = op & (CREWI_ENGINE_OPS - 1); /* at home it is a twin of the client's */
    if (op < CREWI_QUEUE_BATCH)
        return asked <= CREWI_QUEUE_CANCEL ? clients[asked] : NULL;
    return op <= CREWI_QUEUE_COUNTED ? engines[op - CREWI_QUEUE_BATCH] : NULL;
}

static const struct sim_plant plants[] = {
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"double-reply", SIM_PLANT_DOUBLE, CREWI_REPLY, 0, 0},
    {"lost-batch", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_QUEUE, CREWI_QUEUE_BATCH},
    {"double-batch", SIM_PLANT_DOUBLE, CREWI_NOTE, CREWI_KIND_QUEUE, CREWI_QUEUE_BATCH},
    {"lost-flushed", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_QUEUE, CREWI_QUEUE_FLUSHED},
    {"late-batch", SIM_PLANT_OVERTAKE, CREWI_NOTE, CREWI_KIND_QUEUE, CREWI_QUEUE_BATCH},
    {"lost-handover", SIM_PLANT_DROP, CREWI_REQUEST, CREWI_KIND_QUEUE, CREWI_QUEUE_HANDOVER},
    {.name = NULL},
};

const struct sim_scenario sim_queues_scenario = {
    .name = "queues",
    .about = "producers and consumers of bounded, unbounded and scattered queues",
    .ranks = 5,
    .clients = 12,
    .steps = 150,
    .most_events = 1000,
    .client_size = sizeof(struct user),
    .plants = plants,
    .begin = begin,
    .act = act,
    .hear = hear,
    .ended = ended,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = op_name,
};
