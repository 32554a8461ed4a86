/* SPDX-License-Identifier: BSD-3-Clause */
/* A list that is used as a queue, a dict with numbers that all count up, by adding and by versions,
 * and lists that are there only because their handles are in the dict. */
#include "base/clock.h"
#include "engine/handles.h"
#include "shared/any_pack.h"
#include "shared/container_agent.h"
#include "shared/container_protocol.h"
#include "sim_client.h"
#include "sim_scenarios.h"

#include <stdlib.h>
#include <string.h>

#define MOST_USERS 64
#define NO_VERSION UINT64_MAX

enum doing {
    DO_NOTHING,
    DO_MAKE_LIST, /* the first client's alone */
    DO_MAKE_DICT,
    DO_APPEND,
    DO_TAKE,
    DO_ADD,
    DO_COMPARE,
    DO_MAKE, /* a list whose handle is put into the dict */
    DO_STORE,
    DO_FETCH,
    DO_USE,
    DO_CLOSE,
    DO_LIST_ALL, /* at rest */
    DO_GET_SUM,
    DO_GET_COUNT
};

struct user {
    struct sim_client base; /* first */
    uint8_t doing;
    bool knows_list, knows_dict;   /* they have answered it: they are there as long as it is */
    bool has_fetched;              /* mine came out of the dict */
    uint64_t number;               /* that it appends, or would set */
    uint64_t version;              /* that it has seen; NO_VERSION: none */
    uint64_t asked_sums;           /* additions that were answered when it asked */
    uint64_t mine;                 /* a list in its hand */
    int64_t last_seen[MOST_USERS]; /* by who has appended it */
};

enum thing_state { THING_ASKED, THING_IN, THING_TAKEN };

struct thing {
    uint32_t producer;
    uint8_t state;
};

struct world {
    uint64_t list, dict;
    bool is_hopeless; /* nobody makes them any more */
    struct thing *things;
    size_t thing_count, thing_room;
    uint64_t may_be_lost; /* taken for somebody who has ended */
    uint64_t sums_asked, sums_answered, counts_asked, counts_answered;
    struct crewi_table sums, counts; /* that somebody was told */
    unsigned rounds;
};

static struct world *world_of(const struct user *user)
{
    return user->base.job->state;
}

/* What it asks */

static void ask(struct user *user, enum doing doing, uint8_t op, struct crewi_container_head head,
                const crew_any *values)
{
    unsigned char body[200], *at = body;
    for (uint32_t i = 0; i < head.count; i++)
        at = crewi_any_write(&values[i], at);
    struct crewi_call call = {.kind = CREWI_KIND_CONTAINER,
                              .op = op,
                              .rank = user->base.rank->engine.rank,
                              .head = &head,
                              .head_size = sizeof head,
                              .body = body,
                              .body_size = (size_t)(at - body)};
    user->doing = (uint8_t)doing;
    sim_client_ask(&user->base, &call);
}

static void make(struct user *user, enum doing doing, enum crewi_container_type type)
{
    struct crewi_container_spec spec = {.type = type, .max_bytes = CREWI_CONTAINER_BYTES_LIMIT};
    struct crewi_call call = {.kind = CREWI_KIND_CONTAINER,
                              .op = CREWI_CONTAINER_CREATE,
                              .rank = user->base.rank->engine.rank,
                              .head = &spec,
                              .head_size = sizeof spec};
    user->doing = (uint8_t)doing;
    sim_client_ask(&user->base, &call);
}

static struct crewi_container_head of_list(const struct user *user, uint32_t count)
{
    return (struct crewi_container_head){.id = world_of(user)->list,
                                         .stop = INT64_MAX,
                                         .count = count,
                                         .type = CREWI_LIST,
                                         .flags = CREWI_CONTAINER_GIVE};
}

static struct crewi_container_head of_dict(const struct user *user, uint32_t count)
{
    return (struct crewi_container_head){
        .id = world_of(user)->dict, .count = count, .type = CREWI_DICT};
}

static void append(struct user *user)
{
    struct world *world = world_of(user);
    if (world->thing_count == world->thing_room) {
        world->thing_room = 2 * world->thing_room + 16;
        world->things = realloc(world->things, world->thing_room * sizeof *world->things);
        if (!world->things)
            abort();
    }
    user->number = world->thing_count++;
    world->things[user->number] = (struct thing){.producer = user->base.number};
    struct crewi_container_head head = of_list(user, 1);
    head.index = INT64_MAX;
    crew_any value = crew_int((int64_t)user->number);
    ask(user, DO_APPEND, CREWI_LIST_INSERT, head, &value);
}

static void add(struct user *user)
{
    crew_any entry[2] = {crew_string("sum"), crew_int(1)};
    user->asked_sums = world_of(user)->sums_answered;
    world_of(user)->sums_asked++;
    ask(user, DO_ADD, CREWI_DICT_ADD, of_dict(user, 2), entry);
}

/* One more than what it has seen, if that is still there. */
static void compare(struct user *user)
{
    struct crewi_container_head head = of_dict(user, 2);
    crew_any entry[2] = {crew_string("count"), crew_int((int64_t)user->number)};
    head.flags = CREWI_CONTAINER_IF_VERSION;
    head.version = user->version;
    world_of(user)->counts_asked++;
    ask(user, DO_COMPARE, CREWI_DICT_SET, head, entry);
}

static void store(struct user *user)
{
    crew_any entry[2] = {crew_int(user->base.number % 4), CREW_HANDLE(user->mine)};
    ask(user, DO_STORE, CREWI_DICT_SET, of_dict(user, 2), entry);
}

static void use_mine(struct user *user, enum doing doing, uint8_t op)
{
    ask(user, doing, op, (struct crewi_container_head){.id = user->mine, .type = CREWI_LIST}, NULL);
}

static void do_something(struct user *user)
{
    struct sim_random *random = &user->base.random;
    uint64_t choice = sim_below(random, 100);
    crew_any key = crew_int((int64_t)sim_below(random, 4));
    if (choice < 25) {
        append(user);
    } else if (choice < 50) {
        ask(user, DO_TAKE, CREWI_LIST_TAKE, of_list(user, 0), NULL);
    } else if (choice < 65) {
        add(user);
    } else if (choice < 80) {
        user->version = NO_VERSION;
        compare(user);
    } else if (choice < 88) {
        make(user, DO_MAKE, CREWI_LIST);
    } else {
        ask(user, DO_FETCH, CREWI_DICT_GET, of_dict(user, 1), &key);
    }
}

static void act(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    const struct world *world = world_of(user);
    if (user->doing) /* it goes on with the reply */
        return;
    if (!world->dict && world->is_hopeless) {
        sim_client_end(client);
    } else if (!world->dict && client->number == 0) {
        make(user, world->list ? DO_MAKE_DICT : DO_MAKE_LIST,
             world->list ? CREWI_DICT : CREWI_LIST);
    } else if (!world->dict) {
        sim_client_wake(client, CREWI_MILLISECOND);
    } else if (client->steps) {
        client->steps--;
        do_something(user);
    } else if (client->number && sim_chance(&client->random, 300)) {
        sim_client_end(client);
    }
}

/* What it hears */

static void check_number(struct user *user, struct crewi_table *told, const char *what,
                         uint64_t number, uint64_t most)
{
    if (!number || number > most)
        sim_violation(user->base.job, "client %u is told a %s of %llu, at most %llu can be",
                      user->base.number, what, (unsigned long long)number,
                      (unsigned long long)most);
    else if (crewi_table_find(told, number))
        sim_violation(user->base.job, "client %u is told a %s of %llu as somebody else was",
                      user->base.number, what, (unsigned long long)number);
    else if (crewi_table_add(told, number, user))
        abort();
}

static void hear_taken(struct user *user, uint64_t number)
{
    struct world *world = world_of(user);
    struct thing *thing = number < world->thing_count ? &world->things[number] : NULL;
    if (!thing || thing->state == THING_TAKEN) {
        sim_violation(user->base.job, "client %u takes item %llu, which was %s", user->base.number,
                      (unsigned long long)number, thing ? "taken before" : "never put in");
        return;
    }
    thing->state = THING_TAKEN;
    int64_t *last = &user->last_seen[thing->producer % MOST_USERS];
    if (thing->producer < MOST_USERS && (int64_t)number <= *last)
        sim_violation(user->base.job, "client %u takes item %llu after %lld of the same client",
                      user->base.number, (unsigned long long)number, (long long)*last);
    *last = (int64_t)number;
}

static void hear_sum(struct user *user, const struct crewi_container_head *head, int64_t sum)
{
    struct world *world = world_of(user);
    uint64_t number = head->count ? (uint64_t)sum : 1;
    check_number(user, &world->sums, "sum", number, world->sums_asked);
    if (number <= user->asked_sums)
        sim_violation(user->base.job, "client %u is told a sum of %llu, and %llu were there before",
                      user->base.number, (unsigned long long)number,
                      (unsigned long long)user->asked_sums);
    world->sums_answered++;
}

/* Somebody else's came before: one more than that one then. */
static void hear_compared(struct user *user, const struct crewi_container_head *head, int64_t value)
{
    struct world *world = world_of(user);
    if (head->number) {
        check_number(user, &world->counts, "count", user->number, world->counts_asked);
        world->counts_answered++;
        return;
    }
    user->number = head->count ? (uint64_t)value + 1 : 1;
    user->version = head->version;
    compare(user);
}

static void hear_all(struct user *user, const crew_any *items)
{
    struct world *world = world_of(user);
    uint64_t missing = 0;
    for (size_t i = 0; i < crew_any_length(*items); i++)
        hear_taken(user, (uint64_t)items->list.items[i].integer);
    for (size_t i = 0; i < world->thing_count; i++)
        missing += world->things[i].state == THING_IN;
    if (missing > world->may_be_lost)
        sim_violation(user->base.job, "%llu items are lost, at most %llu can be",
                      (unsigned long long)missing, (unsigned long long)world->may_be_lost);
}

static void check_end(struct user *user, const char *what, int64_t value, uint64_t answered,
                      uint64_t asked)
{
    if ((uint64_t)value < answered || (uint64_t)value > asked)
        sim_violation(user->base.job, "the %s is %lld in the end, after %llu to %llu", what,
                      (long long)value, (unsigned long long)answered, (unsigned long long)asked);
}

static void hear_value(struct user *user, enum doing doing, const struct crewi_container_head *head,
                       const crew_any *value)
{
    struct world *world = world_of(user);
    if (doing == DO_APPEND && world->things[user->number].state == THING_ASKED)
        world->things[user->number].state = THING_IN;
    else if (doing == DO_TAKE)
        hear_taken(user, (uint64_t)value->integer);
    else if (doing == DO_ADD)
        hear_sum(user, head, value->integer);
    else if (doing == DO_COMPARE)
        hear_compared(user, head, value->integer);
    else if (doing == DO_LIST_ALL)
        hear_all(user, value);
    else if (doing == DO_GET_SUM)
        check_end(user, "sum", value->integer, world->sums_answered, world->sums_asked);
    else if (doing == DO_GET_COUNT)
        check_end(user, "count", value->integer, world->counts_answered, world->counts_asked);
    else if (doing == DO_STORE)
        use_mine(user, DO_CLOSE, CREWI_CONTAINER_CLOSE);
    else if (doing == DO_USE)
        use_mine(user, DO_CLOSE, CREWI_CONTAINER_CLOSE);
    else if (doing == DO_FETCH && !crew_any_to_handle(*value, &user->mine, sizeof user->mine))
        use_mine(user, DO_USE, CREWI_CONTAINER_LENGTH);
}

/* What was got out of the dict is there; and so are those two for who has used them. */
static bool may_be_refused(const struct user *user, enum doing doing, int status)
{
    bool of_list = doing == DO_APPEND || doing == DO_TAKE || doing == DO_LIST_ALL;
    if (doing == DO_TAKE && status == CREW_EEMPTY)
        return true;
    if ((doing == DO_FETCH || doing == DO_GET_SUM || doing == DO_GET_COUNT) &&
        status == CREW_ENOENT)
        return true;
    if (status != CREW_ECLOSED || doing == DO_USE || doing == DO_CLOSE)
        return false;
    return of_list ? !user->knows_list : !user->knows_dict;
}

static void hear_made(struct user *user, enum doing doing, const struct crewi_frame *frame)
{
    uint64_t id;
    memcpy(&id, frame->payload, sizeof id);
    if (doing == DO_MAKE_LIST) {
        world_of(user)->list = id;
        user->knows_list = true;
    } else if (doing == DO_MAKE_DICT) {
        world_of(user)->dict = id;
        user->knows_dict = true;
    } else {
        user->mine = id;
        store(user);
    }
}

static void hear_answer(struct user *user, enum doing doing, const struct crewi_frame *frame)
{
    struct crewi_container_head head;
    crew_any value = crew_nil();
    size_t size = frame->header.size - sizeof head;
    memcpy(&head, frame->payload, sizeof head);
    if (head.count && crew_any_unpack(&value, frame->payload + sizeof head, size)) {
        sim_violation(user->base.job, "client %u gets what is no value", user->base.number);
        return;
    }
    user->knows_list |= doing == DO_APPEND || doing == DO_TAKE;
    user->knows_dict |= doing == DO_ADD || doing == DO_COMPARE || doing == DO_FETCH;
    hear_value(user, doing, &head, &value);
    crew_any_clear(&value);
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct user *user = (struct user *)client;
    enum doing doing = (enum doing)user->doing;
    user->doing = DO_NOTHING;
    if (frame->header.status) {
        if (!may_be_refused(user, doing, frame->header.status))
            sim_violation(client->job, "client %u is refused %d with %d: %.*s", client->number,
                          doing, frame->header.status, (int)frame->header.size,
                          (const char *)frame->payload);
    } else if (doing == DO_MAKE_LIST || doing == DO_MAKE_DICT || doing == DO_MAKE) {
        hear_made(user, doing, frame);
    } else if (doing != DO_CLOSE) {
        hear_answer(user, doing, frame);
    }
    if (!user->doing)
        sim_client_think(client);
}

static void ended(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    struct world *world = client->job->state;
    world->may_be_lost += user->doing == DO_TAKE;
    world->is_hopeless |= client->number == 0;
}

/* The scenario */

static void begin(struct sim_job *job)
{
    job->state = sim_alloc(sizeof(struct world));
    sim_job_set_kind(job, CREWI_KIND_CONTAINER, &crewi_container_kind);
    for (uint32_t i = 0; i < job->client_target; i++) {
        struct user *user = (struct user *)sim_client_create(
            job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
        for (int j = 0; user && j < MOST_USERS; j++)
            user->last_seen[j] = -1;
    }
}

/* One that has used both looks at all that there is. */
static bool at_rest(struct sim_job *job)
{
    struct world *world = job->state;
    crew_any keys[] = {crew_string("sum"), crew_string("count")};
    struct user *user = NULL;
    for (uint32_t i = 0; i < job->client_count && !user; i++) {
        struct user *other = (struct user *)job->clients[i];
        if (!other->base.ended && !other->base.request_count && other->knows_list &&
            other->knows_dict)
            user = other;
    }
    if (job->broken || !user)
        return false;
    switch (world->rounds++) {
    case 0:
        ask(user, DO_LIST_ALL, CREWI_LIST_SLICE, of_list(user, 0), NULL);
        return true;
    case 1:
        ask(user, DO_GET_SUM, CREWI_DICT_GET, of_dict(user, 1), &keys[0]);
        return true;
    case 2:
        ask(user, DO_GET_COUNT, CREWI_DICT_GET, of_dict(user, 1), &keys[1]);
        return true;
    default:
        return false;
    }
}

static void finish(struct sim_job *job)
{
    (void)job;
}

static void destroy(struct sim_job *job)
{
    struct world *world = job->state;
    crewi_table_fini(&world->sums);
    crewi_table_fini(&world->counts);
    free(world->things);
    free(world);
}

static const char *op_name(uint8_t kind, uint8_t op)
{
    if (kind != CREWI_KIND_CONTAINER)
        return NULL;
    return op == CREWI_CONTAINER_HANDOVER ? "handover" : NULL;
}

static const struct sim_plant plants[] = {
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"double-reply", SIM_PLANT_DOUBLE, CREWI_REPLY, 0, 0},
    {"lost-handover", SIM_PLANT_DROP, CREWI_REQUEST, CREWI_KIND_CONTAINER,
     CREWI_CONTAINER_HANDOVER},
    {"lost-give-back", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_CONTAINER, CREWI_OP_GIVE_BACK},
    {"lost-attach", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_CONTAINER, CREWI_OP_ATTACH},
    {.name = NULL},
};

const struct sim_scenario sim_containers_scenario = {
    .name = "containers",
    .about = "a list, a dict, and handles in it, used by all",
    .ranks = 5,
    .clients = 16,
    .steps = 60,
    .most_events = 4000,
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
